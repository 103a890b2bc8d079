/* A barrier takes eight bytes at a multiple of eight.
 * EXPECT early: fault misaligned
 * EXPECT late: fault misaligned */
#define STATEMENT if (t == 0) mbarrier_init(shared_memory + 4, 1)
#include "hopper.inc"
