/* Accumulators are set before they are waited for.
 * EXPECT early: returned 1
 * EXPECT late: fault wgmma */
#define BEFORE d[0] = 0
#include "wgmma_fault.inc"
