/* The block ends while a copy reads its shared memory.
 * EXPECT early: done
 * EXPECT late: fault async */
#define END
#include "stored.inc"
