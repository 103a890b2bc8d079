/* Neither crew takes the first turn.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define ROUND 0
#include "turns.inc"
