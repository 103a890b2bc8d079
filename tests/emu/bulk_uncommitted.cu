/* A copy in no group is not waited for.
 * EXPECT early: done
 * EXPECT late: fault async */
#define STATEMENT if (t == 0) { box[0] = 1; fence_proxy_async(); \
	copy_bulk_store(x, box, 16); copy_bulk_wait<0>(); }
#include "hopper.inc"
