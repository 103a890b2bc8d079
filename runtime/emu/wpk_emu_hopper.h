/* SPDX-License-Identifier: MIT */
/* The second part of wpk_emu.h: asynchronous instructions of Hopper. */
#ifndef WPK_RUNTIME_EMU_WPK_EMU_HOPPER_H
#define WPK_RUNTIME_EMU_WPK_EMU_HOPPER_H

/* ---- barriers ---- */

extern "C" {
void wpk_emu_cluster_arrive(int line);
void wpk_emu_cluster_wait(int line);
void wpk_emu_barrier_sync(int line, int id, int count);
void wpk_emu_barrier_arrive(int line, int id, int count);
void wpk_emu_mbarrier_init(int line, void *p, int count);
void wpk_emu_mbarrier_invalidate(int line, void *p);
/* "rank" below 0 is the own block; "bytes" below 0: nothing is announced. */
void wpk_emu_mbarrier_arrive(int line, void *p, int rank, long bytes);
bool wpk_emu_mbarrier_wait(int line, void *p, int parity, bool tries);
void wpk_emu_mbarrier_fence(void);
bool wpk_emu_elect(int line);
void wpk_emu_registers(int line, int n, bool more);
void wpk_emu_grid_wait(void);
}

#define cluster_arrive() wpk_emu_cluster_arrive(__LINE__)
#define cluster_wait() wpk_emu_cluster_wait(__LINE__)
#define barrier_sync(id, count) wpk_emu_barrier_sync(__LINE__, id, count)
#define barrier_arrive(id, count) wpk_emu_barrier_arrive(__LINE__, id, count)
#define mbarrier_init(p, count) wpk_emu_mbarrier_init(__LINE__, p, count)
#define mbarrier_invalidate(p) wpk_emu_mbarrier_invalidate(__LINE__, p)
#define mbarrier_arrive(p) wpk_emu_mbarrier_arrive(__LINE__, p, -1, -1)
#define mbarrier_arrive_remote(p, rank) \
	wpk_emu_mbarrier_arrive(__LINE__, p, rank, -1)
#define mbarrier_arrive_expect(p, bytes) \
	wpk_emu_mbarrier_arrive(__LINE__, p, -1, bytes)
#define mbarrier_try_wait(p, parity) \
	wpk_emu_mbarrier_wait(__LINE__, p, parity, true)
#define mbarrier_wait(p, parity) \
	((void)wpk_emu_mbarrier_wait(__LINE__, p, parity, false))
#define fence_mbarrier_init() wpk_emu_mbarrier_fence()
#define elect_one() wpk_emu_elect(__LINE__)

template <int n>
static inline void registers_increase(int line = __builtin_LINE())
{
	wpk_emu_registers(line, n, true);
}

template <int n>
static inline void registers_decrease(int line = __builtin_LINE())
{
	wpk_emu_registers(line, n, false);
}

/* Launches follow one another here, whether or not they wait for the grid before:
 * only those that watch know the difference. */
#define grid_wait() wpk_emu_grid_wait()
static inline void grid_launch_dependents() {}

/* Four at once, none of which the others wait for. */
static inline void red_add_f32x4(float *p, float x, float y, float z, float w)
{
	float *q = static_cast<float *>(__builtin_assume_aligned(p, 16));

	atomicAdd(&q[0], x);
	atomicAdd(&q[1], y);
	atomicAdd(&q[2], z);
	atomicAdd(&q[3], w);
}

/* ---- bulk copies ---- */

extern "C" {
void wpk_emu_bulk_load(int line, void *shared, const void *global, int bytes,
	void *barrier, unsigned mask);
void wpk_emu_bulk_store(int line, void *global, const void *shared, int bytes,
	bool add);
void wpk_emu_tensor_load(int line, void *shared, const void *map, void *barrier,
	int rank, const int *at, const unsigned short *offset, unsigned mask);
void wpk_emu_tensor_store(int line, const void *map, const void *shared,
	int rank, const int *at, bool add);
void wpk_emu_bulk_commit(void);
void wpk_emu_bulk_wait(int in_flight, bool read);
void wpk_emu_prefetch_map(int line, const void *map);
}

#define copy_bulk(shared, global, bytes, barrier) \
	wpk_emu_bulk_load(__LINE__, shared, global, bytes, barrier, 0)
#define copy_bulk_multicast(shared, global, bytes, barrier, blocks) \
	wpk_emu_bulk_load(__LINE__, shared, global, bytes, barrier, blocks)
#define copy_bulk_store(global, shared, bytes) \
	wpk_emu_bulk_store(__LINE__, global, shared, bytes, false)
#define copy_bulk_add_f32(global, shared, bytes) \
	wpk_emu_bulk_store(__LINE__, global, shared, bytes, true)
