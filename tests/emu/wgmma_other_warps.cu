/* A warp gives another descriptor than the others.
 * EXPECT early: fault wgmma
 * EXPECT late: fault wgmma */
#define FENCE left += t / 32 == 2; wgmma_fence()
#include "wgmma_fault.inc"
