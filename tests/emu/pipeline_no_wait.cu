/* Stages are read without a wait for what fills them.
 * EXPECT early: done
 * EXPECT late: fault mbarrier */
#define FULL
#include "pipeline.inc"
