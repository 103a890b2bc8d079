/* Made by wpkc 0.1.0 from scaled.wpk for sm_90a.
 *
 * seldom: scaled(a, b, s) -> (y)
 *	kernel(acc, y, sketch = wgmma);
 *	bind(threads = 128);
 *	cluster(i = 1, j = 1);
 *	deterministic();
 *	epilogue(y, bulk = 0);
 *	mma(acc, swap = off);
 *	pipeline(k_ok_i, async = bulk, stages = 4);
 *	raster(group = 1, order = row, persistent = off);
 *	reorder(acc, k_ok_i);
 *	split_k(acc, 1, combine = stream);
 *	stage(a, at = k_ok_i, scope = shared);
 *	stage(b, at = k_ok_i, scope = shared);
 *	tile(block, i = 64, j = 16, k_ok_i = 64);
 */

#ifndef WPK_EMULATE

static __device__ __forceinline__ bool elect_one()
{
	int elected;
	asm volatile(
		"{ .reg .pred p; elect.sync _|p, 0xffffffff; "
		"selp.s32 %0, 1, 0, p; }" : "=r"(elected));
	return elected;
}

static __device__ __forceinline__ unsigned shared_address(const void *shared)
{
	return (unsigned)__cvta_generic_to_shared(shared);
}

static __device__ __forceinline__ void mbarrier_init(void *barrier, int count)
{
	asm volatile("mbarrier.init.shared.b64 [%0], %1;"
		:: "r"(shared_address(barrier)), "r"(count) : "memory");
}

static __device__ __forceinline__ void mbarrier_arrive(void *barrier)
{
	asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];"
		:: "r"(shared_address(barrier)) : "memory");
}

static __device__ __forceinline__ void mbarrier_arrive_expect(void *barrier,
	int bytes)
{
	asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
		:: "r"(shared_address(barrier)), "r"(bytes) : "memory");
}

static __device__ __forceinline__ bool mbarrier_try_wait(void *barrier,
	int parity)
{
	int done;
	asm volatile(
		"{ .reg .pred p; "
		"mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; "
		"selp.b32 %0, 1, 0, p; }" : "=r"(done)
		: "r"(shared_address(barrier)), "r"(parity) : "memory");
	return done;
}

static __device__ __forceinline__ void mbarrier_wait(void *barrier, int parity)
{
	while (!mbarrier_try_wait(barrier, parity)) {}
}

