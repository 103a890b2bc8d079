#!/bin/sh
# SPDX-License-Identifier: MIT
# Files written by hand in searches that measure: each is one candidate more,
# compared with the reference, timed, recorded, and taken where it is fastest;
# whatever is wrong with one ends it alone.
. "${top_srcdir:-.}/tests/lib.sh"

cd "$scratch" || exit 1
cat >plain <<'END'
export op share[M = 33, N = 100](x: f32[M, N]) -> (y: f32[M, N])
{
    let s[i]: f32 = sum[j](x[i, j]);
    y[i, j] = x[i, j] / s[i];
}
END

# One thread does it all, which takes an emulator no fibers; the others are spoilt.
cat >fast.cu <<'END'
#ifdef TAKES
extern "C" void stub_takes(double us);
#else
#define TAKES
#define stub_takes(us)
#endif

static __global__ void __launch_bounds__(1)
all(const float *x, float *y)
{
	for (int i = 0; i < 33; i++) {
		float sum = 0;

		for (int j = 0; j < 100; j++)
			sum += x[i * 100 + j];
		for (int j = 0; j < 100; j++)
			y[i * 100 + j] = x[i * 100 + j] / sum;
	}
}

extern "C" size_t share_workspace(void)
{
	return 64;
}

extern "C" cudaError_t share(const float *x, float *y, void *workspace,
	size_t workspace_bytes, cudaStream_t stream)
{
	cudaLaunchConfig_t config = {};

	if (workspace_bytes < 64 || ((size_t)workspace & 255))
		return cudaErrorInvalidValue;
	config.gridDim = dim3(1);
	config.blockDim = dim3(1);
	config.stream = stream;
	stub_takes(TAKES);
	return cudaLaunchKernelEx(&config, all, x, y);
}
END
# contends FILE...: these compete in files.wpk.
contends() {
	rm -f files.wpk.lock
	{
		cat plain
		printf 'tune share {'
		for file; do
			printf ' variant("%s.cu");' "$file"
		done
		echo ' }'
	} >files.wpk
}
# spoil NAME SED: fast.cu made into another.
spoil() {
	sed "$2" fast.cu >"$1.cu"
}
spoil wrong 's|/ sum|/ sum + 1|'
spoil crash 's|^	config.stream = .*|	*(volatile int *)8 = 1;|'
spoil hang 's|^	config.stream = .*|	for (volatile int i = 1; i;);|'
spoil refuses 's|^	config.stream = .*|	return cudaErrorInvalidValue;|'
spoil broken 's|^	config.stream = .*|	no such thing;|'
spoil idle 's|return cudaLaunch.*|return cudaSuccess;|'

# emulated OPTIONS...: six trials of wpkc's own and the files, by emulation.
emulated() {
	timeout 300 "$wpkc" files.wpk --tune=random --trials=6 --measure=emu -j 2 \
		--limits=run=3 --candidates=list -o files.cu "$@" >said 2>&1
}
# list_has NAME FILE VERDICT TEXT: what the list says of a file.
list_has() {
	: >wrong
	awk -F '\t' -v f="$2.cu" -v v="$3" -v t="$4" '$3 == "variant" &&
		$4 == v && index($6, t) { found = 1 }
		END { exit !found }' list || cat said list >wrong
	empty "$1" wrong
}
if [ -n "$INSTRUMENT" ] || ! "$CXX" --version >/dev/null 2>&1; then
	skip "searches that measure" "instrumented, or no C++ compiler"
	finish
	exit
fi
rm -f "$WPK_DB"*
contends wrong crash hang refuses broken idle fast
emulated
check "a search measures files, and goes on behind those that fail" \
	grep -q '^wpkc: share: fast.cu is faster than any kernel of wpkc' said
for file in 'wrong wrong should be' 'crash fault not mapped' \
	'hang timeout more than 3 s' 'refuses launch returned' \
	'broken compile error' 'idle wrong is -nan'; do
	# shellcheck disable=SC2086 # words
	set -- $file
	name=$1 verdict=$2
	shift 2
	list_has "$name.cu: $verdict" "$name" "$verdict" "$*"
	check "... and that is said" grep -q \
		"^wpkc: share: $name.cu is not used: $verdict: .*$*" said
done
check "the one that is right and fast is taken" grep -qx \
	'variant = fast.cu' files.wpk.lock
check "... as measured" grep -q '^emulated = [0-9.]* us$' files.wpk.lock
check "... and verified" grep -qx 'verified = emulation' files.wpk.lock
check "... and is in the output" grep -q by_hand files.cu
check "files take nothing from the trials of others" sh -c \
	'[ "$(cut -f 3 list | grep -vc variant)" = 6 ]'
check "source and lock give the same bytes" sh -c \
	'"$1" --frozen files.wpk -o again.cu && cmp files.cu again.cu' - "$wpkc"
sed -n 's/.*	wpkc/wpkc/p' list | tail -1 >last
sed "s|^wpkc|'$wpkc' -q --no-lock --emit=sched|" last >last.sh
check "the list has the command that makes it again" sh -c \
	'sh last.sh | grep -qF "variant(\"fast.cu\");"'

rm files.wpk.lock
emulated
check "what was measured is not measured again" sh -c \
	'! grep -E "	variant	(measured|wrong|fault)" list'
check "... and counts" grep -qx 'variant = fast.cu' files.wpk.lock
check "... as what failed does" grep -q \
	'^wpkc: share: wrong.cu is not used: wrong: .*should be' said
check "... but what the machine may have been at fault for" sh -c \
	'grep -q "	variant	timeout" list && grep -q "	variant	compile" list'
