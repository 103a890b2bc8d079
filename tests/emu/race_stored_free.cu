/* The other warp does not learn that the slot has been read.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define FREE
#include "stored.inc"
