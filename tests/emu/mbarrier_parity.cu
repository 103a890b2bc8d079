/* There is no third parity.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define STATEMENT mbarrier_wait(barrier, 2)
#include "hopper.inc"
