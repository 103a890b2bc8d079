/* A crew does not wait for its turn.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define WAIT
#include "turns.inc"
