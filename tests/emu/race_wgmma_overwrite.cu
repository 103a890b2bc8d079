/* A factor is overwritten before the product is waited for.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define BEFORE __syncthreads(); if (t == 0) a[0] = 0x7f
#include "wgmma_fault.inc"
