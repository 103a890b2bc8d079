/* A barrier ends while somebody waits there.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define STATEMENT \
	if (t < 32) \
		mbarrier_wait(barrier, 0); \
	__syncwarp(); \
	if (t == 32) \
		mbarrier_invalidate(barrier); \
	else if (t > 32) \
		mbarrier_wait(barrier, 0)
#include "hopper.inc"
