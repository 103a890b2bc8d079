/* Fragments of the left factor take turns.
 * EXPECT early: done
 * EXPECT late: done */
#include "wgmma_left.inc"
