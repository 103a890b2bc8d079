/* Another block reads what this one has written, and nothing says when.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();

	if (threadIdx.x == 0)
		mine[0] = rank;
	cluster_sync();
	if (threadIdx.x == 0)
		mine[0] = rank + 1;
	if (threadIdx.x == 0)
		y[rank] = remote_load_f32(&mine[0], (rank + 1) % 4);
	cluster_sync();
}

#include "cluster.inc"
