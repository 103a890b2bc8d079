/* Made by wpkc 0.1.0 from sk.wpk for sm_90.
 *
 * g: g(a, b, v) -> (c)
 *	kernel(acc, c, sketch = mma);
 *	deterministic();
 *	epilogue(c);
 *	mma(acc);
 *	pipeline(k, async = on, stages = 4);
 *	raster(group = 1, order = row);
 *	reorder(acc, k);
 *	split_k(acc, 4, combine = cluster);
 *	stage(a, at = k, scope = shared);
 *	stage(b, at = k, scope = shared);
 *	tile(block, i = 64, j = 64, k = 128);
 *	tile(warp, i = 32, j = 32);
 */

#ifndef WPK_EMULATE

static __device__ __forceinline__ float max_nan(float a, float b)
{
	float c;
	asm("max.NaN.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
	return c;
}

static __device__ __forceinline__ unsigned short f16_from_f32(float x)
{
	unsigned short y;
	asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
	return y;
}

static __device__ __forceinline__ unsigned shared_address(const void *shared)
{
	return (unsigned)__cvta_generic_to_shared(shared);
}

static __device__ __forceinline__ unsigned map_shared(const void *shared,
	int rank)
{
	unsigned remote;
	asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote)
		: "r"(shared_address(shared)), "r"(rank));
	return remote;
}

static __device__ __forceinline__ void copy_async_16(void *shared,
	const void *global)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
		:: "r"(shared_address(shared)), "l"(global) : "memory");
}

