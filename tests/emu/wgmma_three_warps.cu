/* One warp of the four stays away.
 * EXPECT early: fault wgmma
 * EXPECT late: fault wgmma */
#define FENCE if (t / 32 == 3) return; wgmma_fence()
#include "wgmma_fault.inc"
