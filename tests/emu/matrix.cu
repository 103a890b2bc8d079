/* ldmatrix and stmatrix in all sizes, both ways, and what ldmatrix reads given
 * to mma as kernels do: a by rows, b by columns, b by rows transposed; and
 * numbers that are not finite.
 * EXPECT early: done
 * EXPECT late: done */
enum { STRIDE = 24 };	/* 16-bit elements from row to row */

/* Element [row][col] of matrix "i" of those below each other. */
__device__ int value(int i, int row, int col)
{
	return i * 64 + row * 8 + col;
}

/* Lane 4r + c has two neighbours of row r, in column order. */
__device__ int held(int i, int lane, int j, bool transposed)
{
	int x = lane / 4, y = lane % 4 * 2 + j;

	return transposed ? value(i, y, x) : value(i, x, y);
}

__device__ int wrong(const unsigned *d, int n, int lane, bool transposed)
{
	int bad = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < 2; j++)
			bad += (int)(d[i] >> 16 * j & 0xffff) !=
				held(i, lane, j, transposed);
	return bad;
}

#define LOAD(n, suffix, transposed) \
	do { \
		unsigned d[n]; \
		ldmatrix_x##n##suffix(d, lane < 8 * n ? row : nullptr); \
		bad[lane] += wrong(d, n, lane, transposed); \
	} while (0)

extern "C" __global__ void load_kernel(int *bad)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	unsigned short *s = (unsigned short *)shared_memory;
	int lane = threadIdx.x;
	const unsigned short *row = s + lane * STRIDE;

	for (int c = 0; c < 8; c++)
		s[lane * STRIDE + c] = value(lane / 8, lane % 8, c);
	__syncwarp();
	LOAD(1, , false);
	LOAD(2, , false);
	LOAD(4, , false);
	LOAD(1, _trans, true);
	LOAD(2, _trans, true);
	LOAD(4, _trans, true);
}

#define STORE(n, suffix, transposed) \
	do { \
		unsigned d[n]; \
		for (int c = 0; c < 8; c++) \
			row[c] = 0xffff; \
		for (int i = 0; i < n; i++) \
			d[i] = held(i, lane, 0, transposed) | \
				held(i, lane, 1, transposed) << 16; \
		__syncwarp(); \
		stmatrix_x##n##suffix(lane < 8 * n ? row : nullptr, d); \
		__syncwarp(); \
		for (int c = 0; c < 8; c++) \
			bad[lane] += row[c] != (lane < 8 * n ? \
				value(lane / 8, lane % 8, c) : 0xffff); \
	} while (0)

extern "C" __global__ void store_kernel(int *bad)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	int lane = threadIdx.x;
	unsigned short *row = (unsigned short *)shared_memory + lane * STRIDE;

	STORE(1, , false);
	STORE(2, , false);
	STORE(4, , false);
	STORE(1, _trans, true);
	STORE(2, _trans, true);
	STORE(4, _trans, true);
}

__device__ float left(int i, int k) { return (i * 7 + k * 3) % 11 - 5; }
__device__ float right(int k, int j) { return (k * 5 + j) % 13 - 6; }

/* out[16][16] of one warp: 16 x 16 by 16 x 16, b by rows where "transposed",
 * else by columns. */
__device__ int product(unsigned short *s, int lane, bool transposed)
{
	unsigned short *as = s, *bs = s + 16 * STRIDE;
	unsigned a[4], b[4];
	float d[2][4] = {};
	int bad = 0;

	for (int i = lane; i < 256; i += 32) {
		as[i / 16 * STRIDE + i % 16] = f16_from_f32(left(i / 16,
			i % 16));
		bs[i / 16 * STRIDE + i % 16] = f16_from_f32(transposed ?
			right(i / 16, i % 16) : right(i % 16, i / 16));
	}
	__syncwarp();
	ldmatrix_x4(a, as + lane % 16 * STRIDE + lane / 16 * 8);
	if (transposed)
		ldmatrix_x4_trans(b, bs + lane % 16 * STRIDE + lane / 16 * 8);
	else
		ldmatrix_x4(b, bs + (lane / 16 * 8 + lane % 8) * STRIDE +
			lane / 8 % 2 * 8);
	__syncwarp();
	mma_m16n8k16_f32_f16(d[0], a, b);
	mma_m16n8k16_f32_f16(d[1], a, b + 2);
	for (int n = 0; n < 2; n++)
		for (int i = 0; i < 4; i++) {
			int r = lane / 4 + i / 2 * 8;
			int c = n * 8 + lane % 4 * 2 + i % 2;
			float sum = 0;

			for (int k = 0; k < 16; k++)
				sum += left(r, k) * right(k, c);
			bad += d[n][i] != sum;
		}
	return bad;
}

extern "C" __global__ void product_kernel(int *bad)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	unsigned short *s = (unsigned short *)shared_memory;

	bad[threadIdx.x] += product(s, threadIdx.x, false);
	bad[threadIdx.x] += product(s, threadIdx.x, true);
}

/* One factor is everywhere "v", the other "w". */
#define SPECIAL(name, v, w, D, right) \
	do { \
		unsigned a[4] = { v, v, v, v }, b[2] = { w, w }; \
		D d[4] = {}; \
		name(d, a, b); \
		bad[threadIdx.x] += !(right); \
	} while (0)

/* What is not finite stays so, and what f16 cannot hold becomes it. */
extern "C" __global__ void special_kernel(int *bad)
{
	const float infinity = __int_as_float(0x7f800000);

	SPECIAL(mma_m16n8k16_f32_f16, 0x7c007c00, 0x3c003c00, float,
		d[3] == infinity);
	SPECIAL(mma_m16n8k16_f32_f16, 0x7e007e00, 0x3c003c00, float,
		d[0] != d[0]);
	SPECIAL(mma_m16n8k16_f32_f16, 0x00010001, 0x3c003c00, float,
		d[1] == 0x1p-20f);
	SPECIAL(mma_m16n8k16_f16_f16, 0x7bff7bff, 0x3c003c00, unsigned,
		d[1] == 0x7c007c00);
	SPECIAL(mma_m16n8k8_f32_bf16, 0xff80ff80, 0x3f803f80, float,
		d[2] == -infinity);
	SPECIAL(mma_m16n8k32_f32_e4m3, 0x7f7f7f7f, 0x38383838, float,
		d[0] != d[0]);
	SPECIAL(mma_m16n8k32_f32_e4m3, 0x7e7e7e7e, 0x01010101, float,
		d[0] == 448 * 32 / 512.0f);
	SPECIAL(mma_m16n8k32_f32_e5m2, 0x7c7c7c7c, 0xbcbcbcbc, float,
		d[0] == -infinity);
}

static int bad[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};
	int n = 0;

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 32 * STRIDE * 2;
	cudaLaunchKernelEx(&config, load_kernel, bad);
	cudaLaunchKernelEx(&config, store_kernel, bad);
	cudaLaunchKernelEx(&config, product_kernel, bad);
	cudaLaunchKernelEx(&config, special_kernel, bad);
	for (int i = 0; i < 32; i++)
		n += bad[i];
	return n;
}
