/* SPDX-License-Identifier: MIT */
/* Which levels of factors go together: what the sketches for tensor cores take, have
 * registers for and shared memory. */
#include <string.h>

#include "tensor_cases.h"

/* Wider tiles leave threads that copy no registers. */
enum { BULK_COLS = 128 };

/* Does the reduction lie innermost in the factor of an instruction's rows, and of
 * its columns? */
static bool rows_inner(const struct tensor_case *c)
{
	return tensor_k_inner(c, c->level[BY_SWAP]);
}

static bool cols_inner(const struct tensor_case *c)
{
	return tensor_k_inner(c, !c->level[BY_SWAP]);
}

/* Is a factor turned round on its way, one by one? Rows are not that come from
 * registers. Levels may be -1. */
static bool turns(const struct tensor_case *c)
{
	if (!c->of->pairs_alone || c->level[BY_LAYOUT] <= 0 ||
	    dtype_row(tensor_type(c)->dtype)->bits == 16)
		return false;
	if (!tensor_in_registers(c))
		return c->level[BY_WORK] >= 0;
	return c->level[BY_SWAP] >= 0 && !cols_inner(c);
}

static int bits_of(enum dtype t)
{
	return dtype_row(t)->bits;
}

/* That a value of the rows has in shared memory. */
static int raw_bits(const struct tensor_case *c)
{
	const struct tensor_type *t = tensor_type(c);

	switch (c->level[BY_WORK]) {
	case WORK_CONVERTED_REGISTER:
		return bits_of(t->raw);
	case WORK_UNPACKED_REGISTER:
		return 4;
	default:
		return bits_of(t->dtype);
	}
}

/* Bytes of a stage of the tile, whose rows may be as they lie in memory, and whose
 * columns may be in two parts. */
static int stage_bytes_of(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	const struct tensor_type *type = tensor_type(c);
	int rows = t->rows * t->bytes * raw_bits(c) / bits_of(type->dtype);

	return rows + t->cols * t->bytes * (c->of->tiles && tensor_thrice(c) ?
		2 : 1);
}

/* Rows that lie along the reduction are of 16 bytes at least, in bulk copies of 32 to
 * 128. */
static bool raw_rows_fit(const struct tensor_case *c)
{
	int bytes = tensor_tile(c)->bytes * raw_bits(c) /
		bits_of(tensor_type(c)->dtype);

	if (!rows_inner(c))
		return true;
	return tensor_pipeline(c)->async == 2 ? bytes >= 32 && bytes <= 128 :
		bytes >= 16;
}

/* What is computed on its way passes through registers, which 512 threads lack, and
 * 384 that also take f32 apart; fragments take turns within a chunk; and what is
 * converted needs room as it lies in memory. Levels may be -1. */
static bool work_can_be(const struct tensor_case *c)
{
	const int *l = c->level;
	bool tile = l[BY_TILE] >= 0, pipeline = l[BY_PIPELINE] >= 0;

	if (l[BY_TYPE] >= 0 && tensor_type(c)->promote && l[BY_WORK] > WORK_NONE)
		return false;
	if (l[BY_TYPE] >= 0 && tensor_thrice(c) && l[BY_WORK] >= 0 &&
	    l[BY_WORK] < WORK_NONE_REGISTER)
		return false;
	if (l[BY_TYPE] >= 0 && tensor_thrice(c) && tile &&
	    tensor_tile(c)->threads > 256 && l[BY_STORE] > 0)
		return false;
	if (l[BY_TYPE] >= 0 && tensor_thrice(c) && tile &&
	    (tensor_tile(c)->bytes < 64 || (pipeline &&
		!tensor_pipeline(c)->async && tensor_tile(c)->threads > 256)))
		return false;
	if (tensor_unpacked(c) && l[BY_EDGE] == EDGE_ODD)
		return false;
	if (tensor_made(c))
		return (!pipeline || !tensor_pipeline(c)->async) &&
			l[BY_ROUNDS] <= ROUNDS_NONE && (!tile ||
			(tensor_tile(c)->cols <= BULK_COLS &&
			tensor_tile(c)->threads <
				(l[BY_STORE] > 0 ? 384 : 512)));
	if (l[BY_WORK] < WORK_NONE_REGISTER)
		return true;
	if (tile && tensor_tile(c)->bytes < 64)
		return false;
	if (l[BY_WORK] == WORK_CONVERTED_REGISTER && pipeline &&
	    tensor_pipeline(c)->async && l[BY_EDGE] == EDGE_ODD)
		return false;
	return !pipeline || !tile || l[BY_TYPE] < 0 || ((l[BY_LAYOUT] < 0 ||
		l[BY_SWAP] < 0 || raw_rows_fit(c)) && stage_bytes_of(c) *
		tensor_pipeline(c)->stages <= 220 << 10);
}

