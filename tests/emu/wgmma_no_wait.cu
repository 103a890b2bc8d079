/* The sums are read before they are waited for.
 * EXPECT early: done
 * EXPECT late: returned 1 */
#define WAIT wgmma_wait<1>()
#include "wgmma_fault.inc"
