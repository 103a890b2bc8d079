/* The same, watched.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
#include "stored.inc"
