/* No fence stands between what threads write and the copy that reads it.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define PROXY
#include "pipeline.inc"
