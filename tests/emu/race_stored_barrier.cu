/* The copy does not wait for the other warp.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define WRITTEN
#include "stored.inc"
