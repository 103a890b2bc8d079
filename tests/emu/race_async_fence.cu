/* A bulk copy reads what threads have copied asynchronously and fenced.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
#define STATEMENT \
	copy_async_16(box + 4 * t, x + 4 * t); \
	copy_async_commit(); \
	copy_async_wait<0>(); \
	fence_proxy_async(); \
	__syncthreads(); \
	if (t == 0) { \
		copy_bulk_store(x + 512, box, 1024); \
		copy_bulk_commit(); \
		copy_bulk_wait_read<0>(); \
		x[0] = 1; \
	}
#include "hopper.inc"
