/* The barrier of the cluster in two halves.
 * EXPECT early: done
 * EXPECT late: done */
#define START cluster_arrive(), cluster_wait()
#include "multicast.inc"
