/* Every type, with the left factor in shared memory and in registers.
 * EXPECT early: done
 * EXPECT late: done */
#include "wgmma.inc"

static unsigned char e4m3(int v)
{
	static const unsigned char bits[] = { 0, 0x38, 0x40, 0x44, 0x48, 0x4a,
		0x4c, 0x4e, 0x50 };

	return v < 0 ? 128 | bits[-v] : bits[v];
}

/* Has no 5 and no 7: values stay below. */
static unsigned char e5m2(int v)
{
	static const unsigned char bits[] = { 0, 0x3c, 0x40, 0x42, 0x44 };

	return v < 0 ? 128 | bits[-v] : bits[v];
}

/* What is stored, least value, and how. */
struct f16 {
	enum { LEAST = -4 };
	typedef unsigned short T;
	static T from(int v) { return f16_from_f32(v); }
};
struct bf16 {
	enum { LEAST = -4 };
	typedef unsigned short T;
	static T from(int v) { return bf16_from_f32(v); }
};
/* With bits that tf32 has not. */
struct tf32 {
	enum { LEAST = -4 };
	typedef unsigned T;
	static T from(int v) { return __float_as_uint(v) | 0x1fff; }
};
struct E4m3 {
	enum { LEAST = -1 };
	typedef unsigned char T;
	static T from(int v) { return e4m3(v); }
};
struct E5m2 {
	enum { LEAST = -4 };
	typedef unsigned char T;
	static T from(int v) { return e5m2(v); }
};
struct i8 {
	enum { LEAST = -4 };
	typedef signed char T;
	static T from(int v) { return v; }
};
/* Beyond what i8 has. */
struct u8 {
	enum { LEAST = 240 };
	typedef unsigned char T;
	static T from(int v) { return v; }
};

static int read_acc(const float *d, int i) { return (int)d[i]; }
static int read_acc(const int *d, int i) { return d[i]; }
static int read_acc(const unsigned *d, int i)
{
	return (int)f32_from_f16((unsigned short)(d[i / 2] >> i % 2 * 16));
}

/* The left factor's registers of k from "k" on: bytes in which a row's eight
 * words are those of a quad's lanes, twice. */
template <class L>
static void load_left(unsigned *a, int k)
{
	enum { EACH = 4 / sizeof(typename L::T) };
	int t = threadIdx.x;

	for (int r = 0; r < 4; r++) {
		typename L::T v[EACH];
		int row = t / 32 * 16 + t % 32 / 4 + r % 2 * 8;

		for (int i = 0; i < EACH; i++)
			v[i] = L::from(value_of(row * DEPTH + k + (t % 4 +
				r / 2 * 4) * EACH + i, L::LEAST));
		__builtin_memcpy(&a[r], v, 4);
	}
}

template <class P>
static void kernel(int *out, int swizzle)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	typedef typename P::L::T L;
	typedef typename P::R::T R;
	enum { N = P::N, K = 32 / sizeof(L) };
	unsigned char *a = shared_memory;
	unsigned char *b = shared_memory + 64 * DEPTH * 4;
	int t = threadIdx.x;
	typename P::D d[N / 2];

	for (int i = t; i < 64 * DEPTH; i += 128)
		*(L *)(a + byte_of(i / DEPTH, i % DEPTH, 64, sizeof(L), swizzle,
			false)) = P::L::from(value_of(i, P::L::LEAST));
	for (int i = t; i < N * DEPTH; i += 128)
		*(R *)(b + byte_of(i / DEPTH, i % DEPTH, N, sizeof(R), swizzle,
			false)) = P::R::from(value_of(5000 + i, P::R::LEAST));
	fence_proxy_async();
	__syncthreads();
	wgmma_fence();
	for (int k = 0; k < DEPTH; k += K)
		P::shared(d, descriptor_of(a, k, 64, sizeof(L), swizzle,
			false), descriptor_of(b, k, N, sizeof(R), swizzle,
			false), k > 0);
	wgmma_commit();
	wgmma_wait<0>();
	for (int k = 0; k < DEPTH; k += K) {
		unsigned left[4];

		load_left<typename P::L>(left, k);
		wgmma_fence();
		P::registers(d, left, descriptor_of(b, k, N, sizeof(R),
			swizzle, false), 1);
		wgmma_commit();
		wgmma_wait<0>();
	}
	for (int i = 0; i < N / 2; i++)
		out[row_of(t, i) * N + col_of(t, i)] = read_acc(d, i);
}

#define PRODUCT(name, type, left, right, cols) \
	struct name { \
		typedef type D; \
		typedef left L; \
		typedef right R; \
		enum { N = cols }; \
		static void shared(D *d, long long a, long long b, int c) \
		{ wgmma_m64##name<N>(d, a, b, c); } \
		static void registers(D *d, const unsigned *a, long long b, \
			int c) \
		{ wgmma_m64##name##_registers<N>(d, a, b, c); } \
	}; \
	static bool name##_is_right() \
	{ \
		static int out[64 * cols]; \
		for (int swizzle = 0; swizzle < 4; swizzle++) \
			if (run_block(kernel<name>, out, swizzle) || \
			    !is_product(out, cols, left::LEAST, \
				right::LEAST)) \
				return false; \
		return true; \
	}

PRODUCT(k16_f32_f16, float, f16, f16, 8)
PRODUCT(k16_f16_f16, unsigned, f16, f16, 24)
PRODUCT(k16_f32_bf16, float, bf16, bf16, 256)
PRODUCT(k8_f32_tf32, float, tf32, tf32, 40)
PRODUCT(k32_f32_e4m3, float, E4m3, E4m3, 16)
PRODUCT(k32_f32_e4m3_e5m2, float, E4m3, E5m2, 16)
PRODUCT(k32_f32_e5m2_e4m3, float, E5m2, E4m3, 16)
PRODUCT(k32_f32_e5m2, float, E5m2, E5m2, 16)
PRODUCT(k32_f16_e4m3, unsigned, E4m3, E4m3, 8)
PRODUCT(k32_f16_e4m3_e5m2, unsigned, E4m3, E5m2, 8)
PRODUCT(k32_f16_e5m2_e4m3, unsigned, E5m2, E4m3, 8)
PRODUCT(k32_f16_e5m2, unsigned, E5m2, E5m2, 8)
PRODUCT(k32_i32_i8, int, i8, i8, 16)
PRODUCT(k32_i32_i8_u8, int, i8, u8, 16)
PRODUCT(k32_i32_u8_i8, int, u8, i8, 16)
PRODUCT(k32_i32_u8, int, u8, u8, 48)

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	const bool right[] = { k16_f32_f16_is_right(), k16_f16_f16_is_right(),
		k16_f32_bf16_is_right(), k8_f32_tf32_is_right(),
		k32_f32_e4m3_is_right(), k32_f32_e4m3_e5m2_is_right(),
		k32_f32_e5m2_e4m3_is_right(), k32_f32_e5m2_is_right(),
		k32_f16_e4m3_is_right(), k32_f16_e4m3_e5m2_is_right(),
		k32_f16_e5m2_e4m3_is_right(), k32_f16_e5m2_is_right(),
		k32_i32_i8_is_right(), k32_i32_i8_u8_is_right(),
		k32_i32_u8_i8_is_right(), k32_i32_u8_is_right() };

	for (unsigned i = 0; i < sizeof right; i++)
		if (!right[i])
			return 1 + (int)i;
	return 0;
}
