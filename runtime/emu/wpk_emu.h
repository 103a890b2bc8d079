/* SPDX-License-Identifier: MIT */
/* CUDA for the CPU: included before emitted .cu text (g++ -x c++ -include
 * wpk_emu.h -DWPK_EMULATE), so that it is C++ that libwpkemu.a runs. Names are
 * CUDA's own, those of emitted device intrinsics, and wpk_emu_ for what
 * connects them to the library. It includes nothing but its own other parts:
 * a kernel compiles in the time the kernel takes. */
#ifndef WPK_RUNTIME_EMU_WPK_EMU_H
#define WPK_RUNTIME_EMU_WPK_EMU_H

typedef __SIZE_TYPE__ size_t;
#ifdef WPK_EMU_WATCH
#ifdef __clang__
#error "accesses are watched by g++ only: clang++ takes vectors apart"
#endif
#pragma GCC optimize("no-tree-sra")
#endif
#ifndef NULL
#define NULL nullptr
#endif

/* ---- qualifiers ---- */

#define __global__
#define __device__
#define __host__
#define __shared__
#define __constant__ static const
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))

/* ---- vectors and built-in variables ---- */

/* Not as calls: what a call stores is not seen by the watch over memory. */
#define WPK_EMU_MAKE static inline __attribute__((always_inline))
#define WPK_EMU_VECTORS(T, name, a2, a4) \
	struct __attribute__((aligned(a2))) name##2 { T x, y; }; \
	struct name##3 { T x, y, z; }; \
	struct __attribute__((aligned(a4))) name##4 { T x, y, z, w; }; \
	WPK_EMU_MAKE name##2 make_##name##2(T x, T y) \
	{ return { x, y }; } \
	WPK_EMU_MAKE name##3 make_##name##3(T x, T y, T z) \
	{ return { x, y, z }; } \
	WPK_EMU_MAKE name##4 make_##name##4(T x, T y, T z, T w) \
	{ return { x, y, z, w }; }

WPK_EMU_VECTORS(float, float, 8, 16)
WPK_EMU_VECTORS(double, double, 16, 16)
WPK_EMU_VECTORS(int, int, 8, 16)
WPK_EMU_VECTORS(unsigned, uint, 8, 16)
WPK_EMU_VECTORS(short, short, 4, 8)
WPK_EMU_VECTORS(unsigned short, ushort, 4, 8)
WPK_EMU_VECTORS(signed char, char, 2, 4)
WPK_EMU_VECTORS(unsigned char, uchar, 2, 4)
WPK_EMU_VECTORS(long long, longlong, 16, 16)
WPK_EMU_VECTORS(unsigned long long, ulonglong, 16, 16)

struct dim3 {
	unsigned x, y, z;
	dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1)
		: x(x), y(y), z(z) {}
};

extern "C" {
extern uint3 threadIdx, blockIdx, blockDim, gridDim;
}
static const int warpSize = 32;

/* ---- the library ---- */

extern "C" {
void wpk_emu_barrier(int line);
void wpk_emu_syncwarp(int line, unsigned mask);
unsigned wpk_emu_ballot(int line, unsigned mask, bool vote);
/* Another lane's value, from "lane" of the caller's warp. */
unsigned long long wpk_emu_exchange(int line, unsigned mask,
	unsigned long long value, unsigned lane);
void wpk_emu_cluster_barrier(int line);
int wpk_emu_cluster_rank(void);
/* Where block "rank" of the cluster has its own "p". */
void *wpk_emu_remote(int line, const void *p, int rank, int bytes, bool store);
void wpk_emu_copy(int line, void *shared, const void *global, int bytes,
	bool guard);
/* Matrix instructions: "form" is the same for all lanes of a warp. */
struct wpk_emu_form {
	int m, k, at_once;
	const char *acc, *factor;
};
void wpk_emu_mma(int line, const wpk_emu_form *form, void *d, const void *a,
	const void *b);
void wpk_emu_ldmatrix(int line, unsigned *d, const void *row, int count,
	bool transposed);
void wpk_emu_stmatrix(int line, void *row, const unsigned *d, int count,
	bool transposed);
void wpk_emu_fence(void);
int wpk_emu_has_flags(void);
void wpk_emu_flag_set(int line, void *flag);
void wpk_emu_flag_wait(int line, const void *flag, int known);
void wpk_emu_atomic(const void *p, bool begins);
void wpk_emu_clear(void *p, int byte, size_t n);
void wpk_emu_commit(void);
void wpk_emu_trap(int line);
void wpk_emu_wait(int in_flight);
float wpk_emu_from_f16(unsigned short bits);
unsigned short wpk_emu_to_f16(float x);
int wpk_emu_launch(const void *config, const void *kernel,
	void (*invoke)(void *), void *closure);
int wpk_emu_set_shared(const void *kernel, int bytes);
}

