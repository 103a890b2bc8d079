/* No fence stands between what is written to a fragment and the product.
 * EXPECT early: fault wgmma
 * EXPECT late: fault wgmma */
#define BEFORE
#include "wgmma_left.inc"
