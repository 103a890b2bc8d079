/* Twenty bytes.
 * EXPECT early: fault misaligned
 * EXPECT late: fault misaligned */
#define STATEMENT if (t == 0) copy_bulk(box, x, 20, barrier)
#include "hopper.inc"
