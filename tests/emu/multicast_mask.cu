/* Each block brings its half to itself alone.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define MASK (1 << rank)
#include "multicast.inc"
