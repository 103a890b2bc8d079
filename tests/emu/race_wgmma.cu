/* Factors that threads wrote, fenced, behind a barrier.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
#define BEFORE wgmma_wait<0>(); __syncthreads(); if (t == 0) a[0] = 1
#include "wgmma_fault.inc"
