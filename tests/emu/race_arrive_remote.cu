/* Another block reads what this one has written, where an arrival at that block's
 * barrier alone tells of it, which is no release for the cluster.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();

	if (threadIdx.x == 0)
		mbarrier_init(&mine[2], 1);
	cluster_sync();
	if (threadIdx.x == 0) {
		remote_store_f32(&mine[0], (rank + 1) % 4, 10);
		mbarrier_arrive_remote(&mine[2], (rank + 1) % 4);
		mbarrier_wait(&mine[2], 0);
		y[rank] = mine[0];
	}
	cluster_sync();
}

#include "cluster.inc"
