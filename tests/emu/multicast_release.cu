/* Stages are filled anew when the own block has emptied them.
 * EXPECT early: returned 1
 * EXPECT late: done */
#define RELEASE(r) mbarrier_arrive(&(*empty)[stage])
#include "multicast.inc"
