/* Another thread waits than the one whose copies they are.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define READ if (t == 1) copy_bulk_wait_read<0>()
#include "stored.inc"
