/* The pixels that windows start from, in images of one to three dimensions,
 * with borders, steps and offsets, over the end of an image and of the last.
 * EXPECT early: done
 * EXPECT late: done */
#include "tensor.inc"

enum { SHARED = 32 << 10, BARRIER = SHARED - 1024 };

struct gather {
	shape s;
	int lower[3], upper[3];
	cuuint32_t channels, pixels, steps[5];
	int swizzle, at[5];
	unsigned short offset[3];
};

static void copy(void *shared, const void *map, void *barrier, const gather &g)
{
	const int *x = g.at;
	const unsigned short *o = g.offset;

	if (g.s.rank == 3)
		copy_im2col_3d(shared, map, barrier, x[0], x[1], x[2], o[0]);
	else if (g.s.rank == 4)
		copy_im2col_4d(shared, map, barrier, x[0], x[1], x[2], x[3],
			o[0], o[1]);
	else
		copy_im2col_5d(shared, map, barrier, x[0], x[1], x[2], x[3],
			x[4], o[0], o[1], o[2]);
}

static void kernel(const CUtensorMap map, gather g, unsigned char *out)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	void *barrier = shared_memory + BARRIER;
	int bytes = g.channels * g.pixels * g.s.bytes;

	if (threadIdx.x == 0) {
		mbarrier_init(barrier, 1);
		fence_mbarrier_init();
		mbarrier_arrive_expect(barrier, bytes);
		copy(shared_memory, &map, barrier, g);
	}
	__syncthreads();
	while (!mbarrier_try_wait(barrier, 0))
		;
	for (int i = threadIdx.x; i < bytes; i += 64)
		out[i] = shared_memory[i];
}

/* All starts of windows in the order of images, the first that is looked for
 * found by its coordinates. */
static bool same(const gather &g, const unsigned char *out)
{
	int space = g.s.rank - 2, row = -1, lo[3] = {}, hi[3] = {};
	int step[3] = { 1, 1, 1 };

	for (int i = 0; i < space; i++) {
		lo[i] = g.lower[i];
		hi[i] = (int)g.s.dims[i + 1] - 1 + g.upper[i];
		step[i] = g.steps[i + 1];
	}
	for (int n = 0; n < 100; n++)
	for (int d = lo[2]; d <= hi[2]; d += step[2])
	for (int h = lo[1]; h <= hi[1]; h += step[1])
	for (int w = lo[0]; w <= hi[0]; w += step[0]) {
		const int base[] = { w, h, d };
		bool first = n == g.at[g.s.rank - 1];
		int at[5] = { 0, 0, 0, 0, 0 };

		for (int i = 0; i < space; i++) {
			first &= base[i] == g.at[i + 1];
			at[i + 1] = base[i] + g.offset[i];
		}
		at[g.s.rank - 1] = n;
		if (row >= 0 || first)
			row++;
		if (row < 0)
			continue;
		if (row == (int)g.pixels)
			return true;
		for (int c = 0; c < (int)g.channels; c++) {
			at[0] = g.at[0] + c;
			if (landed(out, row, c, g.channels * g.s.bytes,
			    g.s.bytes, g.swizzle) != element(&g.s, at))
				return false;
		}
	}
	return false;
}

static bool right(gather g)
{
	static unsigned char data[1 << 20] __attribute__((aligned(128)));
	static unsigned char out[SHARED];
	encode_im2col encode = (encode_im2col)driver_function(
		"cuTensorMapEncodeIm2col");
	CUtensorMap map;

	set_strides(&g.s, 32);
	g.s.data = data;
	if (size_of(&g.s) > sizeof data)
		return false;
	fill(&g.s);
	if (encode(&map, g.s.bytes == 2 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 :
	    CU_TENSOR_MAP_DATA_TYPE_UINT8, g.s.rank, data, g.s.dims,
	    g.s.strides, g.lower, g.upper, g.channels, g.pixels, g.steps,
	    CU_TENSOR_MAP_INTERLEAVE_NONE, (CUtensorMapSwizzle)g.swizzle,
	    CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE))
		return false;
	return run_one(kernel, SHARED, map, g, out) == 0 && same(g, out);
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	static const gather gathers[] = {
		{ { 3, { 32, 11, 3 }, {}, 2, 0 }, { -1 }, { -1 }, 32, 20,
			{ 1, 1, 1 }, 2, { 0, 3, 0 }, { 2 } },
		{ { 3, { 40, 11, 3 }, {}, 2, 0 }, { -2 }, { 1 }, 16, 50,
			{ 1, 3, 1 }, 1, { 32, -2, 1 }, { 0 } },
		{ { 4, { 64, 9, 14, 4 }, {}, 2, 0 }, { -1, -1 }, { -1, -1 }, 64,
			64, { 1, 1, 1, 1 }, 3, { 0, 7, 4, 1 }, { 1, 0 } },
		{ { 4, { 64, 9, 14, 4 }, {}, 1, 0 }, { 0, 0 }, { -2, -2 }, 16,
			64, { 1, 1, 1, 1 }, 0, { 16, 6, 11, 3 }, { 2, 2 } },
		{ { 4, { 64, 8, 14, 3 }, {}, 2, 0 }, { -1, -1 }, { -1, -1 }, 16,
			32, { 1, 2, 2, 1 }, 1, { 48, 5, 7, 0 }, { 1, 1 } },
		{ { 5, { 16, 5, 4, 3, 3 }, {}, 2, 0 }, { -1, 0, -1 },
			{ 0, -1, 1 }, 16, 90, { 1, 1, 2, 1, 1 }, 1,
			{ 0, 2, 2, 1, 0 }, { 1, 1, 0 } },
	};

	for (unsigned i = 0; i < sizeof gathers / sizeof *gathers; i++)
		if (!right(gathers[i]))
			return 1 + (int)i;
	return 0;
}
