/* Made by wpkc 0.1.0 from shared_rows.wpk for sm_80.
 *
 * taps: taps(x, w) -> (y)
 *	kernel(y, sketch = reduce);
 *	compute_at(y, q);
 *	deterministic();
 *	reduce(y, over = grid, threads = 16);
 *	split_k(y, 2);
 *	tile(block, q = 4);
 *	unroll(1);
 */

#ifndef WPK_EMULATE

static __device__ __forceinline__ float f32_from_f16(unsigned short x)
{
	float y;
	asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
	return y;
}

#endif

static __device__ __forceinline__ int min_int(int a, int b)
{
	return a < b ? a : b;
}

extern "C" __global__ void __launch_bounds__(64)
taps_kernel_1(const unsigned short *__restrict__ x,
	const unsigned short *__restrict__ w, float *__restrict__ y,
	float *__restrict__ y_parts, int N_P_Q, int Q, int P,
	int C_R_T_tiles_32, int C_R_T, int T, int R, int R_T, int H, int W,
	int C_H_W, int H_W)
{
	const int team = threadIdx.x / 16;
	const int lane = threadIdx.x % 16;
	const int row_at = blockIdx.x * 4 + team;
	const bool stored = row_at < N_P_Q;
	const int row = min_int(row_at, N_P_Q - 1);
	const int q = row % Q;
	const int at = row / Q;
	const int p = at % P;
	const int n = at / P;
	float y_here = 0.0f;
	const int part = blockIdx.y * (C_R_T_tiles_32 * 16);
	if (part + C_R_T_tiles_32 * 16 <= C_R_T) {
		for (int at2 = part; at2 < part + C_R_T_tiles_32 * 16;
		    at2 += 16) {
			const int at3 = at2 + lane;
			const int t = at3 % T;
			const int at4 = at3 / T;
			const int r = at4 % R;
			const int c = at4 / R;
			const unsigned short w2 = w[c * R_T + r * T + t];
			const int at5 = p + r - 1;
			const int at6 = q + t - 1;
			float x_or_pad = 0.0f;
			if (-1 < at5 && at5 < H && -1 < at6 && at6 < W)
				x_or_pad =
					f32_from_f16(
					x[n * C_H_W + c * H_W + at5 * W + at6]);
			y_here += x_or_pad * f32_from_f16(w2);
		}
	} else {
		for (int at2 = part + lane; at2 < C_R_T; at2 += 16) {
			const int t = at2 % T;
			const int at3 = at2 / T;
			const int r = at3 % R;
			const int c = at3 / R;
			const unsigned short w2 = w[c * R_T + r * T + t];
			const int at4 = p + r - 1;
			const int at5 = q + t - 1;
			float x_or_pad = 0.0f;
			if (-1 < at4 && at4 < H && -1 < at5 && at5 < W)
				x_or_pad =
					f32_from_f16(
					x[n * C_H_W + c * H_W + at4 * W + at5]);
			y_here += x_or_pad * f32_from_f16(w2);
		}
	}
	const float shuffled = __shfl_xor_sync(0xffffffff, y_here, 8);
	y_here += shuffled;
	const float shuffled2 = __shfl_xor_sync(0xffffffff, y_here, 4);
	y_here += shuffled2;
	const float shuffled3 = __shfl_xor_sync(0xffffffff, y_here, 2);
	y_here += shuffled3;
	const float shuffled4 = __shfl_xor_sync(0xffffffff, y_here, 1);
	y_here += shuffled4;
	if (lane == 0 && stored) {
		const int to = blockIdx.y * N_P_Q + row;
		y_parts[to] = y_here;
	}
}

extern "C" __global__ void __launch_bounds__(128)
taps_kernel_2(const unsigned short *__restrict__ x,
	const unsigned short *__restrict__ w, float *__restrict__ y,
	const float *__restrict__ y_parts, int N_P_Q, int Q, int P, int P_Q)
{
	const int team = threadIdx.x / 32;
	const int lane = threadIdx.x % 32;
	const int row_at = blockIdx.x * 4 + team;
	const bool stored = row_at < N_P_Q;
	const int row = min_int(row_at, N_P_Q - 1);
	const int q = row % Q;
	const int at = row / Q;
	const int p = at % P;
	const int n = at / P;
	float y_here = 0.0f;
	for (int part = lane; part < 2; part += 32) {
		const int from = part * N_P_Q + row;
		y_here += y_parts[from];
	}
	const float shuffled = __shfl_xor_sync(0xffffffff, y_here, 16);
	y_here += shuffled;
	const float shuffled2 = __shfl_xor_sync(0xffffffff, y_here, 8);
	y_here += shuffled2;
	const float shuffled3 = __shfl_xor_sync(0xffffffff, y_here, 4);
	y_here += shuffled3;
	const float shuffled4 = __shfl_xor_sync(0xffffffff, y_here, 2);
	y_here += shuffled4;
	const float shuffled5 = __shfl_xor_sync(0xffffffff, y_here, 1);
	y_here += shuffled5;
	const float y2 = y_here;
	if (lane == 0 && stored)
		y[n * P_Q + p * Q + q] = y2;
}

