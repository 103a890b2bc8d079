/* Factors that threads wrote without a fence.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define PROXY
#include "wgmma_fault.inc"
