/* Stages are read without a wait for what fills them.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault init */
#define FULL
#include "pipeline.inc"
