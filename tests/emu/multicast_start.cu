/* Blocks use the barriers of the other before it has made them.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define START __syncthreads()
#include "multicast.inc"
