/* Copies of no group are not waited for.
 * EXPECT early: done
 * EXPECT late: fault async */
#define COMMIT
#include "stored.inc"
