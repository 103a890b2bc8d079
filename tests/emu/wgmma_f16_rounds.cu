/* Sums in f16 are rounded by each instruction, waited for or not: 2048 takes one
 * more for nothing, twice.
 * EXPECT early: done
 * EXPECT late: done */
#include "wgmma.inc"

static void kernel(int *out, int)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	unsigned short *a = (unsigned short *)shared_memory;
	unsigned short *b = a + 64 * 48;
	long long left, right;
	unsigned d[2];

	for (int i = threadIdx.x; i < 64 * 48; i += 128)
		a[byte_of(i / 48, i % 48, 64, 2, 0, false) / 2] =
			f16_from_f32(i % 48 < 16 ? 128 : i % 16 == 3);
	for (int i = threadIdx.x; i < 8 * 48; i += 128)
		b[byte_of(i / 48, i % 48, 8, 2, 0, false) / 2] =
			f16_from_f32(1);
	fence_proxy_async();
	__syncthreads();
	wgmma_fence();
	for (int k = 0; k < 48; k += 16) {
		left = descriptor_of(shared_memory, k, 64, 2, 0, false);
		right = descriptor_of((unsigned char *)b, k, 8, 2, 0, false);
		wgmma_m64k16_f16_f16<8>(d, left, right, k > 0);
	}
	wgmma_commit();
	wgmma_wait<0>();
	for (int i = 0; i < 4; i++)
		out[row_of(threadIdx.x, i) * 8 + col_of(threadIdx.x, i)] =
			(int)f32_from_f16((unsigned short)(d[i / 2] >>
			i % 2 * 16));
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	static int out[64 * 8];

	if (run_block(kernel, out, 0))
		return 2;
	for (int i = 0; i < 64 * 8; i++)
		if (out[i] != 2048)
			return 1;
	return 0;
}
