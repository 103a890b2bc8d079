/* A block adds to what those before it left, all of whose threads met before one
 * set its flag.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	int t = threadIdx.x, b = blockIdx.x;
	int *flags = (int *)(w + 512);

	if (b > 0 && t == 0)
		flag_wait(&flags[b - 1]);
	barrier_sync(1, 64);
	w[64 * b + t] = b > 0 ? w[64 * b - 1 - t] + 1 : t;
	barrier_sync(1, 64);
	if (t == 0)
		flag_set(&flags[b]);
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
