/* What the driver refuses to encode.
 * EXPECT early: done
 * EXPECT late: done */
struct tiled {
	int type, rank;
	size_t address;
	cuuint64_t dims[3], strides[2];
	cuuint32_t box[3], steps[3];
	int swizzle, fill;
	bool is;
};

struct im2col {
	cuuint64_t dims[4];
	int lower[2], upper[2];
	cuuint32_t channels, pixels, step;
	bool is;
};

static char memory[4096] __attribute__((aligned(128)));

static bool encodes(const tiled &t)
{
	CUtensorMap map;

	return cuTensorMapEncodeTiled(&map, (CUtensorMapDataType)t.type,
		t.rank, memory + t.address, t.dims, t.strides, t.box, t.steps,
		CU_TENSOR_MAP_INTERLEAVE_NONE, (CUtensorMapSwizzle)t.swizzle,
		CU_TENSOR_MAP_L2_PROMOTION_NONE,
		(CUtensorMapFloatOOBfill)t.fill) == CUDA_SUCCESS;
}

static bool encodes(const im2col &t)
{
	const cuuint64_t strides[] = { 256, 4096, 65536 };
	const cuuint32_t steps[] = { 1, t.step, 1, 1 };
	CUtensorMap map;

	return cuTensorMapEncodeIm2col(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4,
		memory, t.dims, strides, t.lower, t.upper, t.channels, t.pixels,
		steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
		CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_L2_PROMOTION_NONE,
		CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	static const tiled tiles[] = {
		{ 7, 2, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 3, 0,
			true },
		{ 7, 2, 8, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 3, 0,
			false },
		{ 13, 2, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 3, 0,
			false },
		{ 7, 0, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 3, 0,
			false },
		{ 7, 6, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 3, 0,
			false },
		{ 7, 2, 0, { 0, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 3, 0,
			false },
		{ 7, 2, 0, { 1ul << 33, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 3, 0,
			false },
		{ 7, 2, 0, { 64, 8 }, { 264 }, { 32, 4 }, { 1, 1 }, 3, 0,
			false },
		{ 7, 2, 0, { 64, 8 }, { 1ul << 40 }, { 32, 4 }, { 1, 1 }, 3, 0,
			false },
		{ 7, 2, 0, { 64, 8 }, { 256 }, { 33, 4 }, { 1, 1 }, 0, 0,
			false },
		{ 7, 2, 0, { 64, 8 }, { 256 }, { 32, 257 }, { 1, 1 }, 0, 0,
			false },
		{ 7, 2, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 9 }, 0, 0,
			false },
		{ 7, 2, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 0 }, 0, 0,
			false },
		{ 7, 2, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 2, 0,
			false },
		{ 7, 2, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 0, 1,
			true },
		{ 0, 2, 0, { 64, 8 }, { 256 }, { 32, 4 }, { 1, 1 }, 1, 1,
			false },
	};
	static const im2col pixels[] = {
		{ { 64, 9, 9, 2 }, { -1, -1 }, { -1, -1 }, 64, 64, 1, true },
		{ { 64, 9, 9, 2 }, { -129, 0 }, { 0, 0 }, 64, 64, 1, false },
		{ { 64, 9, 9, 2 }, { 0, 0 }, { 0, 128 }, 64, 64, 1, false },
		{ { 64, 9, 9, 2 }, { 0, 0 }, { 0, -9 }, 64, 64, 1, false },
		{ { 64, 9, 9, 2 }, { 0, 0 }, { 0, 0 }, 257, 64, 1, false },
		{ { 64, 9, 9, 2 }, { 0, 0 }, { 0, 0 }, 64, 1025, 1, false },
		{ { 64, 9, 9, 2 }, { 0, 0 }, { 0, 0 }, 12, 64, 1, false },
		{ { 64, 9, 9, 2 }, { 0, 0 }, { 0, 0 }, 64, 64, 9, false },
	};

	for (unsigned i = 0; i < sizeof tiles / sizeof *tiles; i++)
		if (encodes(tiles[i]) != tiles[i].is)
			return 1 + (int)i;
	for (unsigned i = 0; i < sizeof pixels / sizeof *pixels; i++)
		if (encodes(pixels[i]) != pixels[i].is)
			return 101 + (int)i;
	return 0;
}
