/* Both crews take the first turn.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define ROUND 1
#include "turns.inc"
