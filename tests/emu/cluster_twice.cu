/* Arrives again at the cluster's barrier and has not waited.
 * EXPECT early: fault cluster
 * EXPECT late: fault cluster */
#define STATEMENT cluster_arrive(), cluster_arrive()
#include "hopper.inc"
