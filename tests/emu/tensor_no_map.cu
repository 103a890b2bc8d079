/* No map.
 * EXPECT early: fault tensor
 * EXPECT late: fault tensor */
#define STATEMENT if (t == 0) copy_tensor_2d(box, x, barrier, 0, 0)
#include "hopper.inc"