#define copy_bulk_commit() wpk_emu_bulk_commit()
#define prefetch_map(map) wpk_emu_prefetch_map(__LINE__, map)

template <int n>
static inline void copy_bulk_wait()
{
	wpk_emu_bulk_wait(n, false);
}

template <int n>
static inline void copy_bulk_wait_read()
{
	wpk_emu_bulk_wait(n, true);
}

/* Coordinates, from the innermost out, and behind them the blocks. */
template <int rank>
struct wpk_emu_tile {
	template <class... X>
	static void load(int line, void *shared, const void *map,
		void *barrier, X... x)
	{
		const int v[] = { x... };

		wpk_emu_tensor_load(line, shared, map, barrier, rank, v,
			nullptr, sizeof...(x) > rank ? (unsigned)v[rank] : 0);
	}
	template <class... X>
	static void store(int line, const void *map, const void *shared,
		bool add, X... x)
	{
		const int v[] = { x... };

		static_assert(sizeof...(x) == rank, "a coordinate for each "
			"dimension");
		wpk_emu_tensor_store(line, map, shared, rank, v, add);
	}
	/* Behind the coordinates offsets of all but the first and last. */
	template <class... X>
	static void gather(int line, void *shared, const void *map,
		void *barrier, X... x)
	{
		const int v[] = { x... };
		unsigned short offset[rank];

		for (int i = 0; i < rank - 2; i++)
			offset[i] = (unsigned short)v[rank + i];
		wpk_emu_tensor_load(line, shared, map, barrier, rank, v,
			offset, sizeof...(x) > 2 * rank - 2 ?
			(unsigned)v[2 * rank - 2] : 0);
	}
};

#define copy_tensor_1d(...) wpk_emu_tile<1>::load(__LINE__, __VA_ARGS__)
#define copy_tensor_2d(...) wpk_emu_tile<2>::load(__LINE__, __VA_ARGS__)
#define copy_tensor_3d(...) wpk_emu_tile<3>::load(__LINE__, __VA_ARGS__)
#define copy_tensor_4d(...) wpk_emu_tile<4>::load(__LINE__, __VA_ARGS__)
#define copy_tensor_5d(...) wpk_emu_tile<5>::load(__LINE__, __VA_ARGS__)
#define copy_tensor_1d_multicast copy_tensor_1d
#define copy_tensor_2d_multicast copy_tensor_2d
#define copy_tensor_3d_multicast copy_tensor_3d
#define copy_tensor_4d_multicast copy_tensor_4d
#define copy_tensor_5d_multicast copy_tensor_5d
#define WPK_EMU_TENSOR_STORE(rank, map, shared, add, ...) \
	wpk_emu_tile<rank>::store(__LINE__, map, shared, add, __VA_ARGS__)
#define copy_tensor_store_1d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(1, map, shared, false, __VA_ARGS__)
#define copy_tensor_store_2d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(2, map, shared, false, __VA_ARGS__)
#define copy_tensor_store_3d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(3, map, shared, false, __VA_ARGS__)
#define copy_tensor_store_4d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(4, map, shared, false, __VA_ARGS__)
#define copy_tensor_store_5d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(5, map, shared, false, __VA_ARGS__)
#define copy_tensor_add_1d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(1, map, shared, true, __VA_ARGS__)
#define copy_tensor_add_2d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(2, map, shared, true, __VA_ARGS__)
#define copy_tensor_add_3d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(3, map, shared, true, __VA_ARGS__)
#define copy_tensor_add_4d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(4, map, shared, true, __VA_ARGS__)
#define copy_tensor_add_5d(map, shared, ...) \
	WPK_EMU_TENSOR_STORE(5, map, shared, true, __VA_ARGS__)
#define copy_im2col_3d(...) wpk_emu_tile<3>::gather(__LINE__, __VA_ARGS__)
#define copy_im2col_4d(...) wpk_emu_tile<4>::gather(__LINE__, __VA_ARGS__)
#define copy_im2col_5d(...) wpk_emu_tile<5>::gather(__LINE__, __VA_ARGS__)
#define copy_im2col_3d_multicast copy_im2col_3d
#define copy_im2col_4d_multicast copy_im2col_4d
#define copy_im2col_5d_multicast copy_im2col_5d

/* ---- matrix products of four warps ---- */

extern "C" {
/* Where in the block's shared memory, as descriptors count. */
unsigned wpk_emu_shared_address(int line, const void *p);
unsigned wpk_emu_map_shared(int line, const void *p, int rank);
/* "trans": 1 the left factor, 2 the right. */
void wpk_emu_wgmma(int line, int n, const char *acc, const char *left,
	const char *right, int trans, void *d, const unsigned *registers,
	long long a, long long b, int accumulate);
void wpk_emu_wgmma_fence(int line);
void wpk_emu_wgmma_commit(int line);
void wpk_emu_wgmma_wait(int line, int in_flight);
/* The running thread's writes to shared memory become visible to what is
 * asynchronous. */
void wpk_emu_fence_proxy(void);
}

