/* A block ends while others read its shared memory.
 * EXPECT early: fault cluster
 * EXPECT late: fault cluster */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();
	float sum = 0;

	if (threadIdx.x == 0)
		mine[0] = (float)(rank + 1);
	cluster_sync();
	for (int i = 0; i < 4; i++)
		sum += /* HERE */ remote_load_f32(&mine[0], i);
	if (threadIdx.x == 0)
		y[rank] = sum;
}

#include "cluster.inc"
