#!/bin/sh
# SPDX-License-Identifier: MIT
# Measuring workers: what wpkworker does by itself, what wpkc makes of one that
# fails in every way there is, and that nothing is left behind of either.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work" "$scratch/tmp"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
FAKE_FOLDER=$scratch/fake.counts
export TMPDIR FAKE_FOLDER
worker=$top_builddir/wpkworker
cat >twice.wpk <<'END2'
export op twice[N = 100](x: f32[N]) -> (y: f32[N])
{
    y[i] = 2 * x[i];
}
END2

# ---- the worker's own declarations ----

cuda=
[ -z "$NVCC" ] || cuda=$(dirname "$NVCC")/..
if [ -r "$cuda/include/cuda.h" ]; then
	# shellcheck disable=SC2086 # CC may be several words
	check "declarations are those of the toolkit" $CC -std=gnu11 \
		-fsyntax-only -I"$top_srcdir" -I"$cuda/include" \
		"$top_srcdir/tests/worker/abi.c"
else
	skip "declarations are those of the toolkit" "no toolkit"
fi
ends 1 "no options, no worker" "usage: wpkworker" "$worker"
ends 1 "one mode at a time" "usage: wpkworker" "$worker" --compile --device=emu
ends 1 "an unknown device" "no device 'tpu'" "$worker" --device=tpu

# asks WORKER-OPTIONS...: what it answers to the requests on standard input.
asks() {
	timeout 60 "$worker" "$@" 2>&1
}
echo 'hello
[1]
{"do": "dance"}' | asks --device=emu >answers
check "what is no request is refused" test "$(grep -c '"error"' answers)" = 3
echo '{"do": "measure", "id": 4}' | asks --device=emu >answers
check "nothing is measured without a problem" grep -q \
	'"id":4,"verdict":"launch","message":"no problem was given"' answers

# tensor NAME ROLE: a hundred floats.
tensor() {
	printf '{"name": "%s", "role": "%s", "bytes": %s, "elements": 100, ' \
		"$1" "$2" "${3:-400}"
	printf '"class": "float", "bits": 32, "significand": 24, "emin": -126}'
}

# problem NUMBER INPUTS: zeros go in and must come out.
problem() {
	printf '{"do": "problem", "problem": %s, "tensors": [' "$1"
	files='' samples=''
	for i in $(seq "$2"); do
		tensor "x$i" in
		printf ', '
		files="$files\"zeros\", " samples="${samples}null, "
	done
	tensor y out "$3"
	echo "], \"sets\": [{\"files\": [${files}null], \"samples\":" \
		"[$samples\"sample\"]}]}"
}

# finals FILE...: requests that make each a finalist.
finals() {
	problem 1 1
	printf '{"do": "finals", "id": 1, "blocks": 5, "candidates": ['
	for file in "$@"; do
		printf '{"id": 1, "files": ["%s"], "steps": [{"kernel": ' "$file"
		printf '"twice_kernel", "grid": [1, 1, 1], "threads": 32, '
		printf '"cluster": [1, 1, 1], "timed": true, "args": '
		printf '[{"tensor": 0}, {"tensor": 1}]}]}, '
	done | sed 's/, $//'
	echo ']}'
}
head -c 400 /dev/zero >zeros
head -c 24 /dev/zero >sample
{
	printf '\177'
	head -c 17 zeros
	printf '\276\0'
} >cubin
{
	problem 1 1
	problem 2 40
	problem 3 2
	problem 4 1 398
} | asks --device=emu >answers
check "problems follow one another" test "$(grep -c '^{"problem":' answers)" = 3
check "... and tensors fit their bytes" grep -q \
	'"error":"a tensor of the problem is not described"' answers

# ---- compiling ----

