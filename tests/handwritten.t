#!/bin/sh
# SPDX-License-Identifier: MIT
# variant("x.cu"): a hand-written file computes an operator, is checked like any
# kernel, stands in the output and the lock; what is wrong with it is said where
# it is wrong.
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
	'does not compile as C++' "expected ',' or ';'"
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
sed 's|// One block a row: .*|// #include, <<<, __shared__ "and quotes|' \
	rows.kept >ops/kernels/rows.cu
check "comments are free" "$wpkc" --no-lock ops/share.wpk --check
rm ops/kernels/rows.cu
"$wpkc" --no-lock ops/share.wpk --check >out 2>&1
check "a file that is missing" grep -qF \
	"ops/share.wpk:6:50: error[E0903]: cannot read 'ops/kernels/rows.cu': No such" out
finish
