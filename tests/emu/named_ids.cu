/* There is no barrier 16.
 * EXPECT early: fault barrier
 * EXPECT late: fault barrier */
#define STATEMENT barrier_sync(16, 64)
#include "hopper.inc"
