/* One warp does not come.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define STATEMENT if (t < 32) barrier_sync(3, 64)
#include "hopper.inc"
