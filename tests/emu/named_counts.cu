/* Two warps do not agree for how many threads it is.
 * EXPECT early: fault barrier
 * EXPECT late: fault deadlock */
#define STATEMENT barrier_sync(1, t < 32 ? 64 : 32)
#include "hopper.inc"
