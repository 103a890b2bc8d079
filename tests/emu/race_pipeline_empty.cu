/* A stage is told to be empty before it is read.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define FULL mbarrier_wait(&(*full)[stage], FULL_PARITY), \
	mbarrier_arrive(&(*empty)[stage])
#define EMPTY
#include "pipeline.inc"