#define fence_proxy_async() wpk_emu_fence_proxy()

#define shared_address(p) wpk_emu_shared_address(__LINE__, p)
#define map_shared(p, rank) wpk_emu_map_shared(__LINE__, p, rank)
#define wgmma_descriptor(p, leading, stride, swizzle) \
	wpk_emu_descriptor(wpk_emu_shared_address(__LINE__, p), leading, \
		stride, swizzle)
#define wgmma_fence() wpk_emu_wgmma_fence(__LINE__)
#define wgmma_commit() wpk_emu_wgmma_commit(__LINE__)

static inline long long wpk_emu_descriptor(unsigned start, int leading,
	int stride, int swizzle)
{
	return (start & 0x3ffff) >> 4 | (long long)(leading >> 4) << 16 |
		(long long)(stride >> 4) << 32 | (long long)swizzle << 62;
}

/* What wgmma left, read where it stands: behind the wait. */
static inline float settled_f32(float x)
{
	return x;
}

static inline float copied_f32(float x)
{
	return x;
}

static inline int settled_i32(int x)
{
	return x;
}

static inline unsigned settled_u32(unsigned x)
{
	return x;
}

/* How much more nobody knows who compiles. */
static inline int more_than(int x)
{
	return x + 1;
}

template <int n>
static inline void wgmma_wait(int line = __builtin_LINE())
{
	wpk_emu_wgmma_wait(line, n);
}

/* Both forms of an instruction: the left factor in shared memory, and in
 * registers, which are never transposed. */
#define WPK_EMU_WGMMA_FORM(name, A, registers, shared, T, acc, left, right, \
	trans) \
	template <int n> \
	static inline void name(T *d, A a, long long b, int accumulate, \
		int line = __builtin_LINE()) \
	{ \
		wpk_emu_wgmma(line, n, #acc, #left, #right, trans, d, \
			registers, shared, b, accumulate); \
	}
#define WPK_EMU_WGMMA_SHARED(name, ...) \
	WPK_EMU_WGMMA_FORM(name, long long, nullptr, a, __VA_ARGS__)
#define WPK_EMU_WGMMA_REGISTERS(name, ...) \
	WPK_EMU_WGMMA_FORM(name, const unsigned *, a, 0, __VA_ARGS__)
#define WPK_EMU_WGMMA(name, ...) \
	WPK_EMU_WGMMA_SHARED(name, __VA_ARGS__, 0) \
	WPK_EMU_WGMMA_REGISTERS(name##_registers, __VA_ARGS__, 0)
#define WPK_EMU_WGMMA_TRANS(name, ...) \
	WPK_EMU_WGMMA(name, __VA_ARGS__) \
	WPK_EMU_WGMMA_SHARED(name##_left_trans, __VA_ARGS__, 1) \
	WPK_EMU_WGMMA_SHARED(name##_right_trans, __VA_ARGS__, 2) \
	WPK_EMU_WGMMA_SHARED(name##_left_trans_right_trans, __VA_ARGS__, 3) \
	WPK_EMU_WGMMA_REGISTERS(name##_registers_right_trans, __VA_ARGS__, 2)
#define WPK_EMU_WGMMA_8(types, left, right) \
	WPK_EMU_WGMMA(wgmma_m64k32_f32_##types, float, f32, left, right) \
	WPK_EMU_WGMMA(wgmma_m64k32_f16_##types, unsigned, f16, left, right)

WPK_EMU_WGMMA_TRANS(wgmma_m64k16_f32_f16, float, f32, f16, f16)
WPK_EMU_WGMMA_TRANS(wgmma_m64k16_f16_f16, unsigned, f16, f16, f16)
WPK_EMU_WGMMA_TRANS(wgmma_m64k16_f32_bf16, float, f32, bf16, bf16)
WPK_EMU_WGMMA(wgmma_m64k8_f32_tf32, float, f32, tf32, tf32)
WPK_EMU_WGMMA_8(e4m3, e4m3, e4m3)
WPK_EMU_WGMMA_8(e4m3_e5m2, e4m3, e5m2)
WPK_EMU_WGMMA_8(e5m2_e4m3, e5m2, e4m3)
WPK_EMU_WGMMA_8(e5m2, e5m2, e5m2)
WPK_EMU_WGMMA(wgmma_m64k32_i32_i8, int, i32, i8, i8)
WPK_EMU_WGMMA(wgmma_m64k32_i32_i8_u8, int, i32, i8, u8)
WPK_EMU_WGMMA(wgmma_m64k32_i32_u8_i8, int, i32, u8, i8)
WPK_EMU_WGMMA(wgmma_m64k32_i32_u8, int, i32, u8, u8)

#endif
