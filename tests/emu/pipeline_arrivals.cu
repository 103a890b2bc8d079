/* A stage is empty for one thread more than there is.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define ARRIVALS (THREADS - 31)
#include "pipeline.inc"