/* ---- synchronisation ---- */

#define __syncthreads() wpk_emu_barrier(__LINE__)
#define __syncwarp(...) wpk_emu_warp_barrier(__LINE__, ##__VA_ARGS__)
#define __ballot_sync(mask, p) wpk_emu_ballot(__LINE__, mask, (p) != 0)
#define __any_sync(mask, p) (wpk_emu_ballot(__LINE__, mask, (p) != 0) != 0)
#define __all_sync(mask, p) (wpk_emu_ballot(__LINE__, mask, !(p)) == 0)
#define __shfl_sync(...) wpk_emu_shfl(__LINE__, __VA_ARGS__)
#define __shfl_xor_sync(...) wpk_emu_shfl_xor(__LINE__, __VA_ARGS__)
#define __shfl_down_sync(...) wpk_emu_shfl_down(__LINE__, __VA_ARGS__)
#define __shfl_up_sync(...) wpk_emu_shfl_up(__LINE__, __VA_ARGS__)

#define __trap() wpk_emu_trap(__LINE__)

static inline void __threadfence()
{
	wpk_emu_fence();
}
static inline void __threadfence_block() {}

static inline void wpk_emu_warp_barrier(int line, unsigned mask = 0xffffffffu)
{
	wpk_emu_syncwarp(line, mask);
}

static inline unsigned wpk_emu_lane()
{
	return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y *
		threadIdx.z)) % 32;
}

template <class T>
static inline T wpk_emu_from(int line, unsigned mask, T v, unsigned lane)
{
	unsigned long long bits = 0;
	T out;

	static_assert(sizeof(T) <= sizeof bits, "a shuffle of 8 bytes at most");
	__builtin_memcpy(&bits, &v, sizeof v);
	bits = wpk_emu_exchange(line, mask, bits, lane);
	__builtin_memcpy(&out, &bits, sizeof out);
	return out;
}

template <class T>
static inline T wpk_emu_shfl(int line, unsigned mask, T v, int lane,
	int width = 32)
{
	unsigned me = wpk_emu_lane();

	return wpk_emu_from(line, mask, v,
		(me & ~(unsigned)(width - 1)) | (lane & (width - 1)));
}

template <class T>
static inline T wpk_emu_shfl_xor(int line, unsigned mask, T v, int flip,
	int width = 32)
{
	unsigned me = wpk_emu_lane(), from = me ^ flip;
	unsigned end = (me & ~(unsigned)(width - 1)) + width;

	return wpk_emu_from(line, mask, v, from < end ? from : me);
}

template <class T>
static inline T wpk_emu_shfl_down(int line, unsigned mask, T v, unsigned by,
	int width = 32)
{
	unsigned me = wpk_emu_lane();
	unsigned end = (me & ~(unsigned)(width - 1)) + width;

	return wpk_emu_from(line, mask, v, me + by < end ? me + by : me);
}

template <class T>
static inline T wpk_emu_shfl_up(int line, unsigned mask, T v, unsigned by,
	int width = 32)
{
	unsigned me = wpk_emu_lane(), start = me & ~(unsigned)(width - 1);

	return wpk_emu_from(line, mask, v, me >= start + by ? me - by : me);
}

/* ---- clusters ---- */

#define cluster_sync() wpk_emu_cluster_barrier(__LINE__)
#define cluster_rank() wpk_emu_cluster_rank()
#define remote_load_f32(p, rank) \
	(*(float *)wpk_emu_remote(__LINE__, p, rank, 4, false))
#define remote_load_i32(p, rank) \
	(*(int *)wpk_emu_remote(__LINE__, p, rank, 4, false))
