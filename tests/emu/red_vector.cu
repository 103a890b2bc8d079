/* Sums of four floats at once; the number of an address in a cluster.
 * EXPECT early: done
 * EXPECT late: done */
#define STATEMENT \
	red_add_f32x4(x + 4, t, 1, 2 * t, -1); \
	__syncthreads(); \
	if (t == 0) \
		x[0] = x[4] == 2016 && x[5] == 64 && x[6] == 4032 && \
			x[7] == -64 && map_shared(box + 1, 0) == 4
#include "hopper.inc"
