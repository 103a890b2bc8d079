/* No barrier stands between writing the factors and their product.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault init */
#define BARRIER
#include "wgmma_fault.inc"
