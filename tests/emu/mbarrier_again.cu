/* Arrivals of two phases, made again in between; a wait that is over before it
 * began.
 * EXPECT early: done
 * EXPECT late: done */
#define STATEMENT if (t < 2) { mbarrier_arrive(barrier); \
	mbarrier_wait(barrier, 0); while (!mbarrier_try_wait(barrier, 0)) {} \
	} __syncthreads(); if (t == 0) { mbarrier_invalidate(barrier); \
	mbarrier_init(barrier, 1); mbarrier_arrive(barrier); \
	mbarrier_wait(barrier, 0); x[0] = 1; }
#include "hopper.inc"
