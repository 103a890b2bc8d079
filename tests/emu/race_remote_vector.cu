/* The last of four sums of another block is written while they are read.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ __align__(16) unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();
	unsigned theirs[4];

	if (threadIdx.x < 4)
		mine[threadIdx.x] = rank;
	cluster_sync();
	if (threadIdx.x == 0) {
		mine[3] = rank;
		remote_load_x4(theirs, &mine[0], (rank + 1) % 4);
		y[rank] = 10;
	}
	cluster_sync();
}

#include "cluster.inc"
