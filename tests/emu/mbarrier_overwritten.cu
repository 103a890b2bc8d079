/* A barrier is written over.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define STATEMENT if (t == 0) *(int *)barrier = 5, mbarrier_arrive(barrier)
#include "hopper.inc"
