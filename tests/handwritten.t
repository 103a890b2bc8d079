#!/bin/sh
# SPDX-License-Identifier: MIT
# variant("x.cu"): a hand-written file computes an operator, is checked like any
# kernel, stands in the output and the lock; in a tune block it competes, and is
# taken where the lock or --set names it; what is wrong with it is said where it
# is wrong.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/ops/kernels"
cd "$scratch" || exit 1
cat >ops/kernels/rows.cu <<'END'
// One block a row: partial sums in shared memory, then the quotient.
static __global__ void __launch_bounds__(64)
divide(const float *x, float *y, int n)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *part = (float *)shared_memory;
	const float *row = x + (size_t)blockIdx.x * n;
	float sum = 0;

	for (int i = threadIdx.x; i < n; i += 64)
		sum += row[i];
	part[threadIdx.x] = sum;
	__syncthreads();
	for (int step = 32; step; step /= 2) {
		if (threadIdx.x < step)
			part[threadIdx.x] += part[threadIdx.x + step];
		__syncthreads();
	}
	for (int i = threadIdx.x; i < n; i += 64)
		y[(size_t)blockIdx.x * n + i] = row[i] / part[0];
}

extern "C" size_t share_workspace(void)
{
	return 256;
}

/* A copy on the way, so that there is a use of workspace. */
static __global__ void keep(const float *x, float *w)
{
	w[threadIdx.x] = x[threadIdx.x];
}

extern "C" cudaError_t share(const float *x, float *y, void *workspace,
	size_t workspace_bytes, cudaStream_t stream)
{
	cudaLaunchConfig_t config = {};
	cudaError_t status;

	if (workspace_bytes < share_workspace())
		return cudaErrorInvalidValue;
	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	config.stream = stream;
	status = cudaLaunchKernelEx(&config, keep, x, (float *)workspace);
	if (status != cudaSuccess)
		return status;
	config.gridDim = dim3(33);
	config.dynamicSmemBytes = 64 * sizeof(float);
	return cudaLaunchKernelEx(&config, divide, x, y, 100);
}
END
cat >ops/share.wpk <<'END'
export op share[M = 33, N = 100](x: f32[M, N]) -> (y: f32[M, N])
{
    let s[i]: f32 = sum[j](x[i, j]);
    y[i, j] = x[i, j] / s[i];
}
schedule hand for share target sm_80.. { variant("kernels/rows.cu"); }
END

# ---- a file that is right ----

"$wpkc" --no-lock ops/share.wpk --check >out 2>&1
check "it is checked like any kernel" \
	grep -q '^share: verified whole, 3300 outputs' out
check "... by every check" "$wpkc" --no-lock ops/share.wpk --check=address
"$wpkc" --no-lock ops/share.wpk --target=sm_75,sm_80,sm_90 --check >out 2>&1
check "it serves the targets that ask for it, with others beside it" \
	[ "$(grep -c ': verified whole' out)" -eq 3 ]
"$wpkc" -q ops/share.wpk --target=sm_75,sm_80,sm_90 -MD -o share.cu -H share.h
check "it stands in the output once" [ "$(grep -c '^divide(' share.cu)" -eq 1 ]
check "the depfile has it" grep -q 'ops/kernels/rows.cu' share.d
check "the header tells whom to ask for workspace" \
	grep -q 'workspace: share_workspace() bytes' share.h
check "a schedule that says so is printed" sh -c \
	'"$1" --no-lock ops/share.wpk --emit=sched | grep -qF "$2"' - \
	"$wpkc" 'variant("kernels/rows.cu");'
check "the manifest has it" sh -c \
	'"$1" --no-lock ops/share.wpk --emit=manifest | grep -qF "$2"' - \
	"$wpkc" '"file": "kernels/rows.cu"'
if [ -n "$NVCC" ]; then
	check "nvcc takes the output" "$NVCC" -c -o share.o \
		-gencode=arch=compute_75,code=sm_75 \
		-gencode=arch=compute_80,code=sm_80 \
		-gencode=arch=compute_90,code=sm_90 share.cu
else
	skip "nvcc takes the output" "no nvcc"
fi

# ---- the lock ----

check "a search has one candidate" "$wpkc" -q --tune ops/share.wpk -o one.cu
check "the lock names the sketch" grep -q '^sketch = variant' ops/share.wpk.lock
check "the lock is enough" "$wpkc" --frozen ops/share.wpk -o two.cu
check "... for the same bytes" cmp one.cu two.cu
cp ops/kernels/rows.cu rows.kept
echo '// changed' >>ops/kernels/rows.cu
"$wpkc" --frozen ops/share.wpk -o two.cu >out 2>&1
check "a changed file is not what the lock speaks of" [ $? -eq 3 ]
cp rows.kept ops/kernels/rows.cu
check "the file is not overwritten" sh -c \
	'! "$1" --no-lock ops/share.wpk -o ops/kernels/rows.cu' - "$wpkc"

# ---- files that are wrong ----

