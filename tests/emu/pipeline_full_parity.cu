/* The consumers take each stage for full before it is filled.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define FULL_PARITY (parity ^ 1)
#include "pipeline.inc"
