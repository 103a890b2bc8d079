/* What a copy is to store is overwritten before it has read it.
 * EXPECT early: done
 * EXPECT late: fault async */
#define STORED
#include "pipeline.inc"
