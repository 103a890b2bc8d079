/* Rows that are shorter than what is swizzled.
 * EXPECT early: fault tensor
 * EXPECT late: fault tensor */
#define STATEMENT if (t == 0) copy_tensor_2d(box, &m.narrow, barrier, 0, 0)
#include "hopper.inc"
