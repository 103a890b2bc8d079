/* A block overwrites what another has read, and told it so at its barrier.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();

	if (threadIdx.x == 0) {
		mbarrier_init(&mine[2], 1);
		mine[0] = 10;
	}
	cluster_sync();
	if (threadIdx.x == 0) {
		y[rank] = remote_load_f32(&mine[0], (rank + 1) % 4);
		mbarrier_arrive_remote(&mine[2], (rank + 1) % 4);
		mbarrier_wait(&mine[2], 0);
		mine[0] = 3;
	}
	cluster_sync();
}

#include "cluster.inc"
