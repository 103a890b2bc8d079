/* Nothing says that the others have written: what they had before is read.
 * EXPECT early: returned 1
 * EXPECT late: returned 1 */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();
	float sum = 0;

	if (threadIdx.x == 0)
		mine[0] = (float)(rank + 1);
	for (int i = 0; i < 4; i++)
		sum += remote_load_f32(&mine[0], i);
	cluster_sync();
	if (threadIdx.x == 0)
		y[rank] = sum;
}

#include "cluster.inc"
