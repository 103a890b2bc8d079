/* A stride that leaves shared memory.
 * EXPECT early: fault bounds
 * EXPECT late: fault bounds */
#define STRIDE 131072
#include "wgmma_fault.inc"
