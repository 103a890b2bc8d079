/* An arrival at a barrier that is no more.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define STATEMENT if (t == 0) mbarrier_invalidate(barrier), \
	mbarrier_arrive(barrier)
#include "hopper.inc"
