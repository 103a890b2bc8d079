/* Tiles of tensors of every rank, in and beside the tensor, of several types,
 * by steps, swizzled in every way.
 * EXPECT early: done
 * EXPECT late: done */
#include "tensor.inc"

enum { SHARED = 32 << 10, BARRIER = SHARED - 1024 };

struct int5 {
	int v[5];
};

static void copy(int rank, void *shared, const void *map, void *barrier,
	const int *x)
{
	switch (rank) {
	case 1: copy_tensor_1d(shared, map, barrier, x[0]); break;
	case 2: copy_tensor_2d(shared, map, barrier, x[0], x[1]); break;
	case 3:
		copy_tensor_3d(shared, map, barrier, x[0], x[1], x[2]);
		break;
	case 4:
		copy_tensor_4d(shared, map, barrier, x[0], x[1], x[2], x[3]);
		break;
	case 5:
		copy_tensor_5d(shared, map, barrier, x[0], x[1], x[2], x[3],
			x[4]);
		break;
	}
}

static void kernel(const CUtensorMap map, int rank, int bytes, int5 at,
	unsigned char *out)
{
	extern __shared__ __align__(1024) unsigned char shared_memory[];
	void *barrier = shared_memory + BARRIER;

	if (threadIdx.x == 0) {
		mbarrier_init(barrier, 1);
		fence_mbarrier_init();
		prefetch_map(&map);
		mbarrier_arrive_expect(barrier, bytes);
		copy(rank, shared_memory, &map, barrier, at.v);
	}
	__syncthreads();
	mbarrier_wait(barrier, 0);
	for (int i = threadIdx.x; i < bytes; i += 64)
		out[i] = shared_memory[i];
}

struct tile {
	CUtensorMapDataType type;
	shape s;
	cuuint32_t box[5], steps[5];
	int swizzle, at[5];
};

static bool same(const tile *t, const unsigned char *out)
{
	int n[5] = { 1, 1, 1, 1, 1 }, row = 0;

	for (int i = 0; i < t->s.rank; i++)
		n[i] = (t->box[i] + t->steps[i] - 1) / t->steps[i];
	for (int e = 0; e < n[4]; e++)
	for (int d = 0; d < n[3]; d++)
	for (int c = 0; c < n[2]; c++)
	for (int b = 0; b < n[1]; b++, row++)
	for (int a = 0; a < (int)t->box[0]; a++) {
		const int turn[] = { a, b, c, d, e };
		int at[5];

		for (int i = 0; i < t->s.rank; i++)
			at[i] = t->at[i] + turn[i] * (i ? (int)t->steps[i] : 1);
		if (landed(out, row, a, t->box[0] * t->s.bytes, t->s.bytes,
		    t->swizzle) != element(&t->s, at))
			return false;
	}
	return true;
}

static bool right(tile t)
{
	static unsigned char data[1 << 20] __attribute__((aligned(128)));
	static unsigned char out[SHARED];
	encode_tiled encode = (encode_tiled)driver_function(
		"cuTensorMapEncodeTiled");
	CUtensorMap map;
	int bytes = t.box[0] * t.s.bytes;
	int5 at;

	for (int i = 1; i < t.s.rank; i++)
		bytes *= (t.box[i] + t.steps[i] - 1) / t.steps[i];
	for (int i = 0; i < 5; i++)
		at.v[i] = t.at[i];
	set_strides(&t.s, 16);
	t.s.data = data;
	if (size_of(&t.s) > sizeof data)
		return false;
	fill(&t.s);
	if (encode(&map, t.type, t.s.rank, data, t.s.dims, t.s.strides, t.box,
	    t.steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
	    (CUtensorMapSwizzle)t.swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
	    CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE))
		return false;
	return run_one(kernel, SHARED, map, t.s.rank, bytes, at, out) == 0 &&
		same(&t, out);
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	static const tile tiles[] = {
		{ CU_TENSOR_MAP_DATA_TYPE_FLOAT32, { 1, { 96 }, {}, 4, 0 },
			{ 32 }, { 1 }, 0, { 80 } },
		{ CU_TENSOR_MAP_DATA_TYPE_FLOAT16, { 2, { 64, 40 }, {}, 2, 0 },
			{ 64, 16 }, { 1, 1 }, 3, { 0, 8 } },
		{ CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, { 2, { 56, 40 }, {}, 2, 0 },
			{ 32, 16 }, { 1, 1 }, 2, { 40, 30 } },
		{ CU_TENSOR_MAP_DATA_TYPE_UINT8, { 2, { 48, 20 }, {}, 1, 0 },
			{ 32, 24 }, { 1, 1 }, 1, { -7, -3 } },
		{ CU_TENSOR_MAP_DATA_TYPE_FLOAT64, { 3, { 10, 6, 7 }, {}, 8, 0 },
			{ 4, 3, 5 }, { 1, 1, 1 }, 0, { 8, 4, -2 } },
		{ CU_TENSOR_MAP_DATA_TYPE_INT32,
			{ 3, { 32, 12, 9 }, {}, 4, 0 }, { 32, 8, 7 },
			{ 5, 2, 3 }, 3, { -1, 1, 0 } },
		{ CU_TENSOR_MAP_DATA_TYPE_UINT16,
			{ 4, { 16, 6, 5, 4 }, {}, 2, 0 }, { 16, 4, 3, 2 },
			{ 1, 1, 1, 1 }, 1, { 3, 4, -1, 2 } },
		{ CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
			{ 5, { 32, 5, 4, 3, 4 }, {}, 2, 0 },
			{ 32, 4, 3, 2, 3 }, { 1, 1, 2, 1, 2 }, 2,
			{ 0, -1, 1, 2, 1 } },
		{ CU_TENSOR_MAP_DATA_TYPE_FLOAT32, { 2, { 16, 8 }, {}, 4, 0 },
			{ 16, 4 }, { 1, 1 }, 0, { 400, -900 } },
	};

	for (unsigned i = 0; i < sizeof tiles / sizeof *tiles; i++)
		if (!right(tiles[i]))
			return 1 + (int)i;
	return 0;
}
