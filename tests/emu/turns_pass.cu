/* A crew keeps its turn.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define PASS ((void)0)
#include "turns.inc"
