/* A box that leaves shared memory.
 * EXPECT early: fault bounds
 * EXPECT late: fault bounds */
#define STATEMENT if (t == 0) copy_tensor_2d(shared_memory + 8064, &m.tile, \
	barrier, 0, 0)
#include "hopper.inc"
