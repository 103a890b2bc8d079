/* Made by wpkc 0.1.0 from fragments.wpk for sm_90a.
 *
 * turned: across(a, b) -> (c)
 *	kernel(acc, c, sketch = wgmma);
 *	bind(threads = 128);
 *	cluster(i = 1, j = 1);
 *	deterministic();
 *	epilogue(c, bulk = 0);
 *	mma(acc, from = register, swap = off);
 *	pipeline(k, async = off, stages = 2);
 *	raster(group = 1, order = row, persistent = off);
 *	reorder(acc, k);
 *	split_k(acc, 1, combine = workspace);
 *	stage(a, at = k, scope = shared);
 *	stage(b, at = k, scope = shared);
 *	tile(block, i = 64, j = 16, k = 128);
 */

#ifndef WPK_EMULATE

static __device__ __forceinline__ unsigned shared_address(const void *shared)
{
	return (unsigned)__cvta_generic_to_shared(shared);
}

static __device__ __forceinline__ void fence_proxy_async()
{
	asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

static __device__ __forceinline__ long long wgmma_descriptor(const void *shared,
	int leading, int stride, int swizzle)
{
	const long long start = (shared_address(shared) & 0x3ffff) >> 4;
	return start | (long long)(leading >> 4) << 16 |
		(long long)(stride >> 4) << 32 | (long long)swizzle << 62;
}

static __device__ __forceinline__ void wgmma_fence()
{
	asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

static __device__ __forceinline__ void wgmma_commit()
{
	asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

static __device__ __forceinline__ int settled_i32(int x)
{
	asm volatile("" : "+r"(x));
	return x;
}

static __device__ __forceinline__ unsigned settled_u32(unsigned x)
{
	asm volatile("" : "+r"(x));
	return x;
}

template <int n>
static __device__ __forceinline__ void wgmma_wait()
{
	asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(n) : "memory");
}

template <int n>
static __device__ void wgmma_m64k32_i32_i8_registers(int *d, const unsigned *a,
	long long b, int accumulate);
template <>
__device__ __forceinline__ void wgmma_m64k32_i32_i8_registers<16>(int *d,
	const unsigned *a, long long b, int accumulate)
{
	asm volatile(
		"{ .reg .pred p; setp.ne.b32 p, %13, 0; "
		"wgmma.mma_async.sync.aligned.m64n16k32.s32.s8.s8 "
		"{%0, %1, %2, %3, %4, %5, %6, %7}, "
		"{%8, %9, %10, %11}, %12, p; }"
		: "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]),
		"+r"(d[5]), "+r"(d[6]), "+r"(d[7])
		: "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b),
		"r"(accumulate));
}

#endif

static __device__ __forceinline__ int min_int(int a, int b)
{
	return a < b ? a : b;
}

extern "C" __global__ void __launch_bounds__(128, 2)
turned_kernel(const signed char *__restrict__ a,
	const signed char *__restrict__ b, int *__restrict__ c)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	/* [stage][panel of rows, k][row] */
	signed char (*a_tile)[128][64] =
		(signed char (*)[128][64])shared_memory;
	/* [stage][row][k] */
	signed char (*b_tile)[16][128] =
		(signed char (*)[16][128])(shared_memory + 16384);
	__align__(16) int sum[2][4];
	__align__(16) signed char a_held[4][16];
	int a_at[1];
	__align__(16) signed char b_held[16][1];
	int b_at[16];
	__align__(16) int sums[1][8];
	__align__(16) signed char a_raw[1][4][4];
	__align__(16) unsigned a_part[2][1][4];
	__align__(16) int c_vector[4];

	const int thread = threadIdx.x;
	const int i_first = blockIdx.x / 10 * 64;
	const int j_first = blockIdx.x % 10 * 16;
	const int lane = thread % 32;
	const int warp = thread / 32 % 4;
	const int lane_row = lane / 4;
	const int lane_col = lane % 4;
	const int row_own = i_first + warp * 16;
	const int fragment_row = warp * 16 + lane / 4;
	const int fragment_k = lane % 4 * 4;

	/* addresses of what this thread copies */
	const int a_k = thread / 4;
	const int a_row = thread % 4 * 16;
	const int row = min_int(i_first + a_row, 128);
	a_at[0] = row + a_k * 144;
	const int b_row = thread / 128;
	const int b_k = thread % 128;
	#pragma unroll
	for (int i = 0; i < 16; i++) {
		const int row2 = j_first +
			((b_row + i) / 8 * 2 + (b_row + i) % 2) / 4 * 16 +
			((b_row + i) / 8 * 2 + (b_row + i) % 2) % 4 +
			(b_row + i) % 8 / 2 * 4;
		b_at[i] = row2 + b_k * 160;
	}
	#pragma unroll
	for (int j = 0; j < 4; j++) {
		if (a_k + j * 32 < 80)
			*(uint4 *)&a_held[j][0] =
				*(const uint4 *)&a[a_at[0] + j * 4608];
		else
			*(uint4 *)&a_held[j][0] = make_uint4(0, 0, 0, 0);
	}
	#pragma unroll
	for (int i = 0; i < 16; i++) {
		b_held[i][0] = b_k < 80 ? b[b_at[i]] : 0;
	}
	#pragma unroll 1
	for (int t = 0; t < 2; t++) {
		const int slot = t % 2;
		#pragma unroll
		for (int j = 0; j < 4; j++)
			*(uint4 *)&a_tile[slot][a_row / 64 * 128 + a_k +
				j *
				32][(a_row % 64 / 16 ^ (a_k + j * 32) / 2 % 4) *
				16 + a_row % 16] =
				*(const uint4 *)&a_held[j][0];
		#pragma unroll
		for (int i = 0; i < 16; i++)
			b_tile[slot][b_row +
				i][(b_k / 16 ^ (b_row + i) % 8) * 16 +
				b_k % 16] = b_held[i][0];
		fence_proxy_async();
		__syncthreads();
		const int next = t + 1;
		if (next < 2) {
			const int k0 = next * 128 - 48;
			const int a_k0 = k0 * 144;
			#pragma unroll
			for (int j = 0; j < 4; j++)
				*(uint4 *)&a_held[j][0] =
					*(const uint4 *)&a[a_at[0] + a_k0 + j * 4608];
			const int b_k0 = k0 * 160;
			#pragma unroll
			for (int i = 0; i < 16; i++)
				b_held[i][0] = b[b_at[i] + b_k0];
		}
		const long long b_chunk = wgmma_descriptor(&b_tile[slot][0][0],
			16, 1024, 1);
		#pragma unroll
		for (int r = 0; r < 4; r++) {
			#pragma unroll
			for (int e = 0; e < 4; e++)
				a_raw[0][r][e] =
					a_tile[slot][(fragment_row +
					r % 2 * 8) / 64 * 128 + r / 2 * 16 +
					fragment_k +
					e][((fragment_row + r % 2 * 8) % 64 /
					16 ^ (r / 2 * 16 + fragment_k + e) / 2 %
					4) * 16 + (fragment_row + r % 2 * 8) % 16];
		}
		#pragma unroll
		for (int kk = 0; kk < 128; kk += 32) {
			#pragma unroll
			for (int r = 0; r < 4; r++)
				a_part[kk / 32 % 2][0][r] =
					settled_u32(
					(unsigned)(((((int)(unsigned char)a_raw[0][r][0] << 0) |
					((int)(unsigned char)a_raw[0][r][1] << 8)) |
					((int)(unsigned char)a_raw[0][r][2] << 16)) |
					((int)(unsigned char)a_raw[0][r][3] << 24)));
			wgmma_fence();
			wgmma_m64k32_i32_i8_registers<16>(&sums[0][0],
				&a_part[kk / 32 % 2][0][0], b_chunk + kk / 16,
				t + kk != 0);
			wgmma_commit();
			if (kk + 32 < 128) {
				#pragma unroll
				for (int r = 0; r < 4; r++) {
					#pragma unroll
					for (int e = 0; e < 4; e++)
						a_raw[0][r][e] =
							a_tile[slot][(fragment_row +
							r % 2 * 8) / 64 * 128 +
							kk + 32 + r / 2 * 16 +
							fragment_k +
							e][((fragment_row +
							r % 2 * 8) % 64 /
							16 ^ (kk + 32 +
							r / 2 * 16 +
							fragment_k + e) / 2 %
							4) * 16 +
							(fragment_row + r % 2 * 8) % 16];
				}
			}
			wgmma_wait<1>();
		}
		wgmma_wait<0>();
	}

	/* each thread's results, in its rows and columns */
	#pragma unroll
	for (int r = 0; r < 8; r++)
		sum[r / 2 % 2][r / 4 * 2 + r % 2] = settled_i32(sums[0][r]);

	/* store the tile */
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		const int i2 = row_own + i / 2 * 64 + i % 2 * 8 + lane_row;
		if (i2 < 144) {
			const int j = j_first + lane_col * 4;
			#pragma unroll
			for (int e = 0; e < 4; e++) {
				const int acc_value = sum[i][e];
				c_vector[e] = acc_value;
			}
			*(uint4 *)&c[i2 * 160 + j] =
				*(const uint4 *)&c_vector[0];
		}
	}
}

#ifndef __CUDACC_RTC__

extern "C" size_t turned_workspace(void)
{
	return 0;
}

extern "C" cudaError_t turned(const signed char *a, const signed char *b,
	int *c, void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
	cudaLaunchConfig_t config = {};

	if (!a || !b || !c)
		return cudaErrorInvalidValue;
	if (((size_t)a | (size_t)b | (size_t)c) % 16)
		return cudaErrorInvalidValue;
	config.gridDim = dim3(30);
	config.blockDim = dim3(128);
	config.dynamicSmemBytes = 20480;
	config.stream = stream;
	return cudaLaunchKernelEx(&config, turned_kernel, a, b, c);
}

#endif
