#!/bin/sh
# SPDX-License-Identifier: MIT
# A kernel by hand that multiplies by ldmatrix and mma.sync is checked like any
# kernel: right in every way, its bytes counted; and each fault planted in it is
# found.
. "${top_srcdir:-.}/tests/lib.sh"

cd "$scratch" || exit 1
cat >mm.wpk <<'END'
export op mm[M = 32, N = 16, K = 32](a: f16[M, K], b: f16[K, N])
    -> (c: f32[M, N])
{
    c[i, j] = sum[k](f32(a[i, k]) * f32(b[k, j]));
}
schedule hand for mm target sm_80.. { variant("mm.cu"); }
END
cat >mm.kept <<'END'
#ifndef WPK_EMULATE
static __device__ unsigned at(const void *shared)
{
	return (unsigned)__cvta_generic_to_shared(shared);
}

static __device__ void ldmatrix_x4(unsigned *d, const void *shared)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 "
		"{%0, %1, %2, %3}, [%4];" : "=r"(d[0]), "=r"(d[1]),
		"=r"(d[2]), "=r"(d[3]) : "r"(at(shared)) : "memory");
}

static __device__ void ldmatrix_x2_trans(unsigned *d, const void *shared)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 "
		"{%0, %1}, [%2];" : "=r"(d[0]), "=r"(d[1])
		: "r"(at(shared)) : "memory");
}

static __device__ void mma_m16n8k16_f32_f16(float *d, const unsigned *a,
	const unsigned *b)
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
		"{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
		"{%0, %1, %2, %3};"
		: "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
		: "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]),
		"r"(b[1]));
}
#endif

/* A block makes 8 columns, each of its warps 16 rows. */
static __global__ void __launch_bounds__(64)
multiply(const unsigned short *a, const unsigned short *b, float *c)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	unsigned short *as = (unsigned short *)shared_memory;
	unsigned short *bs = as + 32 * 24;
	const int t = threadIdx.x, lane = t % 32, first = t / 32 * 16;
	unsigned x[4], y[2];
	float d[4] = { 0, 0, 0, 0 };

	for (int k = 0; k < 32; k += 16) {
		*(uint4 *)&as[t / 2 * 24 + t % 2 * 8] =
			*(const uint4 *)&a[t / 2 * 32 + k + t % 2 * 8];
		if (t < 16)
			*(uint4 *)&bs[t * 8] = *(const uint4 *)
				&b[(k + t) * 16 + blockIdx.x * 8];
		__syncthreads(); /* filled */
		ldmatrix_x4(x, &as[(first + lane % 16) * 24 + lane / 16 * 8]);
		ldmatrix_x2_trans(y, &bs[lane % 16 * 8]);
		mma_m16n8k16_f32_f16(d, x, y);
		__syncthreads(); /* free */
	}
	for (int i = 0; i < 4; i++)
		c[(first + lane / 4 + i / 2 * 8) * 16 + blockIdx.x * 8 +
			lane % 4 * 2 + i % 2] = d[i];
}

extern "C" size_t mm_workspace(void)
{
	return 0;
}

extern "C" cudaError_t mm(const unsigned short *a, const unsigned short *b,
	float *c, void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
	cudaLaunchConfig_t config = {};

	(void)workspace;
	(void)workspace_bytes;
	config.gridDim = dim3(2);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = (32 * 24 + 16 * 8) * 2;
	config.stream = stream;
	return cudaLaunchKernelEx(&config, multiply, a, b, c);
}
END
cp mm.kept mm.cu

"$wpkc" --no-lock mm.wpk --check=address >out 2>&1
check "it is right" grep -q '^mm: verified whole, 512 outputs' out
if ! watches; then
	skip "accesses are watched" "needs gcc"
else
	"$wpkc" --no-lock mm.wpk --check=race,init,bytes >out 2>&1
	check "nothing races, and bytes are counted" \
		grep -q '^mm: verified whole, 512 outputs' out
fi
if [ -n "$NVCC" ]; then
	"$wpkc" -q --no-lock mm.wpk -o whole.cu
	check "nvcc takes it" "$NVCC" -c -o mm.o \
		-gencode=arch=compute_80,code=sm_80 whole.cu
else
	skip "nvcc takes it" "no nvcc"
fi

# spoilt NAME CHECKS SED TEXT: with the file so changed, the error has TEXT.
spoilt() {
	sed "$3" mm.kept >mm.cu
	if cmp -s mm.cu mm.kept; then
		fail "$1: nothing is changed"
	elif "$wpkc" --no-lock mm.wpk --check="$2" >out 2>&1; then
		fail "$1: passes" out
	else
		check "$1" grep -qF "$4" out
	fi
}

spoilt "a row at a multiple of 8" address \
	's|ldmatrix_x4(x, &as\[|&4 + |' 'ldmatrix of a row at a multiple of 8'
spoilt "a row behind shared memory" address \
	's|bs\[lane % 16|bs[16 + lane % 16|' 'ldmatrix of a row outside shared'
spoilt "a lane that does not come" address \
	's|\tmma_m16n8k16|\tif (lane) mma_m16n8k16|' \
	'waits for lanes 0x00000001, which do not come'
spoilt "a fragment that does not fit" address \
	's|unsigned x\[4\], y\[2\]|unsigned x[4], y[1]|' \
	'the registers there are'
spoilt "the wrong way round" address 's|_x2_trans(y|_x2(y|
	s|void ldmatrix_x2_trans|void ldmatrix_x2|' 'mm: wrong: '
if ! watches; then
	skip "missing barriers" "needs gcc"
	finish
fi
spoilt "no barrier before ldmatrix" race \
	's|__syncthreads(); /\* filled \*/||' 'no barrier orders the two'
spoilt "no barrier after it" race \
	's|__syncthreads(); /\* free \*/||' 'no barrier orders the two'
spoilt "a barrier of a warp only" race \
	's|__syncthreads(); /\* filled \*/|__syncwarp();|' \
	'no barrier orders the two'
spoilt "a row that nobody writes" init 's|(t < 16)|(t < 15)|' \
	'reads what nobody has written'
finish
