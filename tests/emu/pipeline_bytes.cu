/* More bytes are announced than come.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
#define BYTES (PART * 4 + 16)
#include "pipeline.inc"
