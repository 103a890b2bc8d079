/* A launch that may begin early does not wait for the one before the one before
 * it, which need not have ended.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define WAIT
#include "launches.inc"
