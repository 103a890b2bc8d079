/* A barrier for half a warp.
 * EXPECT early: fault barrier
 * EXPECT late: fault barrier */
#define STATEMENT barrier_sync(1, 48)
#include "hopper.inc"
