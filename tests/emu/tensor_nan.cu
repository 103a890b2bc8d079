/* What lies outside of the tensor is NaN, where the map says so.
 * EXPECT early: done
 * EXPECT late: done */
#define STATEMENT if (t == 0) { mbarrier_arrive(barrier); \
	mbarrier_arrive_expect(barrier, 256); copy_tensor_2d(box, &m.tile, \
	barrier, 31, -1); } mbarrier_wait(barrier, 0); if (t == 0) x[0] = \
	isnan(box[0]) && box[8] == 0 && isnan(box[9])
#include "hopper.inc"
