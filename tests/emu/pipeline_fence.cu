/* No fence tells asynchronous copies of the barriers.
 * EXPECT early: fault mbarrier
 * EXPECT late: fault mbarrier */
#define FENCE
#include "pipeline.inc"
