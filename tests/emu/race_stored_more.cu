/* One copy more is left under way than there are slots beside.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define READ if (t == 0) copy_bulk_wait_read<2>()
#include "stored.inc"
