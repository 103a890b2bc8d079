/* Full and empty stages, bulk copies in and out, named barriers, one lane
 * elected.
 * EXPECT early: done
 * EXPECT late: done */
#include "pipeline.inc"
