/* A fragment of the left factor is written before the product that reads it is
 * waited for.
 * EXPECT early: fault wgmma
 * EXPECT late: fault wgmma */
#define WAIT wgmma_wait<2>()
#include "wgmma_left.inc"
