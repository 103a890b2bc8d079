/* Of sm_89 mma keeps sums of 8-bit floats in 14 bits, 16 products at once: to the
 * bit what a model of it in doubles gives.
 * ARCH: 890
 * EXPECT early: done
 * EXPECT late: done */
#include "short.inc"

enum { CHUNKS = 4, DEPTH = 32 * CHUNKS };

static unsigned char left[16 * DEPTH], right[8 * DEPTH];
static float out[16 * 8];

/* Four bytes of a row from "k" on. */
static unsigned word(const unsigned char *row, int k)
{
	unsigned w;

	__builtin_memcpy(&w, row + k, 4);
	return w;
}

template <bool wide>
static void kernel(float *to)
{
	int r = threadIdx.x / 4, c = threadIdx.x % 4 * 4;
	float d[4] = { 0, 0, 0, 0 };

	for (int k = 0; k < DEPTH; k += 32) {
		unsigned a[4], b[2];

		for (int i = 0; i < 4; i++)
			a[i] = word(left + (r + i % 2 * 8) * DEPTH,
				k + c + i / 2 * 16);
		for (int i = 0; i < 2; i++)
			b[i] = word(right + r * DEPTH, k + c + i * 16);
		if (wide)
			mma_m16n8k32_f32_e5m2(d, a, b);
		else
			mma_m16n8k32_f32_e4m3(d, a, b);
	}
	for (int i = 0; i < 4; i++)
		to[(r + i / 2 * 8) * 8 + c / 2 + i % 2] = d[i];
}

static double model(const unsigned char *a, const unsigned char *b, bool wide)
{
	double x[16], y[16], c = 0;

	for (int k = 0; k < DEPTH; k += 16) {
		for (int i = 0; i < 16; i++) {
			x[i] = decode(a[k + i], wide);
			y[i] = decode(b[k + i], wide);
		}
		c = short_sum(c, x, y, 16, wide ? -14 : -6, wide ? -14 : -6);
	}
	return c;
}

template <bool wide>
static int differences(void)
{
	cudaLaunchConfig_t config = {};
	int bad = 0;

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	for (int i = 0; i < 16 * DEPTH; i++)
		left[i] = byte_of(i, wide);
	for (int i = 0; i < 8 * DEPTH; i++)
		right[i] = byte_of(33333 + i, wide);
	bad += cudaLaunchKernelEx(&config, kernel<wide>, out);
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 8; j++)
			bad += out[i * 8 + j] != (float)model(left + i * DEPTH,
				right + j * DEPTH, wide);
	return bad;
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	return differences<false>() + differences<true>();
}
