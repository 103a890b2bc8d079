/* A try in vain lets go on who brings what is missing.
 * EXPECT early: done
 * EXPECT late: done */
#define STATEMENT if (t == 0) { mbarrier_arrive(barrier); x[0] = \
	!mbarrier_try_wait(barrier, 0); mbarrier_arrive(barrier); \
	mbarrier_wait(barrier, 0); }
#include "hopper.inc"
