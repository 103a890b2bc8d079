/* A launch that may begin early touches memory before it waits: what no kernel of
 * the program wrote, yet one of another program may read.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define WAIT w[256 + t] = 1; grid_wait()
#include "launches.inc"