#define remote_load_i64(p, rank) \
	(*(long long *)wpk_emu_remote(__LINE__, p, rank, 8, false))
#define remote_load_x4(d, p, rank) wpk_emu_remote_x4(__LINE__, d, p, rank)
#define remote_store_f32(p, rank, x) \
	(*(float *)wpk_emu_remote(__LINE__, p, rank, 4, true) = (x))

static inline void wpk_emu_remote_x4(int line, unsigned *d, const void *p,
	int rank)
{
	const unsigned *from = (const unsigned *)wpk_emu_remote(line, p, rank,
		16, false);

	for (int i = 0; i < 4; i++)
		d[i] = from[i];
}

/* ---- atomics: threads switch nowhere else, so plain code is atomic ---- */

#ifdef WPK_EMU_WATCH
#define WPK_EMU_BEGIN_ATOMIC(p) wpk_emu_atomic(p, true)
#define WPK_EMU_END_ATOMIC(p) wpk_emu_atomic(p, false)
#else
#define WPK_EMU_BEGIN_ATOMIC(p)
#define WPK_EMU_END_ATOMIC(p)
#endif
#define WPK_EMU_ATOMIC(name, type, value) \
	static inline type name(type *p, type v) \
	{ \
		type old; \
		WPK_EMU_BEGIN_ATOMIC(p); \
		old = *p; \
		*p = value; \
		WPK_EMU_END_ATOMIC(p); \
		return old; \
	}
#define WPK_EMU_ATOMICS(type) \
	WPK_EMU_ATOMIC(atomicAdd, type, old + v) \
	WPK_EMU_ATOMIC(atomicMax, type, old > v ? old : v) \
	WPK_EMU_ATOMIC(atomicMin, type, old < v ? old : v) \
	WPK_EMU_ATOMIC(atomicExch, type, v) \
	WPK_EMU_ATOMIC(atomicOr, type, old | v) \
	WPK_EMU_ATOMIC(atomicAnd, type, old & v) \
	WPK_EMU_ATOMIC(atomicXor, type, old ^ v) \
	WPK_EMU_ATOMIC(atomicSub, type, old - v) \
	static inline type atomicCAS(type *p, type is, type v) \
	{ \
		type old; \
		WPK_EMU_BEGIN_ATOMIC(p); \
		old = *p; \
		*p = old == is ? v : old; \
		WPK_EMU_END_ATOMIC(p); \
		return old; \
	}

WPK_EMU_ATOMICS(int)
WPK_EMU_ATOMICS(unsigned)
WPK_EMU_ATOMICS(unsigned long long)
WPK_EMU_ATOMIC(atomicAdd, float, old + v)
WPK_EMU_ATOMIC(atomicAdd, double, old + v)
WPK_EMU_ATOMIC(atomicExch, float, v)

/* ---- flags: whether there are any is known before the program begins ---- */

template <class T>
struct wpk_emu_flags {
	static const int known;
};
template <class T>
const int wpk_emu_flags<T>::known = wpk_emu_has_flags();

#define flag_set(p) wpk_emu_flag_set(__LINE__, p)
#define flag_wait(p) \
	wpk_emu_flag_wait(__LINE__, p, wpk_emu_flags<void>::known)

/* ---- asynchronous copies ---- */

#define copy_async_4(s, g) wpk_emu_copy(__LINE__, s, g, 4, true)
#define copy_async_8(s, g) wpk_emu_copy(__LINE__, s, g, 8, true)
#define copy_async_16(s, g) wpk_emu_copy(__LINE__, s, g, 16, true)
#define copy_async_4_if(s, g, p) wpk_emu_copy(__LINE__, s, g, 4, p)
#define copy_async_8_if(s, g, p) wpk_emu_copy(__LINE__, s, g, 8, p)
#define copy_async_16_if(s, g, p) wpk_emu_copy(__LINE__, s, g, 16, p)
#define copy_async_commit() wpk_emu_commit()

template <int n>
static inline void copy_async_wait()
{
	wpk_emu_wait(n);
}

/* ---- matrix instructions ---- */

