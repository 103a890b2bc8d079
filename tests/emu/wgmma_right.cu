/* The product of the other cases, without their faults: fenced where sums are
 * changed between two.
 * EXPECT early: done
 * EXPECT late: done */
#define AGAIN for (int i = 0; i < COLS / 2; i++) d[i] = 0; wgmma_fence()
#include "wgmma_fault.inc"
