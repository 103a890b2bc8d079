/* One warp only arrives, twice, and the other waits both times.
 * EXPECT early: done
 * EXPECT late: done */
#define STATEMENT \
	for (int i = 0; i < 2; i++) \
		if (t >= 32) { \
			if (t == 32) \
				box[i] = i + 7; \
			__syncwarp(); \
			barrier_arrive(1 + i, 64); \
		} else { \
			barrier_sync(1 + i, 64); \
			if (t == 0) \
				x[0] = box[i] == i + 7 && (i == 0 || x[0]); \
		}
#include "hopper.inc"
