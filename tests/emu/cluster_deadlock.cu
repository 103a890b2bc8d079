/* One block of the cluster does not come to the barrier.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();
	float sum = 0;

	if (threadIdx.x == 0)
		mine[0] = (float)(rank + 1);
	if (rank != 2)
		cluster_sync(); /* HERE */
	if (threadIdx.x == 0)
		y[rank] = sum;
}

#include "cluster.inc"
