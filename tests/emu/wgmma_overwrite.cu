/* A factor is overwritten before the product is waited for.
 * EXPECT early: done
 * EXPECT late: returned 1 */
#define BEFORE __syncthreads(), a[0] = 0x7f
#include "wgmma_fault.inc"
