/* Rows of 128 bytes are read as such of 64.
 * EXPECT early: fault wgmma
 * EXPECT late: fault wgmma */
#define SWIZZLE 2
#include "wgmma_fault.inc"
