/* A map of two dimensions, a copy of three.
 * EXPECT early: fault tensor
 * EXPECT late: fault tensor */
#define STATEMENT if (t == 0) copy_tensor_3d(box, &m.tile, barrier, 0, 0, 0)
#include "hopper.inc"
