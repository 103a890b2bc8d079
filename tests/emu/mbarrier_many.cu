/* A third arrival where bytes are still missing of the phase of two.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define STATEMENT if (t == 0) mbarrier_arrive_expect(barrier, 16), \
	mbarrier_arrive(barrier), mbarrier_arrive(barrier)
#include "hopper.inc"