if echo | asks --compile | grep -q '"nvrtc":"'; then
	# kernel ID OUT BOUNDS BODY
	kernel() {
		printf '{"id": %s, "arch": "sm_90", "out": "%s", "limit": 60, ' \
			"$1" "$2"
		printf '"text": "extern \\"C\\" __global__ void %s k(float *x) ' \
			"$3"
		printf '{ %s }"}\n' "$4"
	}
	{
		kernel 1 1.cubin "" "x[threadIdx.x] += 1;"
		kernel 2 2.cubin "" "y = 1;"
		kernel 3 3.cubin "__launch_bounds__(1024, 2)" "float v[60]; \
for (int i = 0; i < 60; i++) v[i] = x[i * 7]; __syncthreads(); \
for (int i = 0; i < 60; i++) x[i] = v[(i * 11) % 60] * v[i];"
		kernel 4 no/such/folder "" "x[0] = 1;"
		echo '{"id": 5}'
		kernel 6 6.cubin "" "cudaError_t e; x[0] = sizeof e;"
	} >requests
	asks --compile <requests >answers
	check "NVRTC compiles" grep -q '"id":1,"ok":true.*"registers":[1-9]' \
		answers
	check "... to a cubin" test -s 1.cubin
	check "... or says what is wrong" grep -q \
		'"id":2,"verdict":"compile".*identifier.*undefined' answers
	check "... and tells of spills" grep -q '"id":3,"ok":true.*"spill":[1-9]' \
		answers
	check "... and of what it cannot write" grep -q \
		'"id":4,"verdict":"compile".*cannot be written' answers
	check "... and wants a text" grep -q '"id":5,"verdict":"compile"' answers
	if sed 1q answers | awk -F '"nvrtc":"' '{ exit !($2 + 0 >= 12.4) }'; then
		check "... without the runtime's declarations" grep -q \
			'"id":6,"verdict":"compile".*cudaError_t' answers
	else
		skip "... without the runtime's declarations" "an old NVRTC"
	fi
	# By a path, where the loader would not look for its other half.
	mkdir nvrtc
	for folder in "${CUDA_HOME:-/usr/local/cuda}/lib64" \
		"$(dirname "${NVCC:-/none/nvcc}")/../lib64"; do
		for file in "$folder"/libnvrtc*.so.[0-9]*; do
			[ ! -e "$file" ] || ln -sf "$file" nvrtc
		done
	done
	named=$(find nvrtc -name 'libnvrtc.so.*' | head -n 1)
	if [ -n "$named" ] && [ -z "$INSTRUMENT" ]; then
		sed 1q requests | WPK_NVRTC=$PWD/$named LD_DEBUG=libs \
			asks --compile >answers
		check "NVRTC's builtins are those beside it" grep -q \
			"calling init: $PWD/nvrtc/libnvrtc-builtins" answers
	else
		skip "NVRTC's builtins are those beside it" "no NVRTC by a path"
	fi
	sed 's/"limit": 60/"limit": 0.001/; 1q' requests | asks --compile >answers
	check "it is over when its time is" grep -q \
		'"id":1,"verdict":"timeout".*"ending":true' answers
	if [ -z "$INSTRUMENT" ]; then
		sed 1q requests | asks --compile --memory=100000000 >answers
		check "without memory it fails, and says so or ends" sh -c \
			'! grep -q "\"ok\"" answers'
	fi
else
	skip "compiling by NVRTC" "no NVRTC"
fi
# request ID OUT LIMIT WORD.. as JSON
request() {
	printf '{"id": %s, "out": "%s", "limit": %s, "source": "a.cu", ' \
		"$1" "$2" "$3"
	shift 3
	printf '"text": "text", "argv": ["%s"' "$1"
	shift
	for word in "$@"; do
		printf ', "%s"' "$word"
	done
	echo ']}'
}
{
	request 1 a.out 60 cp a.cu a.out
	request 2 b.out 60 no-such-compiler
	request 3 b.out 60 sh -c 'echo a.cu:1: error: no good; exit 2'
	request 4 b.out 60 sh -c 'kill -9 $$'
	request 6 b.out 60 sh -c 'nice; exit 1'
	request 5 b.out 0.5 sh -c 'sleep 1000 & sleep 1000'
} >requests
asks --compile <requests >answers
check "a command compiles" grep -q '"id":1,"ok":true' answers
check "... which is there or not" grep -q '"id":2.*cannot be started' answers
check "... and says what is wrong" grep -q '"id":3.*error: no good' answers
check "... or is killed" grep -q '"id":4.*ended by signal 9' answers
behind=$(($(nice) + 5))
[ $behind -le 19 ] || behind=19
check "... behind what measures" grep -q "\"id\":6.*\"message\":\"$behind\"" \
	answers
check "... or takes too long" grep -q '"id":5,"verdict":"timeout"' answers
check "... and all it started with it" sh -c \
	'! ps -eo args= | grep -q "[s]leep 1000 & sleep"'

# ---- a worker that fails ----

# shellcheck disable=SC2086 # CC may be several words
if ! $CC -o fake "$top_srcdir/tests/worker/fake.c" 2>"$scratch/.err"; then
	fail "the worker that fails" "$scratch/.err"
	finish
	exit
fi
mv fake "$scratch/fake"

# measured OPTIONS...: ten candidates by the worker that fails.
measured() {
	rm -rf "$FAKE_FOLDER" "$WPK_DB"*
	mkdir "$FAKE_FOLDER"
	WPK_WORKER=$scratch/fake timeout 100 "$wpkc" twice.wpk --tune=random \
		--trials=10 --measure=gpu --limits=run=1,compile=1,start=2 -j 2 \
		--no-lock --no-verify -o twice.cu "$@" >said 2>&1
}