# spoilt SED NAME TEXT...: with the file so changed, the error has each TEXT.
spoilt() {
	sed "$1" rows.kept >ops/kernels/rows.cu
	name=$2
	shift 2
	"$wpkc" --no-lock ops/share.wpk --check >out 2>&1 && {
		fail "$name: passes" out
		return
	}
	for text; do
		grep -qF "$text" out || {
			fail "$name: $text" out
			return
		}
	done
	pass "$name"
}

spoilt 's|row\[i\] / part\[0\]|row[i] * part[0]|' "wrong values" \
	'share: wrong: '
spoilt 's|blockIdx.x \* n + i\] =|blockIdx.x * n + i + 1] =|' \
	"a write beyond the end" 'share: the kernel faults'
spoilt '/__syncthreads/d' "a missing barrier" 'share: wrong: '
spoilt 's|float sum = 0;|float sum = 0|' "a mistake in C++" \
	'does not compile as C++' " expected "
spoilt '2i\
#  include <cuda_fp16.h>' "an include" \
	'ops/kernels/rows.cu:2:1: error[E0903]: a hand-written file includes' \
	'#  include <cuda_fp16.h>'
spoilt 's|return cudaLaunchKernelEx(&config, divide,.*|divide<<<33, 64>>>(x, y, 100);|' \
	"a launch that is no C++" ':50:8: error[E0903]: a launch that is no C++'
spoilt 's|extern __shared__ .*|__shared__ float shared_memory[64];|' \
	"shared memory of a fixed size" \
	':5:2: error[E0903]: shared memory of a fixed size'
spoilt 's|cudaError_t share(|cudaError_t shares(|' "no launcher" \
	"ops/share.wpk:6:50: error[E0903]: 'ops/kernels/rows.cu' does not define 'share'"
spoilt 's|share_workspace|shares_workspace|' "no workspace query" \
	"does not define 'share_workspace'"
spoilt 's|float \*y, void \*workspace|float *y, int n, void *workspace|' \
	"a parameter too many" \
	':34:56: error[E0903]: parameter 3 does not take what it is called with' \
	'It is called as share(const float *x, float *y, void *workspace,'
spoilt 's|float \*y, void \*workspace,|float *y,|
	s|size_t workspace_bytes, cuda|cuda|' "parameters too few" \
	':35:2: error[E0903]: parameter 3 does not take'
spoilt 's|(const float \*x, float \*y, void|(float *x, float *y, void|' \
	"a parameter that is less const" \
	':34:30: error[E0903]: parameter 1 does not take what it is called'
spoilt 's|cudaStream_t stream)$|cudaStream_t stream, int)|' "one more" \
	':35:26: error[E0903]: fewer parameters are expected'