static __device__ __forceinline__ void fence_mbarrier_init()
{
	asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

static __device__ __forceinline__ void copy_tensor_2d(void *shared,
	const void *map, void *barrier, int x, int y)
{
	asm volatile(
		"cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
		"[%0], [%1, {%3, %4}], [%2];"
		:: "r"(shared_address(shared)), "l"(map),
		"r"(shared_address(barrier)), "r"(x), "r"(y) : "memory");
}

static __device__ __forceinline__ void copy_tensor_5d(void *shared,
	const void *map, void *barrier, int x, int y, int z, int u, int v)
{
	asm volatile(
		"cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
		"[%0], [%1, {%3, %4, %5, %6, %7}], [%2];"
		:: "r"(shared_address(shared)), "l"(map),
		"r"(shared_address(barrier)), "r"(x), "r"(y), "r"(z), "r"(u),
		"r"(v) : "memory");
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

static __device__ __forceinline__ float settled_f32(float x)
{
	asm volatile("" : "+f"(x));
	return x;
}

template <int n>
static __device__ __forceinline__ void wgmma_wait()
{
	asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(n) : "memory");
}

template <int n>
static __device__ void wgmma_m64k16_f32_f16(float *d, long long a, long long b,
	int accumulate);
template <>
__device__ __forceinline__ void wgmma_m64k16_f32_f16<16>(float *d, long long a,
	long long b, int accumulate)
{
	asm volatile(
		"{ .reg .pred p; setp.ne.b32 p, %10, 0; "
		"wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
		"{%0, %1, %2, %3, %4, %5, %6, %7}, %8, %9, p, 1, 1, 0, 0; }"
		: "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]),
		"+f"(d[5]), "+f"(d[6]), "+f"(d[7])
		: "l"(a), "l"(b), "r"(accumulate));
}

#endif

/* A tensor to bulk copies, as the driver encodes it: cuda.h's CUtensorMap. */
struct __align__(128) tensor_map {
	unsigned long long bits[16];
};

extern "C" __global__ void __launch_bounds__(160, 5)
seldom_kernel(const unsigned short *__restrict__ a,
	const unsigned short *__restrict__ b, const float *__restrict__ s,
	float *__restrict__ y, const __grid_constant__ struct tensor_map a_map,
	const __grid_constant__ struct tensor_map b_map)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	/* [stage][row][k] */
	unsigned short (*a_tile)[64][64] =
		(unsigned short (*)[64][64])shared_memory;
	/* [stage][row][k] */
	unsigned short (*b_tile)[16][64] =
		(unsigned short (*)[16][64])(shared_memory + 32768);
	long long *full = (long long *)(shared_memory + 40960);
	long long *empty = (long long *)(shared_memory + 40992);
	__align__(16) float sum[2][4];
	__align__(16) float sums[1][8];
	__align__(16) float row_scale[2];
	__align__(16) float y_vector[4];

	const int thread = threadIdx.x;
	if (thread == 0) {
		#pragma unroll
		for (int s2 = 0; s2 < 4; s2++) {
			mbarrier_init(&full[s2], 1);
			mbarrier_init(&empty[s2], 4);
		}
		fence_mbarrier_init();
	}
	__syncthreads();
	if (threadIdx.x < 128) {
		/* multiply: warps 0 to 3 */
		const int i_first = blockIdx.x / 8 * 64;
		const int j_first = blockIdx.x % 8 * 16;
		const int lane = thread & 31;
		const int warp = (thread >> 5) & 3;
		const int lane_row = lane >> 2;
		const int lane_col = lane & 3;
		const int row_own = i_first + warp * 16;
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 4; j++)
				sum[i][j] = 0.0f;
		}
		#pragma unroll 1
		for (int t = 0; t < 16; t++) {
			const int slot = t & 3;
			const int parity = (t >> 2) & 1;
			mbarrier_wait(&full[slot], parity);
			const long long a_chunk =
				wgmma_descriptor(&a_tile[slot][0][0], 16, 1024,
				1);
			const long long b_chunk =
				wgmma_descriptor(&b_tile[slot][0][0], 16, 1024,
				1);
			if (((t + 1) & 7) == 0 || t + 1 == 16) {
				/* what these products are scaled by */
				const int k0 = t * 64;
				const int s_at = (row_own + lane_row) * 2 +
					(k0 >> 9);
				#pragma unroll
				for (int i = 0; i < 2; i++)
					row_scale[i] =
						s[s_at +
						((i >> 1) * 64 + (i & 1) * 8) * 2];
			}
			wgmma_fence();
			#pragma unroll
			for (int kk = 0; kk < 64; kk += 16)
				wgmma_m64k16_f32_f16<16>(&sums[0][0],
					a_chunk + (kk * 2 >> 4),
					b_chunk + (kk * 2 >> 4),
					(t & 7) + kk != 0);
			wgmma_commit();
			wgmma_wait<0>();
			if (((t + 1) & 7) == 0 || t + 1 == 16) {
				#pragma unroll
				for (int r = 0; r < 8; r++)
					sum[(r >> 1) & 1][(r >> 2) * 2 +
						(r & 1)] =
						fmaf(settled_f32(sums[0][r]),
						row_scale[(r >> 1) & 1],
						sum[(r >> 1) & 1][(r >> 2) * 2 +
						(r & 1)]);
			}
			if ((thread & 31) < 1)
				mbarrier_arrive(&empty[t & 3]);
		}

		/* store the tile */
		const int y_at = (row_own + lane_row) * 128 + j_first +
			lane_col * 4;
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int e = 0; e < 4; e++) {
				const float acc_value = sum[i][e];
				y_vector[e] = acc_value;
			}
			*(float4 *)&y[y_at +
				((i >> 1) * 64 + (i & 1) * 8) * 128] =
				*(const float4 *)&y_vector[0];
		}
	} else {
		/* copy: warps 4 to 4 */
		if (elect_one()) {
			const int i_first = blockIdx.x / 8 * 64;
			const int j_first = blockIdx.x % 8 * 16;
			#pragma unroll 1
			for (int t = 0; t < 16; t++) {
				const int slot = t & 3;
				const int parity = (t >> 2) & 1;
				mbarrier_wait(&empty[slot], parity ^ 1);
				mbarrier_arrive_expect(&full[slot], 10240);
				const int k0 = t * 64;
				copy_tensor_2d(&a_tile[slot][0][0], &a_map,
					&full[slot], k0, i_first);
				copy_tensor_5d(&b_tile[slot][0][0], &b_map,
					&full[slot], k0, 0, 0, 0, j_first >> 4);
			}
		}
	}
}

#ifndef __CUDACC_RTC__

/* Encodings of one map, of the addresses that a thread used last. */
struct wpk_maps {
	const void *address[4];
	struct tensor_map map[4];
	int next;
};