# fails CUE COUNTS MESSAGE: at the third and the sixth candidate.
fails() {
	FAKE_MEASURE="3:$1 6:$1"
	export FAKE_MEASURE
	measured
	status=$?
	unset FAKE_MEASURE
	{
		[ $status = 0 ] || echo "ended with $status"
		grep -qF "10 candidates: $2" said || echo "not: $2"
		grep -qF "$3" said || echo "not: $3"
	} >wrong
	[ ! -s wrong ] || cat said >>wrong
	empty "a worker: $1" wrong
}
fails crash "8 measured 2 fault" "candidate 3: fault: the worker was ended by signal 6"
fails gone "8 measured 2 fault" "ended by itself, with status 0"
fails vanish "8 measured 2 fault" "ended by signal 9"
fails memory "8 measured 2 fault" "ended by signal 9 (no memory?)"
fails hang "8 measured 2 timeout" "candidate 3: timeout: the worker hung"
fails rubbish "10 measured" ""
fails noise "8 measured 2 fault" "talks rubbish: 'no end of it'"
fails half "8 measured 2 fault" "in the middle of a line"
fails broken "8 measured 2 fault" "talks rubbish: '{"
fails wrong "8 measured 2 fault" "a candidate that it does not have"
fails nothing "8 measured 2 fault" "an answer that is none"
fails nan "8 measured 2 fault" "an answer that is none"
fails close "8 measured 2 fault" "closed its output"
fails before "10 measured" ""
for v in compile spill launch fault timeout wrong; do
	fails "says:$v" "8 measured 2 $v" "candidate 3: $v: on cue"
done

measured --candidates=list
check "what is compiled is compiled once" test \
	"$(wc -c <"$FAKE_FOLDER/compiled")" = 10
check "each candidate has its line" sh -c \
	'[ "$(cut -f 1 list | tr "\n" " ")" = "1 2 3 4 5 6 7 8 9 10 " ]'
sed -n '7s/.*	wpkc/wpkc/p' list >seventh
sed "s|^wpkc|'$wpkc' --no-lock -o again.cu|" seventh >seventh.sh
check "... with the command that makes it again" sh seventh.sh
check "... which is it" sh -c '[ "$(grep -o "threads = [0-9]*" again.cu)" = \
	"threads = $(sed "s/.*threads=\([0-9]*\).*/\1/" seventh)" ]'

# What is measured waits for nothing: later candidates are compiled while earlier
# ones are measured, all the way, also where the search by another sketch begins.
cat >mm.wpk <<'END2'
export op mm[M = 64, N = 48, K = 40](A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    C[i, j] = sum[k](A[i, k] * B[j, k]);
}
END2
rm -rf "$FAKE_FOLDER" "$WPK_DB"*
mkdir "$FAKE_FOLDER"
FAKE_COMPILE_MS=60 FAKE_MEASURE_MS=40 WPK_WORKER=$scratch/fake timeout 100 \
	"$wpkc" mm.wpk --tune=random --trials=60 --measure=gpu -j 2 --no-lock \
	--no-verify --candidates=list -o mm.cu >said 2>&1
check "trials are counted to the last" grep -q '60 candidates: 60 measured' said
sort -s -n -k 1,1 "$FAKE_FOLDER/log" >log
# Batches of eight drain it nine times.
awk -v searches="$(cut -f 3 list | sort -u | grep -c .)" '
	$2 == "compiles" { begun++ }
	$2 == "measured" && ++n <= 52 {
		ahead += begun > n
		most += begun > n + 12
		if (n % (60 / searches) == 0 && begun > n)
			across++
	}
	END { if (ahead < 46) print "compiled ahead: " ahead " of 52"
		if (!across) print "no search begins before the last ends"
		if (most) print "too many under way: " most }
	' log >wrong
[ ! -s wrong ] || cat log >>wrong
empty "the pipe does not drain" wrong

