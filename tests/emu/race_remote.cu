/* Sums of the others, written there, between two barriers of the cluster.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();

	if (threadIdx.x == 0)
		mine[0] = rank + 1;
	cluster_sync();
	if (threadIdx.x == 0)
		remote_store_f32(&mine[1], (rank + 1) % 4,
			remote_load_f32(&mine[0], (rank + 2) % 4));
	cluster_sync();
	if (threadIdx.x == 0)
		y[rank] = mine[1] == (rank + 1) % 4 + 1 ? 10 : 0;
}

#include "cluster.inc"
