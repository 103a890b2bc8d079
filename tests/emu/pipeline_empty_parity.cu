/* The producer waits for the first emptying of stages that are empty.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define EMPTY_PARITY parity
#include "pipeline.inc"
