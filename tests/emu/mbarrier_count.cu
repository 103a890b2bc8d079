/* A barrier for nobody.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define STATEMENT if (t == 0) mbarrier_init(shared_memory + 8, 0)
#include "hopper.inc"
