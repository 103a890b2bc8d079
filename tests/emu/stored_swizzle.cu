/* Rows are written as if nothing swizzled them.
 * EXPECT early: returned 1
 * EXPECT late: returned 1 */
#define CHUNK (l / 8 % 2)
#include "stored.inc"
