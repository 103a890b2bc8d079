/* Stages are filled anew when the own block has emptied them.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define RELEASE(r) mbarrier_arrive(&(*empty)[stage])
#include "multicast.inc"
