/* A launch that begins early waits for those before it.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
#define WAIT grid_wait()
#include "launches.inc"
