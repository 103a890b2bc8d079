/* The next eight rows are looked for where they are not.
 * EXPECT early: returned 1
 * EXPECT late: returned 1 */
#define STRIDE 512
#include "wgmma_fault.inc"