sed 's|share(const float \*x,|share(float const\n*__restrict__, |
	s|(&config, divide, x|(\&config, divide, (const float *)workspace|
	s|(&config, keep, x|(\&config, keep, (const float *)workspace|
	s|float \*w)|float *w) noexcept|' rows.kept >ops/kernels/rows.cu
"$wpkc" --no-lock ops/share.wpk -q -o other.cu >out 2>&1
check "other ways to write the same parameters" [ $? -eq 0 ]
sed 's|// One block a row: .*|// #include, <<<, __shared__ "and quotes|' \
	rows.kept >ops/kernels/rows.cu
check "comments are free" "$wpkc" --no-lock ops/share.wpk --check
rm ops/kernels/rows.cu
"$wpkc" --no-lock ops/share.wpk --check >out 2>&1
check "a file that is missing" grep -qF \
	"ops/share.wpk:6:50: error[E0903]: cannot read 'ops/kernels/rows.cu': No such" out

# ---- files that compete ----

cp rows.kept ops/kernels/rows.cu
sed 's|blockIdx.x \* n;|blockIdx.x * 99;|' rows.kept >ops/kernels/wrong.cu
grep -v '^schedule' ops/share.wpk >plain
{
	cat plain
	echo 'tune share target sm_80.. { variant("kernels/rows.cu"); }'
} >ops/both.wpk
PATH=$top_builddir:$PATH
both="wpkc ops/both.wpk"
$both --no-lock --emit=sched >out 2>&1
check "what has no cost is not chosen" grep -q 'sketch = reduce' out
check "... and that is said" grep -qF \
	'wpkc: share: kernels/rows.cu has no predicted cost' out
$both --no-lock --check >out 2>&1
check "it is checked all the same" grep -q \
	'^share by kernels/rows.cu: verified whole, 3300 outputs' out
check "the space lists it" sh -c '$1 -q --no-lock --emit=space |
	grep -A1 "^# share: kernels/rows.cu: competes" |
	grep -qx "variant = kernels/rows.cu"' - "$both"
check "-v tells of it" sh -c '$1 -v --no-lock --emit=ir 2>&1 |
	grep -qx "wpkc: share: by kernels/rows.cu: no predicted cost"' - "$both"
check "--set takes it" sh -c '$1 -q --no-lock --emit=sched \
	--set variant=kernels/rows.cu | grep -qF "sketch = variant"' - "$both"
$both -q --no-lock --emit=sched --target=sm_75 --set variant=kernels/rows.cu \
	>out 2>&1
check "... for its targets alone" grep -q \
	"note: .*: no tune block for sm_75 names 'kernels/rows.cu' as a variant" out

$both --tune --trials=20 -o one.cu >out 2>&1
check "a search proves it" grep -q \
	'^wpkc: share by kernels/rows.cu: verified whole' out
check "... and does not take it" grep -q '^sketch = reduce' ops/both.wpk.lock
$both -q --tune --set variant=kernels/rows.cu -o one.cu
check "the lock names it" grep -qx 'variant = kernels/rows.cu' \
	ops/both.wpk.lock
check "... and is enough" "$wpkc" ops/both.wpk --frozen -o two.cu
check "... for the same bytes" cmp one.cu two.cu
echo '// changed' >>ops/kernels/rows.cu
$both --frozen -o two.cu >out 2>&1
check "... until the file changes" [ $? -eq 3 ]
$both --no-lock -q -MD -o two.cu
check "what was not taken is no part of the output" sh -c \
	'! grep -q by_hand two.cu'
check "... and the depfile has it, for it may be taken" \
	grep -q 'ops/kernels/rows.cu' two.d
$both --no-lock -q --emit=sched --set variant=kernels/rows.cu >chosen
cat plain chosen >ops/again.wpk
check "a printed schedule pins it" sh -c \
	'"$1" --no-lock -q --emit=sched ops/again.wpk | cmp - chosen' - "$wpkc"

sed 's|rows.cu")|wrong.cu"); variant("kernels/rows.cu")|' ops/both.wpk \
	>ops/several.wpk
"$wpkc" --no-lock ops/several.wpk --check >out 2>&1
check "of several each is checked" [ $? -eq 4 ]
check "... the wrong" grep -q '^share by kernels/wrong.cu: wrong' out
check "... and the right" grep -q '^share by kernels/rows.cu: verified' out
sed 's|wrong.cu|rows.cu|' ops/several.wpk >ops/twice.wpk
"$wpkc" --no-lock ops/twice.wpk -o two.cu >out 2>&1
check "none is named twice" grep -qF \
	'ops/twice.wpk:6:65: error[E0204]: this file is given twice' out
sed 's|rows.cu|none.cu|' ops/both.wpk >ops/missing.wpk
"$wpkc" --no-lock ops/missing.wpk -o two.cu >out 2>&1
check "one that is missing" grep -qF \
	"ops/missing.wpk:6:37: error[E0903]: cannot read 'ops/kernels/none.cu'" \
	out
{
	cat ops/both.wpk
	echo 'schedule s for share { kernel(s, y); tile(block, i = 4); }'
} >ops/tiled.wpk
"$wpkc" --no-lock ops/tiled.wpk -o two.cu >out 2>&1
check "a schedule's directives are not for it" grep -qF \
	'share: kernels/rows.cu is not used: the schedule' out
sed 's|(s, y); tile(block, i = 4);|(y, sketch = variant);|' ops/tiled.wpk \
	>ops/named.wpk
check "a schedule may take it" sh -c '"$1" -q --no-lock --emit=sched \
	ops/named.wpk | grep -qF "variant(\"kernels/rows.cu\");"' - "$wpkc"
{
	cat plain
	echo 'schedule s for share {'
	echo '  kernel(s); tile(block, i = 4); kernel(y); variant("kernels/rows.cu"); }'
} >ops/parts.wpk
"$wpkc" --no-lock ops/parts.wpk -o two.cu >out 2>&1
check "a file is no kernel of several" grep -qF \
	"ops/parts.wpk:7:3: error[E0901]: 'share' is not cut into kernels" out

# ---- sizes that are open ----

sed 's|\[M = 33, N = 100\]||' plain >open
sed 's|size_t share_workspace(void)|size_t share_workspace(long long, long long)|
	s|< share_workspace()|< 256|
	s|t share(const|t share(long long m, int n, const|
	s|config.gridDim = dim3(33)|config.gridDim = dim3((unsigned)m)|
	s|x, y, 100);|x, y, n);|' rows.kept >ops/kernels/rows.cu
{
	cat open
	echo 'tune share { shape(M = {3, 33}, N = 100); variant("kernels/rows.cu"); }'
	echo 'test share { shape(M = 5, N = 70); }'
} >ops/open.wpk
"$wpkc" --no-lock ops/open.wpk --check >out 2>&1
check "it competes for each shape that is named" [ "$(grep -c \
	'^share_M[0-9]*_N100 by kernels/rows.cu: verified' out)" -eq 2 ]
check "... and is told of once" [ "$(grep -c 'no predicted cost' out)" -eq 1 ]
check "test blocks test it" sh -c '"$1" --no-lock ops/open.wpk --test |
	grep -q "^ok 3 - share_M5_N70 by kernels/rows.cu: verified"' - "$wpkc"
{
	cat open
	echo 'schedule s for share { variant("kernels/rows.cu"); }'
} >ops/open.wpk
"$wpkc" --no-lock ops/open.wpk -o two.cu >out 2>&1
check "there must be a shape" grep -qF \
	'a file written by hand serves sizes that are named' out
finish
