/* SPDX-License-Identifier: MIT */
/* How much of a program to run. Small operators run whole. Of large ones, the
 * last launch runs in part, after all before it: the tiles at the corners, in
 * the middle of the edges, in the interior, and random ones, as many as the
 * work allows; all blocks of a tile run, and where blocks share out chunks of
 * tiles, the turns that have some of it. */
#include <math.h>
#include <string.h>

#include "driver/check_parts.h"

static const double default_work = 4e8;

enum { FEW = 2, SPECIAL = 9, MOST_TILES = 256 };

static double logical_elements(const struct ir_tensor *t)
{
	double n = 1;

	for (int d = 0; d < t->rank; d++)
		n *= (double)t->dims[d];
	return n;
}

/* Operations all outputs of "o" take. */
static double whole_work(const struct ir_operator *o)
{
	double sum = 0;

	for (int i = 0; i < o->n_outputs; i++)
		sum += ir_eval_cost(o, o->n_inputs + i) *
			logical_elements(&o->tensors[o->n_inputs + i]);
	return sum;
}

/* The last launch, and its number among launches (those that prepare constant
 * operands come first). NULL if it says nothing of its tiles. */
static const struct p_step *last_launch(const struct program *p, int *number)
{
	const struct p_step *last = NULL;

	*number = -1;
	for (int i = 0; i < p->prepare.n; i++)
		*number += p->prepare.v[i].kind == P_LAUNCH;
	for (int i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].kind == P_LAUNCH) {
			last = &p->steps.v[i];
			++*number;
		}
	return last && last->tiling.row ? last : NULL;
}

struct tile {
	int64_t batch, row, col;
};

static bool tile_at(const struct p_tiling *t, int64_t x, struct tile *out)
{
	out->batch = 0;
	return kx_eval(t->row, x, &out->row) && kx_eval(t->col, x, &out->col) &&
		(!t->batch_index || kx_eval(t->batch_index, x, &out->batch));
}

static int64_t tiles_of(const struct p_step *s)
{
	return s->tiling.tiles ? s->tiling.tiles : s->grid[0];
}

