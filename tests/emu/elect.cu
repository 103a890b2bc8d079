/* One lane of each warp; what only groups and grids do passes.
 * EXPECT early: done
 * EXPECT late: done */
#define STATEMENT \
	grid_wait(); \
	registers_decrease<40>(); \
	registers_increase<232>(); \
	box[t] = 0; \
	__syncthreads(); \
	if (elect_one()) \
		atomicAdd(&box[0], 1.0f); \
	grid_launch_dependents(); \
	__syncthreads(); \
	if (t == 0) \
		x[0] = box[0] == 2
#include "hopper.inc"