# ended CODE CUE...: what variables say.
ended() {
	code=$1
	shift
	(
		for cue in "$@"; do
			export "${cue?}"
		done
		measured
	) || status=$?
	[ "${status:-0}" = "$code" ] || echo "ended with another code"
	unset status
}
ended 5 'FAKE_MEASURE=*:crash' >wrong
grep -q '6 workers failed one after the other, .* signal 6' said || cat said >>wrong
empty "worker after worker that fails ends it" wrong
ended 5 'FAKE_COMPILE=*:crash' >wrong
grep -q '6 workers failed one after the other, .* signal 6' said || cat said >>wrong
empty "... also of those that compile" wrong
ended 1 'FAKE_START=*:gone' >wrong
grep -q '6 workers failed' said || cat said >>wrong
empty "one that never starts is an error" wrong
ended 1 'FAKE_START=*:hang' >wrong
grep -q 'the worker does not answer' said || cat said >>wrong
empty "... or never says a word" wrong
ended 0 'FAKE_START=2:crash' 'FAKE_MEASURE=4:crash' >wrong
grep -q '9 measured 1 fault' said || cat said >>wrong
empty "one that fails twice is started a third time" wrong
ended 0 'FAKE_COMPILE=2:crash 3:hang 5:gone 7:half' >wrong
grep -q '6 measured 1 timeout 3 compile' said || cat said >>wrong
empty "compilers fail alone" wrong
ended 0 'FAKE_FINALS=1:crash' >wrong
grep -q '10 measured' said || cat said >>wrong
empty "without finals the race counts" wrong
ended 0 'FAKE_MEASURE=*:says:wrong' >wrong
grep -q 'twice: .* us predicted' said || cat said >>wrong
empty "where nothing is right, nothing is called measured" wrong
WPK_WORKER=$scratch/none ends 1 "a worker that is not there" "cannot be started" \
	"$wpkc" twice.wpk --tune=random --measure=gpu --no-lock -o no.cu

# ---- a GPU's driver ----

sequence="cuInit cuDeviceGetCount cuDevicePrimaryCtxRetain cuCtxSetCurrent
cuStreamCreate cuEventCreate cuMemAlloc cuMemcpyHtoD cuStreamSynchronize
cuMemcpyDtoD cuStreamSynchronize cuModuleLoad cuModuleGetFunction
cuMemsetD8Async cuLaunchKernelEx cuStreamSynchronize
cuMemcpyDtoH cuEventRecord cuLaunchKernelEx cuEventRecord cuStreamSynchronize
cuEventElapsedTime cuStreamBeginCapture cuLaunchKernelEx cuStreamEndCapture
cuGraphInstantiate cuGraphLaunch cuEventRecord cuGraphLaunch cuEventRecord
cuStreamSynchronize cuEventElapsedTime"

trials=8
# driven OPTIONS...: a search of so many on the driver $WPK_LIBCUDA.
driven() {
	rm -rf calls "$WPK_DB"*
	STUB_LOG=$scratch/work/calls STUB_N=100 timeout 100 "$wpkc" twice.wpk \
		--tune=random --trials=$trials --measure=gpu --limits=run=2 -j 2 \
		--lock=gpu.lock --no-verify -o twice.cu "$@" >said 2>&1
}

# drives CODE NAME TEXT CUE...: such a search, what it says.
drives() {
	code=$1 name=$2 text=$3
	shift 3
	status=0
	(
		for cue in "$@"; do
			export "${cue?}"
		done
		driven
	) || status=$?
	{
		[ $status = "$code" ] || echo "ended with $status, not $code"
		grep -qF "$text" said || echo "did not say: $text"
	} >wrong
	[ ! -s wrong ] || cat said >>wrong
	empty "$name" wrong
}
WPK_LIBCUDA=$scratch/no-such.so
export WPK_LIBCUDA
ends 1 "no driver is one clear sentence" "wpkc: error: --measure=gpu: there is no \
CUDA driver ($WPK_LIBCUDA): no GPU can be used on this machine" "$wpkc" \
	twice.wpk --tune=ga --measure=gpu --no-lock -o no.cu
check "... and all there is" test "$(grep -c . "$scratch/.err")" = 1
check "drivers for tests" eval 'stub_cuda cuda &&
	stub_cuda old -DLACKS_CAPTURE && stub_cuda whole -DLACKS_GREEN'
