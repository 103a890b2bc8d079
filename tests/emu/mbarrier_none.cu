/* An arrival where no barrier was made.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define STATEMENT mbarrier_arrive(shared_memory + 8)
#include "hopper.inc"