#ifndef __CUDACC_RTC__

static bool taps_launch_if(long long N, long long C, long long H, long long W,
	long long R, long long T)
{
	const long long P = H + 2 - R;
	const long long Q = W + 2 - T;

	return 0 < N && 0 < C && 0 < H && 0 < W && 0 < R && 0 < T && 0 < P &&
		0 < Q && N <= 2147483647 && C <= 2147483647 &&
		H <= 2147483647 && W <= 2147483647 && R <= 2147483647 &&
		T <= 2147483647 && P <= 2147483647 && Q <= 2147483647 &&
		C * H <= 2147483647 && C * H * W <= 2147483647 &&
		N * (C * H * W) <= 1073741824 && C * R <= 2147483647 &&
		C * R * T <= 1073741824 && N * P <= 2147483647 &&
		N * P * Q <= 1073741823 && N * P * Q * 2 <= 1073741824 &&
		H * W <= 2147483647 && R * T <= 2147483647 &&
		P * Q <= 2147483647 && N * P * Q + 3 <= 2147483647 &&
		(N * P * Q + 3) / 4 <= 2147483647 &&
		C * R * T + 31 <= 2147483647 &&
		(C * R * T + 31) / 32 <= 134217727 && R <= H && T <= W &&
		C % 8 == 0;
}

static size_t taps_launch_needs(long long N, long long C, long long H,
	long long W, long long R, long long T)
{
	const long long P = H + 2 - R;
	const long long Q = W + 2 - T;

	return (N * P * Q * 8 + 127) / 128 * 128;
}

static cudaError_t taps_launch(long long N, long long C, long long H,
	long long W, long long R, long long T, const unsigned short *x,
	const unsigned short *w, float *y, void *workspace,
	size_t workspace_bytes, cudaStream_t stream)
{
	const long long P = H + 2 - R;
	const long long Q = W + 2 - T;
	cudaLaunchConfig_t config = {};
	cudaError_t status;
	float *y_parts = (float *)workspace;

	if (!x || !w || !y)
		return cudaErrorInvalidValue;
	if (((size_t)x | (size_t)w | (size_t)y) % 16)
		return cudaErrorInvalidValue;
	if (!workspace || (size_t)workspace % 128 ||
		(long long)workspace_bytes < (N * P * Q * 8 + 127) / 128 * 128)
		return cudaErrorInvalidValue;
	config.gridDim = dim3((unsigned)((N * P * Q + 3) / 4), 2);
	config.blockDim = dim3(64);
	config.stream = stream;
	status = cudaLaunchKernelEx(&config, taps_kernel_1, x, w, y, y_parts,
		(int)(N * P * Q), (int)(Q), (int)(P),
		(int)((C * R * T + 31) / 32), (int)(C * R * T), (int)(T),
		(int)(R), (int)(R * T), (int)(H), (int)(W), (int)(C * H * W),
		(int)(H * W));
	if (status != cudaSuccess)
		return status;
	config.gridDim = dim3((unsigned)((N * P * Q + 3) / 4));
	config.blockDim = dim3(128);
	return cudaLaunchKernelEx(&config, taps_kernel_2, x, w, y, y_parts,
		(int)(N * P * Q), (int)(Q), (int)(P), (int)(P * Q));
}

extern "C" size_t taps_workspace(long long N, long long C, long long H,
	long long W, long long R, long long T)
{
	size_t most = 0, bytes;

	if (taps_launch_if(N, C, H, W, R, T))
		bytes = taps_launch_needs(N, C, H, W, R, T);
	else
		bytes = 0;
	most = bytes > most ? bytes : most;
	return most;
}

extern "C" cudaError_t taps(long long N, long long C, long long H, long long W,
	long long R, long long T, const unsigned short *x,
	const unsigned short *w, float *y, void *workspace,
	size_t workspace_bytes, cudaStream_t stream)
{
	if (taps_launch_if(N, C, H, W, R, T))
		return taps_launch(N, C, H, W, R, T, x, w, y, workspace,
			workspace_bytes, stream);
	return cudaErrorInvalidValue;
}

#endif