#define ldmatrix_x1(d, s) wpk_emu_ldmatrix(__LINE__, d, s, 1, false)
#define ldmatrix_x2(d, s) wpk_emu_ldmatrix(__LINE__, d, s, 2, false)
#define ldmatrix_x4(d, s) wpk_emu_ldmatrix(__LINE__, d, s, 4, false)
#define ldmatrix_x1_trans(d, s) wpk_emu_ldmatrix(__LINE__, d, s, 1, true)
#define ldmatrix_x2_trans(d, s) wpk_emu_ldmatrix(__LINE__, d, s, 2, true)
#define ldmatrix_x4_trans(d, s) wpk_emu_ldmatrix(__LINE__, d, s, 4, true)
#define stmatrix_x1(s, d) wpk_emu_stmatrix(__LINE__, s, d, 1, false)
#define stmatrix_x2(s, d) wpk_emu_stmatrix(__LINE__, s, d, 2, false)
#define stmatrix_x4(s, d) wpk_emu_stmatrix(__LINE__, s, d, 4, false)
#define stmatrix_x1_trans(s, d) wpk_emu_stmatrix(__LINE__, s, d, 1, true)
#define stmatrix_x2_trans(s, d) wpk_emu_stmatrix(__LINE__, s, d, 2, true)
#define stmatrix_x4_trans(s, d) wpk_emu_stmatrix(__LINE__, s, d, 4, true)

