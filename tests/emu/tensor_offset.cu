/* An offset of 256.
 * EXPECT early: fault tensor
 * EXPECT late: fault tensor */
#define STATEMENT if (t == 0) copy_im2col_4d(box, &m.image, barrier, 0, 0, 0, \
	0, 256, 0)
#include "hopper.inc"
