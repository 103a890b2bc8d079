/* Four elements at once that do not begin at a multiple of 16 bytes.
 * EXPECT early: fault misaligned
 * EXPECT late: fault misaligned */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ __align__(16) unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	unsigned theirs[4];

	mine[threadIdx.x % 4] = 1;
	cluster_sync();
	/* HERE */ remote_load_x4(theirs, &mine[1], 0);
	cluster_sync();
	y[cluster_rank()] = theirs[0];
}

#include "cluster.inc"
