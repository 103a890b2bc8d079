/* Matrices through swizzled slots to a tensor, by bulk stores.
 * EXPECT early: done
 * EXPECT late: done */
#include "stored.inc"
