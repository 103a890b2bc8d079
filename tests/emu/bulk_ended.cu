/* A copy lands when its block has ended.
 * EXPECT early: done
 * EXPECT late: fault async */
#define STATEMENT if (t == 0) { x[0] = 1; \
	mbarrier_arrive_expect(barrier, 16); copy_bulk(box, x, 16, barrier); }
#include "hopper.inc"
