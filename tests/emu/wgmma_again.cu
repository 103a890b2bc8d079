/* Accumulators are changed, and go without a fence into the next product.
 * EXPECT early: fault wgmma
 * EXPECT late: fault wgmma */
#define AGAIN for (int i = 0; i < COLS / 2; i++) d[i] = 0
#include "wgmma_fault.inc"