static bool wpk_known(const struct wpk_maps *known, const void *address,
	struct tensor_map *map)
{
	for (int i = 0; i < 4; i++)
		if (address && known->address[i] == address) {
			*map = known->map[i];
			return true;
		}
	return false;
}

/* "code" is the driver's; the runtime's errors have the same numbers. */
static cudaError_t wpk_encoded(struct wpk_maps *known, const void *address,
	const struct tensor_map *map, int code)
{
	if (code)
		return (cudaError_t)code;
	known->address[known->next] = address;
	known->map[known->next] = *map;
	known->next = (known->next + 1) % 4;
	return cudaSuccess;
}

/* The driver's function of that name, asked of the runtime: nothing links to
 * libcuda. */
static cudaError_t wpk_driver(const char *name, void **function)
{
	cudaDriverEntryPointQueryResult found;
#if CUDART_VERSION >= 12050
	cudaError_t status = cudaGetDriverEntryPointByVersion(name, function,
		12000, 0, &found);
#else
	cudaError_t status = cudaGetDriverEntryPoint(name, function, 0, &found);
#endif

	if (status == cudaSuccess && found != cudaDriverEntryPointSuccess)
		return cudaErrorNotSupported;
	return status;
}

static cudaError_t wpk_tiles(struct wpk_maps *known, const void *address,
	struct tensor_map *map, int type, unsigned rank,
	const unsigned long long *dims, const unsigned long long *strides,
	const unsigned *box, const unsigned *steps, int swizzle, int promotion)
{
	typedef int encoder(struct tensor_map *, int, unsigned, void *,
		const unsigned long long *, const unsigned long long *,
		const unsigned *, const unsigned *, int, int, int, int);
	void *function;
	cudaError_t status;

	if (wpk_known(known, address, map))
		return cudaSuccess;
	status = wpk_driver("cuTensorMapEncodeTiled", &function);
	if (status != cudaSuccess)
		return status;
	return wpk_encoded(known, address, map,
		((encoder *)function)(map, type, rank, (void *)address, dims,
		strides, box, steps, 0, swizzle, promotion, 0));
}

extern "C" size_t seldom_workspace(void)
{
	return 0;
}

/* The map of a for seldom_kernel: tiles, rows of 128 bytes swizzled. */
static cudaError_t seldom_kernel_a_map(const void *address,
	struct tensor_map *map)
{
	const int type = 6 /* f16 */, swizzle = 3, promotion = 2;
	static const unsigned long long dims[] = { 1024, 128 };
	static const unsigned long long strides[] = { 2048 };
	static const unsigned box[] = { 64, 64 };
	static const unsigned steps[] = { 1, 1 };
	static thread_local struct wpk_maps known;

	return wpk_tiles(&known, address, map, type, 2, dims, strides, box,
		steps, swizzle, promotion);
}

/* The map of b for seldom_kernel: tiles, rows of 128 bytes swizzled. */
static cudaError_t seldom_kernel_b_map(const void *address,
	struct tensor_map *map)
{
	const int type = 6 /* f16 */, swizzle = 3, promotion = 2;
	static const unsigned long long dims[] = { 1024, 2, 4, 2, 8 };
	static const unsigned long long strides[] = { 2048, 8192, 4096, 32768 };
	static const unsigned box[] = { 64, 2, 4, 2, 1 };
	static const unsigned steps[] = { 1, 1, 1, 1, 1 };
	static thread_local struct wpk_maps known;

	return wpk_tiles(&known, address, map, type, 5, dims, strides, box,
		steps, swizzle, promotion);
}

extern "C" cudaError_t seldom(const unsigned short *a, const unsigned short *b,
	const float *s, float *y, void *workspace, size_t workspace_bytes,
	cudaStream_t stream)
{
	cudaLaunchConfig_t config = {};
	cudaError_t status;
	struct tensor_map a_map, b_map;

	if (!a || !b || !s || !y)
		return cudaErrorInvalidValue;
	if (((size_t)a | (size_t)b | (size_t)s | (size_t)y) % 16)
		return cudaErrorInvalidValue;
	config.gridDim = dim3(16);
	config.blockDim = dim3(160);
	config.dynamicSmemBytes = 41024;
	config.stream = stream;
	status = seldom_kernel_a_map(a, &a_map);
	if (status != cudaSuccess)
		return status;
	status = seldom_kernel_b_map(b, &b_map);
	if (status != cudaSuccess)
		return status;
	return cudaLaunchKernelEx(&config, seldom_kernel, a, b, s, y, a_map,
		b_map);
}

#endif
