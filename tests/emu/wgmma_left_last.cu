/* The last fragment is written before the last wait.
 * EXPECT early: fault wgmma
 * EXPECT late: fault wgmma */
#define BEHIND left[1][0] = 0
#include "wgmma_left.inc"
