/* Copies to both blocks of a cluster, and barriers of the other block.
 * EXPECT early: done
 * EXPECT late: done */
#include "multicast.inc"
