/* The last block reads without a fence behind the counting, which alone keeps what
 * it knew of memory before from being what it reads.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	unsigned *ticket = (unsigned *)(w + 512);
	unsigned *last = (unsigned *)s;

	w[64 * blockIdx.x + t] = t;
	__threadfence();
	__syncthreads();
	if (t == 0)
		*last = atomicAdd(ticket, 1u) == 2;
	__syncthreads();
	if (*last)
		w[256 + t] = w[t] + w[64 + t] + w[128 + t];
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
