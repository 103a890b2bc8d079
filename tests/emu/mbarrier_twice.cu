/* A barrier is made where one is.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define STATEMENT if (t == 0) mbarrier_init(barrier, 2)
#include "hopper.inc"