/* Asynchronous copies move 4 bytes or more, which neither odd sizes of narrow
 * types allow, nor what is turned round; bulk copies turn nothing. */
static bool copies(const struct tensor_case *c)
{
	bool narrow = dtype_row(tensor_type(c)->dtype)->bits < 32;

	switch (tensor_pipeline(c)->async) {
	case 0:	return true;
	case 1:	return !narrow || (c->level[BY_EDGE] != EDGE_ODD && !turns(c));
	default: return !turns(c);
	}
}

/* Has each result two sums? */
static bool is_promoted(const struct tensor_case *c)
{
	const char *promote = tensor_type(c)->promote;

	return promote && strcmp(promote, "fast") != 0;
}

/* Bytes that go one by one take registers, too many of a large tile, or of 512
 * threads that have two sums of each result. */
static bool holds(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);

	return (t->bytes < 64 && t->cols <= 64 && !(is_promoted(c) &&
			t->threads == 512)) || (!turns(c) &&
		c->level[BY_EDGE] != EDGE_ODD) ||
		dtype_row(tensor_type(c)->dtype)->bits > 8;
}

/* Do columns divide a power of two, or all threads? */
static bool is_even(const struct tensor_tile *t)
{
	return (t->cols & (t->cols - 1)) == 0 || t->threads % t->cols == 0;
}

/* Tiles that lie along columns are read in panels of 16, and those that threads
 * copy are dealt out evenly. */
static bool has_panels(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);

	return cols_inner(c) || ((turns(c) || t->cols % 16 == 0) &&
		(tensor_pipeline(c)->async == 2 || is_even(t)));
}

/* Beside all stages there is room for the sums that a cluster joins, padded
 * along either side. */
static bool has_room(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	int stages = tensor_pipeline(c)->stages * stage_bytes_of(c);

	return !tensor_split(c)->joined || stages + (t->rows + 8) *
		(t->cols + 8) * 4 <= 220 << 10;
}

/* Beside all stages there is room for what is stored at once: two parts of 64 rows
 * for each four warps, of elements of 4 bytes at most, or, of two outputs, of 4 and
 * 2. */
static bool has_room_to_store(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	int n = tensor_store(c) < t->cols ? tensor_store(c) : t->cols;
	int stages = tensor_pipeline(c)->stages * stage_bytes_of(c);
	int crews = c->level[BY_ROUNDS] == ROUNDS_PINGPONG ? 2 : 1;
	int groups = tensor_threads(c) / 128;
	int parts = t->rows / 64 * crews / groups * (t->cols / n);

	int elem = c->level[BY_ENDING] == ENDING_SEVERAL ? 6 : 4;

	return stages + groups * (parts > 1 ? 2 : 1) * 64 * n * elem <=
		226 << 10;
}

/* Bulk stores are of whole rows that start at multiples of 16 bytes, and of
 * columns that divide the tile's in multiples of 16. What waits for them takes
 * registers, which 512 threads that copy one by one lack. Levels may be -1. */
static bool store_can_be(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	int n = tensor_store(c);

	if (!n)
		return true;
	if (c->level[BY_SPLIT] >= 0 && tensor_split(c)->joined)
		return false;
	if (c->level[BY_TILE] >= 0 && c->level[BY_PIPELINE] >= 0 &&
	    c->level[BY_ROUNDS] >= 0 && !has_room_to_store(c))
		return false;
	if (c->level[BY_TILE] >= 0 && c->level[BY_TYPE] >= 0 && turns(c) &&
	    t->threads == 512)
		return false;
	return c->level[BY_EDGE] != EDGE_ODD && (c->level[BY_TILE] < 0 ||
		(t->cols % 16 == 0 && (n > t->cols || t->cols % n == 0)));
}

/* Four warps share out chunks where blocks are persistent; 384 threads with a tile
 * as large as there is have no registers for that and for bulk stores. Levels may
 * be -1. */
static bool streams_can_be(const struct tensor_case *c)
{
	const int *l = c->level;

	if (l[BY_SPLIT] < 0 || !tensor_split(c)->streams)
		return true;
	if (l[BY_TYPE] >= 0 && is_promoted(c))
		return false;
	if (!c->of->tiles)
		return true;
	if (l[BY_TILE] >= 0 && tensor_in_registers(c) &&
	    tensor_tile(c)->threads > 256)
		return false;
	if ((l[BY_PIPELINE] >= 0 && tensor_pipeline(c)->async != 2) ||
	    l[BY_EDGE] == EDGE_ODD || (l[BY_TYPE] >= 0 && turns(c)) ||
	    tensor_made(c))
		return false;
	if (l[BY_TILE] >= 0 && l[BY_STORE] >= 0 && tensor_store(c) &&
	    tensor_tile(c)->cols > 128)
		return false;
	return l[BY_ROUNDS] < 0 || l[BY_ROUNDS] == ROUNDS_ALL;
}

