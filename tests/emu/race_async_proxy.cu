/* What threads copy asynchronously is theirs: a bulk copy must not read it
 * without a fence.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define STATEMENT \
	copy_async_16(box + 4 * t, x + 4 * t); \
	copy_async_commit(); \
	copy_async_wait<0>(); \
	__syncthreads(); \
	if (t == 0) \
		copy_bulk_store(x + 512, box, 1024)
#include "hopper.inc"
