/* No fence stands between stmatrix and the copy that reads what it wrote.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define PROXY
#include "stored.inc"