echo '// changed' >>fast.cu
rm files.wpk.lock
emulated
check "a file that changed is another" grep -q '	variant	measured' list

spoil barely 's|gridDim = dim3(1)|gridDim = dim3(400)|'
contends barely
emulated
check "one that is slow is slow" grep -q '	variant	slow' list
check "... and not taken" sh -c '! grep -q variant files.wpk.lock'
check "... which is said" grep -q '^wpkc: share: barely.cu is not used: slow' said
contends fast
emulated --set variant=fast.cu
check "where --set leaves nothing else it is measured, too" grep -q \
	'^wpkc: share: [0-9.]* us of emulation by variant' said

{
	sed '/^tune/d; s/op share/op other/' files.wpk
	cat files.wpk
} >two.wpk
timeout 300 "$wpkc" two.wpk --tune=random --trials=4 --measure=emu --jobs=2 \
	--no-verify -o two.cu >said 2>&1
check "searches side by side measure files, too" sh -c \
	'grep -qx "variant = fast.cu" two.wpk.lock || { cat said; exit 1; }'

# ---- on a driver ----

emulating_nvcc nvcc
if ! emulating_driver -o "$scratch/emulating.so" 2>"$scratch/.err"; then
	fail "a driver for tests" "$scratch/.err"
	finish
	exit
fi
# An object that is none, asked for by hand.
head -c 400 /dev/zero >zeros
head -c 24 /dev/zero >sample
echo 'int wpk_emu_entry(void) { return 0; }' >object.c
# shellcheck disable=SC2086 # CC may be several words
$CC -w -shared -fPIC -o object.so object.c
# asks FILE MODULE: what a worker says of such a step.
asks() {
	type='"elements": 100, "class": "float", "bits": 32, "significand": 24'
	{
		echo '{"do": "problem", "problem": 1, "tensors": [{"name": "y",' \
			'"role": "out", "bytes": 400, "emin": -126,' "$type" \
			'}], "sets": [{"files": [null], "samples": ["sample"]}]}'
		echo '{"do": "measure", "id": 1, "files": ["'"$1"'"], "steps":' \
			'[{"file": "x.cu", "module": '"$2"', "timed": true}]}'
	} | WPK_LIBCUDA=$scratch/emulating.so timeout 60 \
		"$top_builddir/wpkworker" --device=gpu:0
}
asks ./object.so 0 >said
check "an object without an entry" grep -q \
	'"verdict":"launch","message":"x.cu: its object has no wpk_' said
asks ./zeros 0 >said
check "... that is none" grep -q '"verdict":"launch","message":"x.cu: ./zeros' said
asks ./object.so 1 >said
check "... that is not there" grep -q 'a step of the candidate is not described' said

# driven US OPTIONS...: a search on a driver, where files' launchers take so long,
# and wpkc's kernels, by their threads, from one microsecond on.
driven() {
	FLAGS=-DTAKES=$1
	export FLAGS
	shift
	rm -f "$WPK_DB"*
	WPK_LIBCUDA=$scratch/emulating.so WPK_NVRTC=$scratch/none \
		NVCC=$scratch/nvcc timeout 300 "$wpkc" files.wpk \
		--tune=random --trials=6 --measure=gpu -j 2 --limits=run=3 \
		--candidates=list -o files.cu "$@" >said 2>&1
}
contends fast
driven 0.5 --no-verify
list_has "a GPU runs their own launchers, whose workspace they ask for" fast \
	measured ""
check "... and one that is faster is taken" grep -qx 'variant = fast.cu' \
	files.wpk.lock
check "... with its time" grep -qx 'measured = 0.5 us' files.wpk.lock
contends fast
driven 4 --no-verify
list_has "one that is slower is measured" fast measured ""
check "... and is not taken" grep -q '^sketch = reduce' files.wpk.lock
check "... with both times" grep -q \
	'^wpkc: share: fast.cu is not used: 4 us, where [0-9.]* us are the best' said
contends fast
driven 100 --no-verify
list_has "one that is far behind is slow" fast slow ""
contends fast
driven 4 --no-verify
"$wpkc" explain files.wpk --no-lock --records="$WPK_DB" >said 2>&1
check "wpkc explain has its time" grep -q \
	'fast.cu: written by hand: 4 us measured' said
contends wrong crash hang refuses broken fast
driven 0.5 --no-verify
list_has "on a driver: wrong" wrong wrong "should be"
list_has "... a launcher that crashes" crash fault "signal 11"
list_has "... that hangs" hang timeout "more than 3 s"
list_has "... that refuses" refuses launch "refuses.cu: CUDA_ERROR"
list_has "... that is no C++" broken compile "error"
check "... and the search goes on" grep -qx 'variant = fast.cu' files.wpk.lock

# Where it is proved it computes something else.
sed 's|^#define TAKES$|&\
#define SPOILT|
	s|/ sum;|/ sum\
#ifdef SPOILT\
+ 1\
#endif\
;|' fast.cu >unproved.cu
contends unproved
driven 0.5
check "one that cannot be proved leaves the operator to those that it beat" \
	grep -q '^sketch = reduce' files.wpk.lock
check "... as a verdict" grep -q \
	'^wpkc: share: .* us measured by reduce; .* 1 wrong' said
check "... proved" grep -q 'verified whole' said

contends fast
NVCC=no-such-nvcc WPK_LIBCUDA=$scratch/emulating.so WPK_NVRTC=$scratch/none \
	"$wpkc" files.wpk --tune=random --trials=2 --measure=gpu --no-verify \
	--no-db -o files.cu >said 2>&1
check "without nvcc none is measured" grep -q \
	'fast.cu is not measured, for its launcher is host code, which takes nvcc' said
finish
