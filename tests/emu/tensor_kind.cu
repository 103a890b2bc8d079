/* A map of tiles, a copy of pixels.
 * EXPECT early: fault tensor
 * EXPECT late: fault tensor */
#define STATEMENT if (t == 0) copy_im2col_4d(box, &m.tile, barrier, 0, 0, 0, \
	0, 0, 0)
#include "hopper.inc"