static __device__ __forceinline__ void copy_async_commit()
{
	asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int n>
static __device__ __forceinline__ void copy_async_wait()
{
	asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory");
}

static __device__ __forceinline__ void cluster_arrive()
{
	asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}

static __device__ __forceinline__ void cluster_wait()
{
	asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}

static __device__ __forceinline__ void cluster_sync()
{
	cluster_arrive();
	cluster_wait();
}

static __device__ __forceinline__ void remote_load_x4(unsigned *d,
	const void *shared, int rank)
{
	asm volatile("ld.shared::cluster.v4.b32 {%0, %1, %2, %3}, [%4];"
		: "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
		: "r"(map_shared(shared, rank)) : "memory");
}

static __device__ __forceinline__ void ldmatrix_x4(unsigned *d,
	const void *shared)
{
	asm volatile(
		"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, "
		"[%4];" : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
		: "r"(shared_address(shared)) : "memory");
}

static __device__ __forceinline__ void mma_m16n8k16_f32_f16(float *d,
	const unsigned *a, const unsigned *b)
{
	asm volatile(
		"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
		"{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
		"{%0, %1, %2, %3};"
		: "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
		: "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]),
		"r"(b[1]));
}

#endif

extern "C" __global__ void __launch_bounds__(128, 1)
g_kernel(const unsigned short *__restrict__ a,
	const unsigned short *__restrict__ b, const float *__restrict__ v,
	unsigned short *__restrict__ c)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	/* [stage][row][k] */
	unsigned short (*a_tile)[64][128] =
		(unsigned short (*)[64][128])shared_memory;
	/* [stage][row][k] */
	unsigned short (*b_tile)[64][128] =
		(unsigned short (*)[64][128])(shared_memory + 65536);
	float (*part_sums)[72] = (float (*)[72])(shared_memory + 131072);
	__align__(16) float sum[4][8];
	int a_at[8];
	int b_at[8];
	__align__(16) unsigned a_part[2][4];
	__align__(16) unsigned b_part[4][2];
	__align__(16) float sums[2][4][4];
	__align__(16) float joined[1][8];
	__align__(16) unsigned theirs[4];
	__align__(16) unsigned short c_vector[8];

	const int thread = threadIdx.x;
	const int i_first = blockIdx.x / 2 * 64;
	const int j_first = blockIdx.x % 2 * 64;
	const int lane = thread % 32;
	const int warp = thread / 32;
	const int warp_m = warp / 2 * 32;
	const int warp_n = warp % 2 * 32;
	const int lane_row = lane / 4;
	const int lane_col = lane % 4;
	const int m_own = i_first + warp_m;
	const int n_own = j_first + warp_n;

	/* addresses of what this thread copies */
	const int a_row = thread / 16;
	const int a_k = thread % 16 * 8;
	#pragma unroll
	for (int i = 0; i < 8; i++) {
		const int row = i_first + a_row + i * 8;
		a_at[i] = row * 512 + a_k;
	}
	const int b_row = thread / 16;
	const int b_k = thread % 16 * 8;
	#pragma unroll
	for (int i = 0; i < 8; i++) {
		const int row = j_first +
			((b_row + i * 8) / 8 * 2 + (b_row + i * 8) % 2) / 8 *
			32 +
			((b_row + i * 8) / 8 * 2 + (b_row + i * 8) % 2) % 8 +
			(b_row + i * 8) % 8 / 2 * 8;
		b_at[i] = row * 512 + b_k;
	}
	const int chunk_first = blockIdx.y;

	/* fragments of what this warp multiplies */
	const int a_turn = lane / 16 ^ lane % 8;
	const int a_row2 = warp_m + lane / 8 % 2 * 8 + lane % 8;
	const int b_turn = lane / 8 % 2 ^ lane % 8;
	const int b_row2 = warp_n + lane / 16 * 8 + lane % 8;
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			#pragma unroll
			for (int r = 0; r < 4; r++)
				sums[i][j][r] = 0.0f;
		}
	}
	const int k0 = chunk_first * 128;
	#pragma unroll
	for (int i = 0; i < 8; i++)
		copy_async_16(
			&a_tile[0][a_row +
			i * 8][(a_k / 8 ^ (a_row + i * 8) % 8) * 8 + a_k % 8],
			&a[a_at[i] + k0]);
	#pragma unroll
	for (int i = 0; i < 8; i++)
		copy_async_16(
			&b_tile[0][b_row +
			i * 8][(b_k / 8 ^ (b_row + i * 8) % 8) * 8 + b_k % 8],
			&b[b_at[i] + k0]);
	copy_async_commit();
	if (false) {
		const int chunk = chunk_first + 1;
		const int k0_2 = chunk * 128;
		#pragma unroll
		for (int i = 0; i < 8; i++)
			copy_async_16(
				&a_tile[1][a_row +
				i * 8][(a_k / 8 ^ (a_row + i * 8) % 8) * 8 +
				a_k % 8], &a[a_at[i] + k0_2]);
		#pragma unroll
		for (int i = 0; i < 8; i++)
			copy_async_16(
				&b_tile[1][b_row +
				i * 8][(b_k / 8 ^ (b_row + i * 8) % 8) * 8 +
				b_k % 8], &b[b_at[i] + k0_2]);
	}
	copy_async_commit();
	if (false) {
		const int chunk = chunk_first + 2;
		const int k0_2 = chunk * 128;
		#pragma unroll
		for (int i = 0; i < 8; i++)
			copy_async_16(
				&a_tile[2][a_row +
				i * 8][(a_k / 8 ^ (a_row + i * 8) % 8) * 8 +
				a_k % 8], &a[a_at[i] + k0_2]);
		#pragma unroll
		for (int i = 0; i < 8; i++)
			copy_async_16(
				&b_tile[2][b_row +
				i * 8][(b_k / 8 ^ (b_row + i * 8) % 8) * 8 +
				b_k % 8], &b[b_at[i] + k0_2]);
	}
	copy_async_commit();
	#pragma unroll 1
	for (int t = 0; t < 1; t++) {
		copy_async_wait<2>();
		__syncthreads();
		const int next = t + 3;
		if (next < 1) {
			const int free = next % 4;
			const int chunk = chunk_first + next;
			const int k0_2 = chunk * 128;
			#pragma unroll
			for (int i = 0; i < 8; i++)
				copy_async_16(
					&a_tile[free][a_row +
					i * 8][(a_k / 8 ^ (a_row + i * 8) % 8) *
					8 + a_k % 8], &a[a_at[i] + k0_2]);
			#pragma unroll
			for (int i = 0; i < 8; i++)
				copy_async_16(
					&b_tile[free][b_row +
					i * 8][(b_k / 8 ^ (b_row + i * 8) % 8) *
					8 + b_k % 8], &b[b_at[i] + k0_2]);
		}
		copy_async_commit();
		const int ready = t % 4;
		#pragma unroll
		for (int kk = 0; kk < 128; kk += 16) {
			#pragma unroll
			for (int i = 0; i < 2; i++)
				ldmatrix_x4(&a_part[i][0],
					&a_tile[ready][a_row2 +
					i * 16][(kk / 8 ^ a_turn) * 8]);
			#pragma unroll
			for (int i = 0; i < 2; i++)
				ldmatrix_x4(&b_part[i * 2][0],
					&b_tile[ready][b_row2 +
					i * 16][(kk / 8 ^ b_turn) * 8]);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 4; j++)
					mma_m16n8k16_f32_f16(&sums[i][j][0],
						&a_part[i][0], &b_part[j][0]);
			}
		}
	}

	/* each thread's results, in its rows and columns */
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			#pragma unroll
			for (int r = 0; r < 4; r++)
				sum[i * 2 + r / 2][j * 2 + r % 2] =
					sums[i][j][r];
		}
	}

	/* leave this part's sums to the cluster */
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		#pragma unroll
		for (int j = 0; j < 2; j++)
			*(float4 *)&part_sums[m_own - i_first + i * 8 +
				lane_row][n_own - j_first + j * 4 / 8 * 32 +
				j * 4 % 8 + lane_col * 8] =
				*(const float4 *)&sum[i][j * 4];
	}
	cluster_sync();

	/* add up this block's share of the tile, and store it */
	const int share_inner = thread % 8;
	const int share_outer = thread / 8;
	const int share_first = i_first + blockIdx.y * 16;
	#pragma unroll
	for (int j = 0; j < 8; j++)
		joined[0][j] = 0.0f;
	#pragma unroll 8
	for (int part = 0; part < 4; part++) {
		#pragma unroll
		for (int j = 0; j < 2; j++) {
			remote_load_x4(&theirs[0],
				&part_sums[blockIdx.y * 16 +
				share_outer][j * 4 / 8 * 64 + j * 4 % 8 +
				share_inner * 8], part);
			#pragma unroll
			for (int e = 0; e < 4; e++)
				joined[0][j * 4 + e] += __int_as_float(
					(int)theirs[e]);
		}
	}
	cluster_arrive();
	const int i = share_first + share_outer;
	const int j = j_first + share_inner * 8;
	#pragma unroll
	for (int e = 0; e < 8; e++) {
		const int j2 = j + e;
		const float acc_value = joined[0][e];
		const unsigned short c_value =
			f16_from_f32(max_nan(acc_value + v[j2], 0.0f));
		c_vector[e] = c_value;
	}
	*(uint4 *)&c[i * 128 + j] = *(const uint4 *)&c_vector[0];

	/* nobody leaves while others read its sums */
	cluster_wait();
}