/* Persistent blocks copy by bulk, and sum all of a tile, which of two crews each
 * keeps alone, or share out chunks. Levels may be -1. */
static bool rounds_can_be(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	const int *l = c->level;

	if (l[BY_ROUNDS] == ROUNDS_NONE)
		return true;
	if ((l[BY_PIPELINE] >= 0 && tensor_pipeline(c)->async != 2) ||
	    l[BY_EDGE] == EDGE_ODD || (l[BY_SPLIT] >= 0 && tensor_split(c)->parts > 1 &&
		!tensor_split(c)->streams))
		return false;
	if (l[BY_TYPE] >= 0 && turns(c))
		return false;
	if (l[BY_TILE] >= 0 && l[BY_TYPE] >= 0 && is_promoted(c) &&
	    l[BY_ROUNDS] == ROUNDS_PINGPONG && t->rows * t->cols > 128 * 64)
		return false;
	return l[BY_TILE] < 0 || l[BY_ROUNDS] == ROUNDS_ALL ||
		t->rows * t->cols < 192 * (tensor_in_registers(c) ? 96 : 160);
}

/* Levels may be -1 but for the type and the tile. */
static bool tile_can_be(const struct tensor_case *c)
{
	if (is_promoted(c) && tensor_tile(c)->cols > 128)
		return false;
	return holds(c) && (c->level[BY_PIPELINE] < 0 || c->level[BY_SPLIT] < 0 ||
		has_room(c)) && (c->level[BY_LAYOUT] < 0 || c->level[BY_SWAP] < 0 ||
		c->level[BY_PIPELINE] < 0 || has_panels(c));
}

/* Those that join parts are of sm_90 and later, where a warp's sums are not
 * short. */
static bool has_clusters(const struct tensor_case *c)
{
	return c->of->tiles || !tensor_type(c)->promote || !tensor_split(c)->joined;
}

/* Statistics are of whole sums, and of an instruction's rows where four warps
 * multiply; a side that ends within a tile is 16 less than that. Levels may be
 * -1. */
static bool ending_can_be(const struct tensor_case *c)
{
	const int *l = c->level;
	bool columns = l[BY_ENDING] == ENDING_COLUMNS;

	if (!tensor_measures(c))
		return true;
	if (l[BY_SPLIT] >= 0 && tensor_split(c)->parts > 1)
		return false;
	if (!c->of->tiles)
		return true;
	if (l[BY_STORE] > 0 || (l[BY_SWAP] >= 0 && l[BY_SWAP] != columns))
		return false;
	if (l[BY_WORK] == WORK_COMPUTED && l[BY_TILE] >= 0 &&
	    tensor_tile(c)->threads > 256)
		return false;
	return l[BY_TILE] < 0 || l[BY_EDGE] <= EDGE_WHOLE ||
		tensor_tile(c)->cols >= 32;
}

bool tensor_fits(const struct tensor_case *c)
{
	const int *l = c->level;
	bool bulk = l[BY_PIPELINE] >= 0 && tensor_pipeline(c)->async == 2;
	bool bulk_alone = c->of->tiles && l[BY_TILE] >= 0 &&
		tensor_tile(c)->cols > BULK_COLS;

	if ((bulk || bulk_alone) && l[BY_EDGE] == EDGE_ODD)
		return false;
	if (bulk_alone && l[BY_PIPELINE] >= 0 && !bulk)
		return false;
	if (l[BY_ROUNDS] >= 0 && !rounds_can_be(c))
		return false;
	if (!streams_can_be(c) || !ending_can_be(c))
		return false;
	if (l[BY_STORE] >= 0 && !store_can_be(c))
		return false;
	if (c->of->tiles && !work_can_be(c))
		return false;
	if (c->of->tiles && l[BY_TYPE] >= 0 && l[BY_TILE] >= 0 &&
	    is_promoted(c) && tensor_tile(c)->threads == 384 &&
	    (l[BY_STORE] > 0 || (l[BY_PIPELINE] >= 0 &&
		!tensor_pipeline(c)->async)))
		return false;
	if (l[BY_TYPE] >= 0 && l[BY_PIPELINE] >= 0 && !copies(c))
		return false;
	if (l[BY_TYPE] >= 0 && l[BY_SPLIT] >= 0 && !has_clusters(c))
		return false;
	return !c->of->tiles || l[BY_TYPE] < 0 || l[BY_TILE] < 0 ||
		tile_can_be(c);
}
