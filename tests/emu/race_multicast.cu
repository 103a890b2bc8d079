/* The order of accesses by barriers of two blocks.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
#include "multicast.inc"
