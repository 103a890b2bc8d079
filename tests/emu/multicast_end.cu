/* A block ends while the other still tells its barriers.
 * EXPECT early: fault cluster
 * EXPECT late: fault cluster */
#define END
#include "multicast.inc"
