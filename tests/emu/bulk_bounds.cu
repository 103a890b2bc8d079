/* Beyond shared memory.
 * EXPECT early: fault bounds
 * EXPECT late: fault bounds */
#define STATEMENT if (t == 0) copy_bulk(box + 2032, x, 80, barrier)
#include "hopper.inc"
