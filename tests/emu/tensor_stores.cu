/* Stores and sums of tiles, swizzled, that stick out of the tensor.
 * EXPECT early: done
 * EXPECT late: done */
#include "tensor.inc"

enum { W = 40, H = 12, BOX_W = 32, BOX_H = 8, SHARED = 8192 };

/* Rows of 128 bytes of floats, of 64 of halves. */
static void kernel(const CUtensorMap map, int half, int x, int y, int add)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	const int width = half ? 64 : 128, each = half ? 2 : 4;

	for (int i = threadIdx.x; i < BOX_W * BOX_H; i += 64) {
		int row = i / BOX_W, at = i % BOX_W * each;
		unsigned char *p = shared_memory + row * width +
			chunk_in_row(width, row, at / 16) * 16 + at % 16;

		if (half)
			*(unsigned short *)p = f16_from_f32(i + 1);
		else
			*(float *)p = i + 1;
	}
	fence_proxy_async();
	__syncthreads();
	if (threadIdx.x != 0)
		return;
	if (add)
		copy_tensor_add_2d(&map, shared_memory, x, y);
	else
		copy_tensor_store_2d(&map, shared_memory, x, y);
	copy_bulk_commit();
	copy_bulk_wait_read<0>();
}

static float value(const unsigned char *p, int half)
{
	return half ? f32_from_f16(*(const unsigned short *)p) :
		*(const float *)p;
}

static bool right(int half, int x, int y, int add)
{
	static unsigned char data[H * 192] __attribute__((aligned(128)));
	const cuuint64_t dims[] = { W, H }, strides[] = { 192 };
	const cuuint32_t box[] = { BOX_W, BOX_H }, steps[] = { 1, 1 };
	const int each = half ? 2 : 4;
	CUtensorMap map;

	for (int i = 0; i < H * 192; i += each)
		if (half)
			*(unsigned short *)(data + i) = f16_from_f32(1000);
		else
			*(float *)(data + i) = 1000;
	if (cuTensorMapEncodeTiled(&map, half ?
	    CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
	    2, data, dims, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
	    half ? CU_TENSOR_MAP_SWIZZLE_64B : CU_TENSOR_MAP_SWIZZLE_128B,
	    CU_TENSOR_MAP_L2_PROMOTION_NONE,
	    CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) ||
	    run_one(kernel, SHARED, map, half, x, y, add))
		return false;
	for (int r = 0; r < H; r++)
		for (int c = 0; c < 192 / each; c++) {
			bool in = c < W && c >= x && c < x + BOX_W && r >= y &&
				r < y + BOX_H;
			float put = (r - y) * BOX_W + c - x + 1;
			float want = !in ? 1000 : add ? 1000 + put : put;

			if (value(data + r * 192 + c * each, half) != want)
				return false;
		}
	return true;
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	for (int half = 0; half < 2; half++)
		for (int add = 0; add < 2; add++)
			if (!right(half, 0, 0, add) ||
			    !right(half, -5, -2, add) ||
			    !right(half, 20, 9, add) ||
			    !right(half, 50, 0, add))
				return 1;
	return 0;
}