if [ -n "$NVCC" ]; then
	WPK_LIBCUDA=$scratch/cuda.so
	drives 0 "a search on a driver" "measuring on Stub H200 (sm_90, driver 13.1)"
	sed 's/ .*//' calls | uniq | head -n 32 | tr '\n' ' ' >got
	echo "$sequence" | tr '\n' ' ' >want
	check "... its calls" diff want got
	check "... the fastest is found" grep -qx 'bind.threads = 64' gpu.lock
	check "... as measured" grep -q '^measured = 1.25 us' gpu.lock
	trials=3
	drives 0 "wrong results" "3 candidates: 3 wrong" STUB_WRONG=1
	check "... in words" grep -q 'candidate 1: wrong: element .* of y is' said
	finals cubin cubin cubin >requests
	STUB_N=100 asks --device=gpu:0 <requests >answers
	check "finals" grep -q '"finals":\[{.*"ratio":.*"best":0' answers
	STUB_N=100 STUB_FAIL=cuGraphLaunch:8:700 asks --device=gpu:0 \
		<requests >answers
	check "... of a device that is lost choose nobody" grep -q \
		'"best":-1,"ending":true' answers
	check "... and tell nobody's time" test "$(grep -o \
		'"verdict":"fault"' answers | grep -c .)" = 3
	finals cubin cubin zeros | STUB_N=100 \
		STUB_FAIL=cuModuleGetFunction:2:500 asks --device=gpu:0 >answers
	check "... and each says what is wrong with itself" sh -c \
		'grep '"'"'"twice_kernel: '"'"' answers | grep -q '"'"'"cuModuleLoad: '"'"
	drives 0 "what writes too far" "it writes behind the end of y" STUB_BEYOND=1
	drives 0 "a fault in a kernel" "fault: twice_kernel: CUDA_ERROR_ILLEGAL_ADDRESS" \
		STUB_FAIL=cuStreamSynchronize:7:700
	drives 0 "a launch that asks for too much" \
		"launch: twice_kernel: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES" \
		STUB_FAIL=cuLaunchKernelEx:1:701
	drives 0 "a module that does not load" "1 launch" STUB_FAIL=cuModuleLoad:2:200
	drives 0 "a kernel that never ends" \
		"timeout: it takes more than 2 s" STUB_HANG=cuStreamSynchronize:8
	drives 0 "no memory for all sets" "3 candidates" STUB_FAIL=cuMemAlloc:1:2
	drives 1 "no device" "the CUDA driver finds no GPU: CUDA_ERROR_NO_DEVICE" \
		STUB_FAIL=cuInit:1:100
	driven --measure=gpu:3
	check "a GPU that is not there" grep -q \
		'gpu:3: this machine has 1, numbered from 0' said
	driven --target=sm_80
	check "code of another architecture" grep -q \
		'Stub H200 is an sm_90 and runs no sm_80 code' said
	driven --gpu=h100
	check "another GPU of its architecture" grep -q \
		'Stub H200 is not the h100 that --gpu names' said
	for name in "NVIDIA H100 80GB HBM3=h100" "NVIDIA H200 NVL=h200" \
		"H2000=h200" "NVIDIA GeForce RTX 4090=h200"; do
		rm -f gpu.lock
		(
			export "STUB_NAME=${name%=*}"
			driven
		)
		check "the lock's name of '${name%=*}'" grep -q \
			"^\[twice sm_90a ${name#*=}\]" gpu.lock
	done
	driven --share=25
	check "a slice by a green context" grep -q \
		'25 % of it by a green context' said
	check "... of as many multiprocessors" grep -qx \
		'cuDevSmResourceSplitByCount 33' calls
	check "... where the launches go" grep -q \
		'^cuLaunchKernelEx .* on green stream$' calls
	CUDA_MPS_PIPE_DIRECTORY=$scratch/nothing driven --share=25:mps
	check "a slice by MPS wants its server" grep -q 'no MPS server runs' said
	mkdir -p "$scratch/mps"
	: >"$scratch/mps/control"
	CUDA_MPS_PIPE_DIRECTORY=$scratch/mps driven --share=25:mps
	check "... and then is one" grep -q '25 % of it by MPS' said
	WPK_NVRTC=$scratch/none drives 0 "nvcc compiles where there is no NVRTC" \
		"3 candidates: 3 measured"
	NVCC=none WPK_NVRTC=$scratch/none drives 5 "without both nothing is compiled" \
		"there is neither NVRTC (libnvrtc.so) nor nvcc"
	WPK_LIBCUDA=$scratch/old.so
	drives 1 "an old driver" \
		"too old: it has no cuStreamBeginCapture_v2"
	WPK_LIBCUDA=$scratch/whole.so
	drives 0 "one that knows no slices" "measuring on Stub H200"
	driven --share=50
	check "... says so" grep -q 'it has no cuDeviceGetDevResource' said
else
	skip "searches on a driver" "no toolkit"
fi

# ---- the same driver, which emulates the kernels ----

# What a plan says of launches, arguments and memory, done: outputs are judged.
emulating_nvcc nvcc
# launches NAME FILE OPTIONS...: every candidate gives what it should.
launches() {
	name=$1
	shift
	rm -f "$WPK_DB"* list
	WPK_LIBCUDA=$scratch/emulating.so WPK_NVRTC=$scratch/none \
		NVCC=$scratch/work/nvcc timeout 300 "$wpkc" "$@" --tune=random \
		--measure=gpu -j 2 --no-lock --no-verify --candidates=list \
		-o launched.cu >said 2>&1
	cut -f 4 list | grep -vEx 'measured|slow' >wrong
	[ -s list ] || echo "nothing was launched" >>wrong
	[ ! -s wrong ] || cat said >>wrong
	empty "launches: $name" wrong
}
if [ -n "$INSTRUMENT" ] || ! "$CXX" --version >/dev/null 2>&1; then
	skip "launches" "instrumented, or no C++ compiler"