static int64_t least(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static int64_t tile_area(const struct p_tiling *t, const struct tile *at)
{
	int64_t rows = least(t->tile_rows, t->rows - at->row);
	int64_t cols = least(t->tile_cols, t->cols - at->col);

	return rows > 0 && cols > 0 ? rows * cols : 0;
}

static int64_t tiles_over(int64_t n, int64_t tile)
{
	return (n + tile - 1) / tile;
}

/* Special tile "i" of SPECIAL: first, middle or last in both directions. */
static struct tile special_tile(const struct p_tiling *t, int i)
{
	int64_t rows = tiles_over(t->rows, t->tile_rows);
	int64_t cols = tiles_over(t->cols, t->tile_cols);
	int64_t row[3] = { 0, rows - 1, rows / 2 };
	int64_t col[3] = { 0, cols - 1, cols / 2 };
	static const unsigned char order[SPECIAL] = {
		0, 4, 8, 1, 3, 2, 6, 5, 7
	};

	return (struct tile){ i % 2 ? t->batch - 1 : 0,
		row[order[i] / 3] * t->tile_rows,
		col[order[i] % 3] * t->tile_cols };
}

static bool chosen(const struct check *c, int64_t x)
{
	for (int i = 0; i < c->n_x; i++)
		if (c->x[i] == x)
			return true;
	return false;
}

/* Tile "x", and those of blocks that run in a cluster with its own. */
static void choose(struct check *c, const struct p_step *s, int64_t x)
{
	int n = s->kernel->cluster_y ? 1 : s->kernel->cluster;

	x -= x % n;
	if (chosen(c, x) || c->n_x + n > MOST_TILES)
		return;
	for (int i = 0; i < n; i++)
		c->x[c->n_x++] = x + i;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void choose_special(struct check *c, const struct p_step *s, int room)
{
	int64_t found[SPECIAL];
	struct tile want[SPECIAL], at;

	for (int i = 0; i < SPECIAL; i++) {
		want[i] = special_tile(&s->tiling, i);
		found[i] = -1;
	}
	for (int64_t x = 0; x < tiles_of(s); x++) {
		if (!tile_at(&s->tiling, x, &at))
			return;
		for (int i = 0; i < SPECIAL; i++)
			if (!memcmp(&at, &want[i], sizeof at))
				found[i] = x;
	}
	for (int i = 0; i < SPECIAL && c->n_x < room; i++)
		if (found[i] >= 0)
			choose(c, s, found[i]);
}

static void choose_random(struct check *c, const struct p_step *s, int room)
{
	uint64_t seed = mix(c->r->seed + 0x9e3779b97f4a7c15);

	for (int tries = 0; c->n_x < room && tries < 8 * MOST_TILES; tries++) {
		seed = mix(seed + 0x9e3779b97f4a7c15);
		choose(c, s, (int64_t)(seed >> 1) % tiles_of(s));
	}
}

/* ---- turns of blocks that share out chunks ---- */

/* The unit that has a chunk of the shared tiles, and the last tile that it has
 * some of, and the first. */
static int64_t unit_of(const struct p_stream *s, int64_t chunk)
{
	int64_t longer = s->more * (s->each + 1);

	return chunk < longer ? chunk / (s->each + 1) : (chunk - s->more) /
		s->each;
}

static int64_t range_of(const struct p_stream *s, int64_t unit)
{
	return unit * s->each + least(unit, s->more);
}

static int64_t last_tile(const struct p_stream *s, int64_t unit)
{
	return (range_of(s, unit + 1) - 1) / s->chunks;
}

static int64_t shared_turns(const struct p_stream *s, int64_t unit)
{
	return last_tile(s, unit) - range_of(s, unit) / s->chunks + 1;
}

static void add_turn(struct check *c, int64_t unit, int64_t turn, int mates)
{
	c->runs[c->n_runs++] = (struct check_block){ unit * mates, turn };
}

/* A tile, or one of a cluster's, by all that have some of it, in their order:
 * who adds up waits for the others. */
static void add_turns(struct check *c, const struct p_stream *s, int64_t tile,
	int mates)
{
	int64_t whole = tile - s->tiles, u, last;

	if (whole >= 0) {
		u = whole % s->units;
		add_turn(c, u, shared_turns(s, u) + whole / s->units, mates);
		return;
	}
	last = unit_of(s, (tile + 1) * s->chunks - 1);
	for (u = unit_of(s, tile * s->chunks); u <= last; u++)
		add_turn(c, u, last_tile(s, u) - tile, mates);
}

static void choose_turns(struct check *c, const struct p_step *s)
{
	const struct p_stream *t = &s->tiling.stream;
	int mates = s->kernel->cluster > 1 ? s->kernel->cluster : 1;
	int64_t shares = (t->chunks + t->each - 1) / t->each + 1;

	c->runs = ARENA_ARRAY(c->a, (size_t)(c->n_x * shares),
		struct check_block);
	for (int i = 0; i < c->n_x; i += mates)
		add_turns(c, t, c->x[i] / mates, mates);
	c->tiles = s->grid[0];
	for (int64_t u = 0; u < t->units; u++)
		if (c->turns < shared_turns(t, u) + t->rounds)
			c->turns = shared_turns(t, u) + t->rounds;
}

/* Results of the chosen tiles; false if some tile is not known. */
static bool results(const struct check *c, const struct p_step *s, int64_t *n)
{
	struct tile at;
	int64_t area;

	*n = 0;
	for (int i = 0; i < c->n_x; i++) {
		if (!tile_at(&s->tiling, c->x[i], &at))
			return false;
		if (!s->tiling.area)
			area = tile_area(&s->tiling, &at);
		else if (!kx_eval(s->tiling.area, c->x[i], &area))
			return false;
		*n += area;
	}
	return true;
}

/* Every result is as many elements of "t" as the whole has for all: one, or a
 * row of them. */
static void expect(struct check *c, const struct p_step *s,
	struct check_tensor *t)
{
	const struct p_tiling *g = &s->tiling;
	double all = g->area ? (double)g->results : (double)g->rows *
		(double)g->cols * (double)g->batch;
	double n = logical_elements(&c->r->op->tensors[t->ir]);
	int64_t part;

	t->part = true;
	t->expected = -1;
	if (all > 0 && n >= all && (int64_t)n % (int64_t)all == 0 &&
	    results(c, s, &part))
		t->expected = part * ((int64_t)n / (int64_t)all);
}

static void mark_parts(struct check *c, const struct p_step *s)
{
	int tensor = 0;

	for (int i = 0; i < c->r->program->tensors.n; i++) {
		enum p_role role = c->r->program->tensors.v[i].role;

		if (role != P_IN && role != P_OUT)
			continue;
		for (int j = 0; j < s->n_args && role == P_OUT; j++)
			if (s->args[j] == i && s->kernel->globals.v[j]->written)
				expect(c, s, &c->tensors[tensor]);
		tensor++;
	}
}

/* What emulating a launch costs, in multiply-adds of the reference: a thread
 * that meets barriers and shuffles takes about as long as a hundred. */
static double launch_work(const struct p_step *s)
{
	static const double thread = 100;

	return s ? thread * (double)tiles_of(s) * (double)s->grid[1] *
		s->kernel->threads : 0;
}

/* Tiles that fit the work, between FEW and MOST_TILES. */
static int room_for(const struct check *c, double all, double work)
{
	double n = (double)c->out->all_tiles * work / all;

	if (n < FEW)
		return FEW;
	return n < MOST_TILES ? (int)n : MOST_TILES;
}

/* Watching takes some ten times as long as running, but what is in no order is
 * so in every tile; bytes are counted of the whole. */
static double work_of(const struct check *c)
{
	unsigned watch = c->r->how & CHECK_WATCH;

	if (c->r->work > 0)
		return c->r->work;
	return watch && !(watch & CHECK_BYTES) ? default_work / 4 : default_work;
}

/* The less there is to run, the less does it pay to compile it well. */
static int level_for(double work)
{
	return work <= 1e5 ? 0 : work <= 1e6 ? 1 : 2;
}

void check_choose(struct check *c)
{
	double work = work_of(c);
	const struct p_step *s = last_launch(c->r->program, &c->launch);
	double all = fmax(whole_work(c->r->op), launch_work(s));
	int room;

	c->level = level_for(all);
	c->out->whole = true;
	c->out->all_tiles = s ? tiles_of(s) : 1;
	c->out->tiles = c->out->all_tiles;
	if (!s || all <= work || tiles_of(s) <= FEW) {
		c->launch = -1;
		return;
	}
	c->tiles = s->tiling.tiles;
	c->x = ARENA_ARRAY(c->a, MOST_TILES, int64_t);
	room = room_for(c, all, work);
	choose_special(c, s, room);
	choose_random(c, s, room);
	c->out->whole = c->n_x >= tiles_of(s);
	c->out->tiles = c->n_x;
	if (c->out->whole) {
		c->launch = -1;
		return;
	}
	mark_parts(c, s);
	if (s->tiling.stream.units)
		choose_turns(c, s);
}
