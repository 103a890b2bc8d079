/* ldmatrix and the banks: a matrix is one access of 128 bytes. 16 wavefronts
 * write, 4 read rows of 16 bytes, one behind the other, and 4 times 4 read rows
 * of 64.
 * NEEDS: watch
 * NEEDS: bytes
 * EXPECT early: waves 36 least 24
 * EXPECT late: waves 36 least 24 */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	int *s = (int *)shared_memory;
	int t = threadIdx.x;
	unsigned d[4];

	if (t >= 32)
		return;
	for (int i = 0; i < 16; i++)
		s[i * 32 + t] = i;
	__syncwarp();
	ldmatrix_x4(d, s + t * 4);
	w[t] = d[0];
	ldmatrix_x4_trans(d, s + t * 16);
	w[t] += d[1];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
