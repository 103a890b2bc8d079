/* The first pixel is none that windows start from.
 * EXPECT early: fault tensor
 * EXPECT late: fault tensor */
#define STATEMENT if (t == 0) copy_im2col_4d(box, &m.image, barrier, 0, 3, 0, \
	0, 0, 0)
#include "hopper.inc"
