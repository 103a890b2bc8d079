/* The order of accesses by barriers in memory, by number, and by bulk copies.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
#include "pipeline.inc"
