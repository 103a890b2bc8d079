/* A phase begins and ends before who waits for the one before it has seen its
 * end.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault deadlock */
#define STATEMENT if (t == 0) mbarrier_wait(barrier, 0); else if (t == 1) for \
	(int i = 0; i < 4; i++) mbarrier_arrive(barrier)
#include "hopper.inc"
