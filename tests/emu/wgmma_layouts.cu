/* Every layout of factors in shared memory: both orders of each, all swizzles.
 * EXPECT early: done
 * EXPECT late: done */
#include "wgmma.inc"

enum { COLS = 128 };

template <bool left, bool right>
static void multiply(float *d, long long a, long long b, int accumulate)
{
	if (left && right)
		wgmma_m64k16_f32_f16_left_trans_right_trans<COLS>(d, a, b,
			accumulate);
	else if (left)
		wgmma_m64k16_f32_f16_left_trans<COLS>(d, a, b, accumulate);
	else if (right)
		wgmma_m64k16_f32_f16_right_trans<COLS>(d, a, b, accumulate);
	else
		wgmma_m64k16_f32_f16<COLS>(d, a, b, accumulate);
}

template <bool left, bool right>
static void kernel(int *out, int swizzle)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	unsigned char *a = shared_memory, *b = shared_memory + 64 * DEPTH * 2;
	int t = threadIdx.x;
	float d[COLS / 2];

	for (int i = t; i < 64 * DEPTH; i += 128)
		*(unsigned short *)(a + byte_of(i / DEPTH, i % DEPTH, 64, 2,
			swizzle, left)) = f16_from_f32(value_of(i, -4));
	for (int i = t; i < COLS * DEPTH; i += 128)
		*(unsigned short *)(b + byte_of(i / DEPTH, i % DEPTH, COLS, 2,
			swizzle, right)) = f16_from_f32(value_of(5000 + i,
			-3));
	fence_proxy_async();
	__syncthreads();
	wgmma_fence();
	for (int k = 0; k < 2 * DEPTH; k += 16)
		multiply<left, right>(d, descriptor_of(a, k % DEPTH, 64, 2,
			swizzle, left), descriptor_of(b, k % DEPTH, COLS, 2,
			swizzle, right), k > 0);
	wgmma_commit();
	wgmma_wait<0>();
	for (int i = 0; i < COLS / 2; i++)
		out[row_of(t, i) * COLS + col_of(t, i)] = (int)d[i];
}

static bool right(void (*kernel)(int *, int), int swizzle)
{
	static int out[64 * COLS];

	return run_block(kernel, out, swizzle) == 0 &&
		is_product(out, COLS, -4, -3);
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	for (int swizzle = 0; swizzle < 4; swizzle++)
		if (!right(kernel<false, false>, swizzle) ||
		    !right(kernel<false, true>, swizzle) ||
		    !right(kernel<true, false>, swizzle) ||
		    !right(kernel<true, true>, swizzle))
			return swizzle + 1;
	return 0;
}
