/* Sums go to memory in order, group by group.
 * EXPECT early: done
 * EXPECT late: done */
#define STATEMENT if (t == 0) { copy_bulk_store(x, box + 4, 16); \
	copy_bulk_commit(); copy_bulk_store(x + 8, box, 16); \
	copy_bulk_commit(); copy_bulk_wait<1>(); copy_bulk_add_f32(x, box + \
	8, 32); copy_bulk_commit(); copy_bulk_wait<0>(); x[0] = x[0] == 4 + 8 \
	&& x[3] == 7 + 11 && x[4] == 12 && x[8] == 0 && x[11] == 3; }
#include "hopper.inc"
