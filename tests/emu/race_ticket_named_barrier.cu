/* By a barrier of some threads the last block reads what only its counting
 * thread fenced.
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
	if (t == 0)
		__threadfence();
	if (t == 0)
		*last = atomicAdd(ticket, 1u) == 2;
	barrier_sync(1, 64);
	if (!*last)
		return;
	__threadfence();
	w[256 + t] = w[t] + w[64 + t] + w[128 + t];
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
