/* A box at a multiple of 64.
 * EXPECT early: fault misaligned
 * EXPECT late: fault misaligned */
#define STATEMENT if (t == 0) copy_tensor_2d(box + 16, &m.tile, barrier, 0, 0)
#include "hopper.inc"
