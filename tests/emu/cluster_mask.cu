/* A copy to blocks that are not in the cluster.
 * EXPECT early: fault cluster
 * EXPECT late: fault cluster */
#define STATEMENT if (t == 0) copy_bulk_multicast(box, x, 16, barrier, 6)
#include "hopper.inc"
