/* One thread waits for the grid, the others for it.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
#define WAIT if (t == 0) grid_wait(); __syncthreads()
#include "launches.inc"
