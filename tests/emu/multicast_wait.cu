/* A wait at the cluster's barrier without an arrival.
 * EXPECT early: fault cluster
 * EXPECT late: fault cluster */
#define START cluster_wait()
#include "multicast.inc"
