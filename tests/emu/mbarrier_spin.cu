/* Tries without end.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define STATEMENT while (!mbarrier_try_wait(barrier, 0)) {}
#include "hopper.inc"