#ifndef __CUDACC_RTC__

extern "C" size_t g_workspace(void)
{
	return 0;
}

extern "C" cudaError_t g(const unsigned short *a, const unsigned short *b,
	const float *v, unsigned short *c, void *workspace,
	size_t workspace_bytes, cudaStream_t stream)
{
	cudaLaunchConfig_t config = {};
	cudaLaunchAttribute cluster = {};
	cudaError_t status;

	if (!a || !b || !v || !c)
		return cudaErrorInvalidValue;
	if (((size_t)a | (size_t)b | (size_t)v | (size_t)c) % 16)
		return cudaErrorInvalidValue;
	config.gridDim = dim3(4, 4);
	config.blockDim = dim3(128);
	config.dynamicSmemBytes = 149504;
	config.stream = stream;
	cluster.id = cudaLaunchAttributeClusterDimension;
	cluster.val.clusterDim.x = 1;
	cluster.val.clusterDim.y = 4;
	cluster.val.clusterDim.z = 1;
	config.attrs = &cluster;
	config.numAttrs = 1;
	status = cudaFuncSetAttribute(g_kernel,
		cudaFuncAttributeMaxDynamicSharedMemorySize, 149504);
	if (status != cudaSuccess)
		return status;
	return cudaLaunchKernelEx(&config, g_kernel, a, b, v, c);
}

#endif
