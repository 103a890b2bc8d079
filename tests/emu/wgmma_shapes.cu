/* Every number of columns.
 * EXPECT early: done
 * EXPECT late: done */
#include "wgmma.inc"

struct halves {
	enum { STEP = 8, K = 16, LEAST = -4 };
	typedef unsigned short T;
	typedef float D;
	static T from(int v) { return f16_from_f32(v); }
	template <int n>
	static void multiply(D *d, long long a, long long b, int c)
	{
		wgmma_m64k16_f32_f16<n>(d, a, b, c);
	}
};

struct bytes {
	enum { STEP = 16, K = 32, LEAST = -4 };
	typedef signed char T;
	typedef int D;
	static T from(int v) { return v; }
	template <int n>
	static void multiply(D *d, long long a, long long b, int c)
	{
		wgmma_m64k32_i32_i8<n>(d, a, b, c);
	}
};

template <class P, int n>
static void kernel(int *out, int swizzle)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	typedef typename P::T T;
	unsigned char *a = shared_memory, *b = shared_memory + 64 * DEPTH * 2;
	int t = threadIdx.x;
	typename P::D d[n / 2];

	for (int i = t; i < 64 * DEPTH; i += 128)
		*(T *)(a + byte_of(i / DEPTH, i % DEPTH, 64, sizeof(T), swizzle,
			false)) = P::from(value_of(i, P::LEAST));
	for (int i = t; i < n * DEPTH; i += 128)
		*(T *)(b + byte_of(i / DEPTH, i % DEPTH, n, sizeof(T), swizzle,
			false)) = P::from(value_of(5000 + i, P::LEAST));
	fence_proxy_async();
	__syncthreads();
	wgmma_fence();
	for (int k = 0; k < 2 * DEPTH; k += P::K)
		P::template multiply<n>(d, descriptor_of(a, k % DEPTH, 64,
			sizeof(T), swizzle, false), descriptor_of(b, k % DEPTH,
			n, sizeof(T), swizzle, false), k > 0);
	wgmma_commit();
	wgmma_wait<0>();
	for (int i = 0; i < n / 2; i++)
		out[row_of(t, i) * n + col_of(t, i)] = (int)d[i];
}

template <class P, int n>
static int wrong()
{
	static int out[64 * 256];

	if (run_block(kernel<P, n>, out, 2) ||
	    !is_product(out, n, P::LEAST, P::LEAST))
		return n;
	if constexpr (n < 256)
		return wrong<P, n + (n < 32 ? 8 : P::STEP)>();
	return 0;
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	int halves_wrong = wrong<halves, 8>();

	return halves_wrong ? halves_wrong : wrong<bytes, 8>();
}