elif ! {
	emulating_driver -o "$scratch/emulating.so" &&
		emulating_driver -DLACKS_MAPS -o "$scratch/mapless.so"
} 2>"$scratch/.err"; then
	fail "a driver that emulates" "$scratch/.err"
else
	cat >mm.wpk <<'END2'
export op mm[M = 20, N = 24, K = 64](A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    C[i, j] = sum[k](A[i, k] * B[j, k]);
}
export op soft[M = 7, N = 40](x: f32[M, N]) -> (y: f32[M, N])
{
    let m[i]: f32 = max[j](x[i, j]);
    let e[i, j]: f32 = exp(x[i, j] - m[i]);
    let s[i]: f32 = sum[j](e[i, j]);
    y[i, j] = e[i, j] / s[i];
}
export op scale(x: f32[N], a: f32[1]) -> (y: f32[N])
{
    y[i] = a[0] * x[i];
}
END2
	launches "a workspace" mm.wpk --op=mm --set sketch=fma,split_k.C=4 --trials=4
	launches "parts of a cluster" mm.wpk --op=mm --trials=3 \
		--set sketch=fma,split_k.C=4,split_k.C.combine=cluster
	launches "several kernels" mm.wpk --op=soft --set plan=1 --trials=8
	launches "open sizes" mm.wpk --op=scale --trials=3
	launches "clusters" "$top_srcdir/tests/workloads/reduce.wpk" --op=so \
		--set reduce.over=cluster --trials=3
	launches "prepared operands" "$top_srcdir/tests/workloads/winograd.wpk" \
		--op=odd,half --set sketch=winograd --trials=3

	cat >mm16.wpk <<'END2'
export op mm[M = 70, N = 80, K = 128](A: f16[M, K], B: f16[N, K]) -> (C: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](f32(A[i, k]) * f32(B[j, k]));
    C[i, j] = f16(acc[i, j]);
}
END2
	launches "tiles by tensor maps" mm16.wpk \
		--set sketch=wgmma,pipeline.k.async=bulk --trials=3

	cat >views.wpk <<'END2'
export op mm[M = 70, N = 80, K = 128](A: f16[M, 2*K], B: f16[2, N, K]) -> (C: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](f32(A[i, k + K]) * f32(B[1, j, k]));
    C[i, j] = f16(acc[i, j]);
}
END2
	launches "tiles of parts of tensors" views.wpk \
		--set sketch=wgmma,pipeline.k.async=bulk --trials=3

	# A hundred ones go through shared memory by a map of either kind.
	mkdir boxes
	cat >boxes/box.cu <<'END2'
