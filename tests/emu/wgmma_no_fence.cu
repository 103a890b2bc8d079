/* No fence before the first product.
 * EXPECT early: fault wgmma
 * EXPECT late: fault wgmma */
#define FENCE
#include "wgmma_fault.inc"
