/* By turns two crews use the same memory.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
#include "turns.inc"