struct __align__(128) tensor_map {
	unsigned long long bits[16];
};
static void pass(float *y, const struct tensor_map *map, bool columns)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *box = (float *)shared_memory;
	long long *full = (long long *)(shared_memory + 512);

	if (threadIdx.x == 0) {
		mbarrier_init(full, 1);
		fence_mbarrier_init();
		mbarrier_arrive_expect(full, 400);
		if (columns)
			copy_im2col_4d(box, map, full, 0, 0, 0, 0,
				(unsigned short)0, (unsigned short)0);
		else
			copy_tensor_2d(box, map, full, 0, 0);
	}
	__syncthreads();
	mbarrier_wait(full, 0);
	for (int i = threadIdx.x; i < 100; i += 32)
		y[i] = box[i];
}
extern "C" void tiles(float *y, const __grid_constant__ struct tensor_map map)
{
	pass(y, &map, false);
}
extern "C" void columns(float *y,
	const __grid_constant__ struct tensor_map map)
{
	pass(y, &map, true);
}
END2
	./nvcc -o boxes/box boxes/box.cu
	for i in $(seq 100); do printf '\0\0\200\077'; done >boxes/zeros
	printf '\143\0\0\0\0\0\0\0\0\0\0\0\0\0\360\077' >boxes/sample
	head -c 8 zeros >>boxes/sample

	# boxes DRIVER KERNEL MAP: the answers, where the map of x is such.
	boxes() (
		cd boxes || exit 1
		{
			problem 1 1
			printf '{"do": "measure", "id": 1, "files": ["./box"], '
			printf '"steps": [{"kernel": "%s", "grid": [1, 1, 1], ' \
				"$2"
			printf '"threads": 32, "cluster": [1, 1, 1], "shared": '
			printf '520, "timed": true, "args": [{"tensor": 1}, '
			echo '{"tensor": 0, "map": {"type": 7, '"$3"'}}]}]}'
		} | WPK_LIBCUDA=$scratch/$1.so asks --device=gpu:0
	)
	tile='"dims": [20, 5], "strides": [80], "box": [20, 5], "steps": [1, 1]'
	boxes emulating tiles "$tile" >answers
	check "launches: a tensor map of tiles" grep -q '"verdict":"measured"' \
		answers
	image='"dims": [4, 5, 5, 1], "strides": [16, 80, 400], "pixels": 25'
	corners='"channels": 4, "lower": [0, 0], "upper": [0, 0]'
	boxes emulating columns "$image, $corners, \"steps\": [1, 1, 1, 1]" \
		>answers
	check "... of im2col" grep -q '"verdict":"measured"' answers
	boxes emulating tiles "$(echo "$tile" | sed 's/80/84/')" >answers
	check "... that the driver refuses" grep -q \
		'"verdict":"launch","message":"tiles: CUDA_ERROR' answers
	boxes emulating tiles "\"offset\": 8, $tile" >answers
	check "... at a place that it refuses" grep -q \
		'"verdict":"launch","message":"tiles: CUDA_ERROR' answers
	boxes emulating tiles "\"offset\": -16, $tile" >answers
	check "... before its tensor" grep -q \
		'"message":"a step of the candidate is not described"' answers
	boxes emulating tiles '"dims": [20, 5], "box": [20, 5]' >answers
	check "... that is none" grep -q \
		'"message":"a step of the candidate is not described"' answers
	boxes mapless tiles "$tile" >answers
	check "... by a driver that has none" grep -q \
		'"verdict":"launch","message":"tiles: CUDA_ERROR' answers
fi
unset WPK_LIBCUDA

# ---- the emulator ----

if ! "$CXX" --version >/dev/null 2>&1; then
	skip "measuring by emulation" "no C++ compiler"
	finish
	exit
fi

# emulated FILE OPTIONS...
emulated() {
	rm -f "$WPK_DB"*
	timeout 300 "$wpkc" "$@" --tune=random --measure=emu -j 2 >said 2>&1
}
cat >mm.wpk <<'END2'
export op mm[M = 20, N = 24, K = 16](A: f16[M, K], B: f16[N, K], bias: f32[N])
    -> (C: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](f32(A[i, k]) * f32(B[j, k]));
    C[i, j] = f16(acc[i, j] + bias[j]);
}
export op soft[M = 7, N = 40](x: f32[M, N]) -> (y: f32[M, N])
{
    let m[i]: f32 = max[j](x[i, j]);
    let e[i, j]: f32 = exp(x[i, j] - m[i]);
    let s[i]: f32 = sum[j](e[i, j]);
    y[i, j] = e[i, j] / s[i];
}
END2
emulated mm.wpk --trials=4 --candidates=list -o mm.cu
check "the emulator measures" test $? = 0
check "... says that it does" grep -q "seconds are the emulator's own" said
check "... in the lock too" test "$(grep -c '^emulated = ' mm.wpk.lock)" = 2
check "... each candidate has a verdict" sh -c \
	'[ "$(cut -f 4 list | grep -cEx "measured|slow")" = "$(grep -c . list)" ]'
check "... the lock is used" "$wpkc" mm.wpk --frozen -o again.cu
check "... and gives the same" cmp mm.cu again.cu
emulated mm.wpk --op=soft --set plan=1 --trials=4 --no-lock --no-verify \
	--candidates=list -o apart.cu
sed -n '4s/.*	wpkc/wpkc/p' list >fourth
sed "s|^wpkc|'$wpkc' --no-lock -o again.cu|" fourth >fourth.sh
check "... a point of one kernel of several is made again" sh fourth.sh
check "... with all its kernels" test "$(grep -c 'sketch = ' again.cu)" = 4
cat >open.wpk <<'END2'
export op scale(x: f32[N]) -> (y: f32[N])
{
    y[i] = 3 * x[i];
}
END2
emulated open.wpk --trials=3 --shape N=48 --no-lock -o open.cu \
	--candidates=list
check "sizes may be open" test $? = 0
for line in 1 6; do
	sed -n "${line}s/.*	wpkc/wpkc/p" list >line
	sed "s|^wpkc|'$wpkc' --no-lock -o again.cu|" line >line.sh
	check "... and candidate $line is made again" sh line.sh
done

cp twice.wpk 'tw[i]ce.wpk'
emulated 'tw[i]ce.wpk' --trials=1 --no-lock --no-verify --candidates=list \
	-o odd.cu
