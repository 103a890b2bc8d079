/* The last block's counting thread fences for all, ahead of the barrier by which it
 * tells them.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
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
	if (t == 0) {
		*last = atomicAdd(ticket, 1u) == 2;
		__threadfence();
	}
	__syncthreads();
	if (*last)
		w[256 + t] = w[t] + w[64 + t] + w[128 + t];
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