/* m, k, types of accumulator and factors, of a register of each; n is 8. */
#define WPK_EMU_MMA(...) WPK_EMU_MMA_AT_ONCE(0, __VA_ARGS__)
/* Products whose sums are short are added so many at once, on sm_89 alone. */
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ == 890
#define WPK_EMU_MMA_8(...) WPK_EMU_MMA_AT_ONCE(16, __VA_ARGS__)
#else
#define WPK_EMU_MMA_8 WPK_EMU_MMA
#endif
#define WPK_EMU_MMA_AT_ONCE(at_once, m, k, acc, factor, D, A) \
	static inline void mma_m##m##n8k##k##_##acc##_##factor(D *d, \
		const A *a, const A *b, int line = __builtin_LINE()) \
	{ \
		static const wpk_emu_form form = { m, k, at_once, #acc, \
			#factor }; \
		wpk_emu_mma(line, &form, d, a, b); \
	}

WPK_EMU_MMA(16, 8, f32, f16, float, unsigned)
WPK_EMU_MMA(16, 16, f32, f16, float, unsigned)
WPK_EMU_MMA(16, 8, f16, f16, unsigned, unsigned)
WPK_EMU_MMA(16, 16, f16, f16, unsigned, unsigned)
WPK_EMU_MMA(16, 8, f32, bf16, float, unsigned)
WPK_EMU_MMA(16, 16, f32, bf16, float, unsigned)
WPK_EMU_MMA(16, 4, f32, tf32, float, unsigned)
WPK_EMU_MMA(16, 8, f32, tf32, float, unsigned)
WPK_EMU_MMA_8(16, 32, f32, e4m3, float, unsigned)
WPK_EMU_MMA_8(16, 32, f32, e5m2, float, unsigned)
WPK_EMU_MMA(8, 16, i32, i8, int, unsigned)
WPK_EMU_MMA(16, 16, i32, i8, int, unsigned)
WPK_EMU_MMA(16, 32, i32, i8, int, unsigned)
WPK_EMU_MMA(8, 16, i32, u8, int, unsigned)
WPK_EMU_MMA(16, 16, i32, u8, int, unsigned)
WPK_EMU_MMA(16, 32, i32, u8, int, unsigned)
WPK_EMU_MMA(8, 4, f64, f64, double, double)
WPK_EMU_MMA(16, 4, f64, f64, double, double)
WPK_EMU_MMA(16, 8, f64, f64, double, double)
WPK_EMU_MMA(16, 16, f64, f64, double, double)

/* ---- numbers ---- */

template <class T>
static inline T __ldg(const T *p)
{
	return *p;
}

template <class To, class From>
static inline To wpk_emu_bits(From x)
{
	To y;

	static_assert(sizeof x == sizeof y, "bits of another size");
	__builtin_memcpy(&y, &x, sizeof y);
	return y;
}

static inline float __int_as_float(int x) { return wpk_emu_bits<float>(x); }
static inline int __float_as_int(float x) { return wpk_emu_bits<int>(x); }
static inline float __uint_as_float(unsigned x)
{
	return wpk_emu_bits<float>(x);
}
static inline unsigned __float_as_uint(float x)
{
	return wpk_emu_bits<unsigned>(x);
}
static inline double __longlong_as_double(long long x)
{
	return wpk_emu_bits<double>(x);
}
static inline long long __double_as_longlong(double x)
{
	return wpk_emu_bits<long long>(x);
}

static inline float f32_from_f16(unsigned short bits)
{
	return wpk_emu_from_f16(bits);
}
static inline unsigned short f16_from_f32(float x)
{
	return wpk_emu_to_f16(x);
}
static inline float f32_from_bf16(unsigned short bits)
{
	return __uint_as_float((unsigned)bits << 16);
}
static inline unsigned short bf16_from_f32(float x)
{
	unsigned u = __float_as_uint(x);

	if (x != x)
		return 0x7fff;
	return (unsigned short)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
static inline unsigned pack_f16(float low, float high)
{
	return (unsigned)f16_from_f32(high) << 16 | f16_from_f32(low);
}
static inline unsigned pack_bf16(float low, float high)
{
	return (unsigned)bf16_from_f32(high) << 16 | bf16_from_f32(low);
}
static inline float max_nan(float x, float y)
{
	return x > y || x != x ? x : y;
}
static inline float min_nan(float x, float y)
{
	return x < y || x != x ? x : y;
}
static inline void red_add_f32(float *p, float x) { atomicAdd(p, x); }

#define WPK_EMU_MATH1(name) \
	extern "C" double name(double) noexcept; \
	extern "C" float name##f(float) noexcept;
#define WPK_EMU_MATH2(name) \
	extern "C" double name(double, double) noexcept; \
	extern "C" float name##f(float, float) noexcept;

WPK_EMU_MATH1(exp) WPK_EMU_MATH1(exp2) WPK_EMU_MATH1(log)
WPK_EMU_MATH1(log2) WPK_EMU_MATH1(log1p) WPK_EMU_MATH1(expm1)
WPK_EMU_MATH1(sqrt) WPK_EMU_MATH1(sin) WPK_EMU_MATH1(cos)
WPK_EMU_MATH1(tanh) WPK_EMU_MATH1(erf) WPK_EMU_MATH1(floor)
WPK_EMU_MATH1(ceil) WPK_EMU_MATH1(rint) WPK_EMU_MATH1(trunc)
WPK_EMU_MATH1(round) WPK_EMU_MATH1(fabs) WPK_EMU_MATH2(pow)
WPK_EMU_MATH2(fmod) WPK_EMU_MATH2(copysign)

static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
/* Results below the least normal number are 0. */
static inline float exp2_approx(float x) { return x < -126 ? 0 : exp2f(x); }

/* Where the CPU has no fma, rounding twice: within every bound, as contraction
 * is never demanded, and many times faster than fma in software. */
#ifdef __FMA__
#define fmaf(x, y, z) __builtin_fmaf(x, y, z)
#define fma(x, y, z) __builtin_fma(x, y, z)
#else
#define fmaf(x, y, z) ((float)(x) * (float)(y) + (float)(z))
#define fma(x, y, z) ((double)(x) * (double)(y) + (double)(z))
#endif

#define WPK_EMU_EXTREMES(T, least, most) \
	static inline T most(T x, T y) \
	{ return x != x ? y : y != y ? x : x > y ? x : y; } \
	static inline T least(T x, T y) \
	{ return x != x ? y : y != y ? x : x < y ? x : y; }

#define fmaxf wpk_emu_fmaxf
#define fminf wpk_emu_fminf
#define fmax wpk_emu_fmax
#define fmin wpk_emu_fmin
WPK_EMU_EXTREMES(float, fminf, fmaxf)
WPK_EMU_EXTREMES(double, fmin, fmax)
WPK_EMU_EXTREMES(float, min, max)
WPK_EMU_EXTREMES(double, min, max)
WPK_EMU_EXTREMES(int, min, max)
WPK_EMU_EXTREMES(unsigned, min, max)
WPK_EMU_EXTREMES(long long, min, max)
WPK_EMU_EXTREMES(unsigned long long, min, max)
static inline int abs(int x) { return x < 0 ? -x : x; }
static inline bool isnan(double x) { return x != x; }

#include "wpk_emu_hopper.h"

/* ---- what launchers use of the runtime ---- */

enum cudaError_t {
	cudaSuccess = 0, cudaErrorInvalidValue = 1,
	cudaErrorMemoryAllocation = 2, cudaErrorInvalidConfiguration = 9,
	cudaErrorNoKernelImageForDevice = 209,
	cudaErrorMisalignedAddress = 716, cudaErrorNotSupported = 801
};
typedef struct CUstream_st *cudaStream_t;

enum cudaFuncAttribute {
	cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
	cudaFuncAttributePreferredSharedMemoryCarveout = 9,
	cudaFuncAttributeNonPortableClusterSizeAllowed = 14
};

enum cudaLaunchAttributeID {
	cudaLaunchAttributeClusterDimension = 4,
	cudaLaunchAttributeProgrammaticStreamSerialization = 6
};

union cudaLaunchAttributeValue {
	struct { unsigned x, y, z; } clusterDim;
	int programmaticStreamSerializationAllowed;
};

struct cudaLaunchAttribute {
	cudaLaunchAttributeID id;
	cudaLaunchAttributeValue val;
};

struct cudaLaunchConfig_t {
	dim3 gridDim, blockDim;
	size_t dynamicSmemBytes;
	cudaStream_t stream;
	cudaLaunchAttribute *attrs;
	unsigned numAttrs;
};

/* The one device runs the code for which this is compiled, of which the bound
 * of the kernel asked about tells: text for several targets asks. */
struct cudaFuncAttributes {
	int maxThreadsPerBlock;
};

#define cudaFuncGetAttributes(attributes, kernel) \
	wpk_emu_bound(attributes, 32 + 32 * WPK_TARGET)

static inline cudaError_t wpk_emu_bound(cudaFuncAttributes *a, int threads)
{
	a->maxThreadsPerBlock = threads;
	return cudaSuccess;
}

static inline cudaError_t cudaGetDevice(int *device)
{
	*device = 0;
	return cudaSuccess;
}

/* Of which a launcher may ask its name and the number of its SMs, where it has
 * kernels for several GPUs: -DWPK_EMU_GPU=H200 -DWPK_EMU_SMS=132. */
#ifndef WPK_EMU_GPU
#define WPK_EMU_GPU emulator
#endif
#ifndef WPK_EMU_SMS
#define WPK_EMU_SMS 1
#endif
#define WPK_EMU_TEXT(name) #name
#define WPK_EMU_NAME(name) WPK_EMU_TEXT(name)

struct cudaDeviceProp {
	char name[256];
	int multiProcessorCount;
};

static inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp *is, int)
{
	*is = { "NVIDIA " WPK_EMU_NAME(WPK_EMU_GPU), WPK_EMU_SMS };
	return cudaSuccess;
}

static inline cudaError_t cudaGetLastError() { return cudaSuccess; }
static inline cudaError_t cudaPeekAtLastError() { return cudaSuccess; }
static inline cudaError_t cudaMemsetAsync(void *p, int byte, size_t n,
	cudaStream_t = 0)
{
	wpk_emu_clear(p, byte, n);
	return cudaSuccess;
}

template <class... P>
static inline cudaError_t cudaFuncSetAttribute(void (*kernel)(P...),
	cudaFuncAttribute what, int value)
{
	if (what != cudaFuncAttributeMaxDynamicSharedMemorySize)
		return cudaSuccess;
	return (cudaError_t)wpk_emu_set_shared((const void *)kernel, value);
}

#include "wpk_emu_driver.h"

template <class Body>
static void wpk_emu_invoke(void *body)
{
	(*static_cast<Body *>(body))();
}

template <class... P, class... A>
static inline cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config,
	void (*kernel)(P...), A... args)
{
	auto body = [=] { kernel(static_cast<P>(args)...); };

	return (cudaError_t)wpk_emu_launch(config, (const void *)kernel,
		wpk_emu_invoke<decltype(body)>, &body);
}

#ifdef WPK_EMU_MODULE
#include "wpk_emu_module.h"
#endif

#endif