check "a shell takes the command as it is" grep -qF \
	"wpkc 'tw[i]ce.wpk' --op=twice" list

# A compiler that makes all candidates wrong, and one that is no compiler.
cat >plant <<END2
#!/bin/sh
for f in "\$@"; do
	case \$f in
	*.cu) sed -i 's/\* 2\.0f/* 2.5f/; s/2\.0f \*/2.5f */' "\$f" ;;
	esac
done
exec $CXX "\$@"
END2
chmod +x plant
CXX=$scratch/work/plant emulated twice.wpk --trials=3 --no-lock --no-verify \
	-o wrong.cu
check "what is wrong is called so" grep -q '3 candidates: 3 wrong' said
check "... in words" grep -Eq 'wrong: element [0-9]+ of y is .*, should be' said
CXX=false emulated twice.wpk --trials=3 --no-lock --no-verify -o wrong.cu
check "what does not compile is called so" grep -q '3 candidates: 3 compile' said
printf '#!/bin/sh\nexec sleep 1000\n' >slow
chmod +x slow
CXX=$scratch/work/slow emulated twice.wpk --trials=2 --no-lock --no-verify \
	--limits=compile=0.5 -o wrong.cu
check "what takes too long is called so" grep -q '2 candidates: 2 timeout' said

# ---- nothing is left behind ----

ls -A "$TMPDIR" >left
empty "no temporary file is left" left

# The processes of session $1.
session() {
	ps -o pid=,comm= -s "$1" 2>/dev/null
}

# Waits for a session to end by itself; what is left of it.
ends_alone() {
	i=0
	while [ -n "$(session "$1")" ] && [ $i -lt 100 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	session "$1"
}

# A number below $1, the $2nd.
random() {
	awk -v n="$1" -v seed="$2" 'BEGIN { srand(seed); rand(); print int(rand() * n) }'
}

if ! command -v setsid >/dev/null 2>&1 ||
	! session "$(ps -o sid= -p $$)" >/dev/null; then
	skip "killed at random moments" "no setsid or ps"
	finish
	exit
fi
setsid "$wpkc" twice.wpk --tune=random --trials=1000 --measure=emu -j 2 \
	--lock=int.lock -o int.cu >said 2>&1 &
search=$!
sleep 2
kill -INT $search
wait $search
check "Ctrl-C ends with what there is" test $? = 0 -a -s int.cu
ends_alone $search >left
empty "... and leaves no process" left
ls -A "$TMPDIR" >left
empty "... and no file" left
setsid "$wpkc" twice.wpk --tune=random --trials=1000 --measure=emu -j 2 \
	--lock=term.lock -o term.cu >said 2>&1 &
search=$!
sleep 1
kill -TERM $search
wait $search
check "SIGTERM ends it" test $? = 143
ends_alone $search >left
empty "... and leaves no process" left
ls -A "$TMPDIR" >left
empty "... and no file" left

rounds=12
[ -z "$WPK_FULL" ] || rounds=1000
: >processes
: >files
: >codes
n=0
while [ $n -lt $rounds ]; do
	n=$((n + 1))
	setsid "$wpkc" twice.wpk --tune=random --trials=6 --measure=emu -j 2 \
		--lock=killed.lock --no-verify -o killed.cu >said 2>&1 &
	search=$!
	sleep "$(awk -v t="$(random 150 $n)" 'BEGIN { print t / 100 }')"
	case $((n % 3)) in
	0) victim=$search ;;
	1) victim=$(session $search | awk '$2 == "wpkworker" { print $1 }' |
		sort -R | head -n 1) ;;
	2) victim=$(session $search | awk '$2 ~ /cc1plus|g\+\+|c\+\+|as|ld/ \
		{ print $1 }' | sort -R | head -n 1) ;;
	esac
	[ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null
	wait $search 2>/dev/null
	code=$?
	case $((n % 3))/$code in
	0/137 | 0/0 | [12]/0) ;;
	*) { echo "round $n: ended with $code"; cat said; } >>codes ;;
	esac
	ends_alone $search >>processes
	[ ! -e killed.lock ] || "$wpkc" twice.wpk --frozen --lock=killed.lock \
		-o again.cu >said 2>&1 || cat said >>files
done
"$wpkc" twice.wpk --tune=random --trials=1 --measure=emu --no-lock --no-verify \
	-o again.cu >said 2>&1 || cat said >>codes
ls -A "$TMPDIR" >>files
empty "killed $rounds times, it ends as it should" codes
empty "... no process is left" processes
empty "... no file is left by the next run, and the lock is whole" files
finish
