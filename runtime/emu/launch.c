/* SPDX-License-Identifier: MIT */
/* Launches: the configuration is held to the limits of the device, then the
 * job's share of the blocks runs, one after the other. */
#include "emu.h"

#include <string.h>
#include <time.h>

/* wpk_emu.h's cudaLaunchConfig_t. */
struct attribute {
	int id;
	unsigned value[3];
};

struct config {
	struct emu_index grid, block;
	size_t shared;
	void *stream;
	const struct attribute *attributes;
	unsigned n_attributes;
};

enum { CLUSTER_DIMENSION = 4, PROGRAMMATIC = 6 };
enum { SHARED_DEFAULT = 48 << 10, KERNELS = 64 };

/* Kernels that asked for more than SHARED_DEFAULT, and how much. */
static struct {
	const void *kernel;
	int bytes;
} asked[KERNELS];

static int launches;

int wpk_emu_set_shared(const void *kernel, int bytes);
void wpk_emu_fence(void);
void wpk_emu_fence_proxy(void);
void wpk_emu_grid_wait(void);
void wpk_emu_atomic(const void *p, bool begins);
void wpk_emu_clear(void *p, int byte, size_t n);
int wpk_emu_launch(const void *config, const void *kernel,
	void (*invoke)(void *), void *closure);

int wpk_emu_set_shared(const void *kernel, int bytes)
{
	if (bytes > job.shared_limit)
		fault("launch", 0, "a kernel asks for %d bytes of shared "
			"memory, the device has %ld a block", bytes,
			job.shared_limit);
	for (int i = 0; i < KERNELS; i++)
		if (!asked[i].kernel || asked[i].kernel == kernel) {
			asked[i].kernel = kernel;
			asked[i].bytes = bytes;
			return 0;
		}
	fault("launch", 0, "more than %d kernels", KERNELS);
}

static size_t shared_allowed(const void *kernel)
{
	for (int i = 0; i < KERNELS; i++)
		if (asked[i].kernel == kernel &&
		    asked[i].bytes > SHARED_DEFAULT)
			return (size_t)asked[i].bytes;
	return SHARED_DEFAULT;
}

static void check(const struct config *c, const void *kernel)
{
	uint64_t threads = (uint64_t)c->block.x * c->block.y * c->block.z;

	if (threads == 0 || threads > THREADS_MAX || c->block.z > 64)
		fault("launch", 0, "a block of %u x %u x %u threads",
			c->block.x, c->block.y, c->block.z);
	if (!c->grid.x || !c->grid.y || !c->grid.z || c->grid.x > INT32_MAX ||
	    c->grid.y > 65535 || c->grid.z > 65535)
		fault("launch", 0, "a grid of %u x %u x %u blocks", c->grid.x,
			c->grid.y, c->grid.z);
	if (c->shared > shared_allowed(kernel))
		fault("launch", 0, "%zu bytes of shared memory at launch, the "
			"kernel may have %zu", c->shared,
			shared_allowed(kernel));
}

static struct emu_index cluster_of(const struct config *c)
{
	struct emu_index n = { 1, 1, 1 };

	for (unsigned i = 0; i < c->n_attributes; i++) {
		const struct attribute *a = &c->attributes[i];

		if (a->id == CLUSTER_DIMENSION)
			n = (struct emu_index){ a->value[0], a->value[1],
				a->value[2] };
	}
	if (!n.x || !n.y || n.z != 1 || (uint64_t)n.x * n.y > CLUSTER_MAX ||
	    c->grid.x % n.x || c->grid.y % n.y)
		fault("launch", 0, "clusters of %u x %u x %u blocks in a grid "
			"of %u x %u", n.x, n.y, n.z, c->grid.x, c->grid.y);
	return n;
}

static bool begins_early(const struct config *c)
{
	for (unsigned i = 0; i < c->n_attributes; i++)
		if (c->attributes[i].id == PROGRAMMATIC &&
		    c->attributes[i].value[0])
			return true;
	return false;
}

/* The "i"th of "n" in the job's order: late mode goes from last to first, so
 * that a block that relies on an earlier one, or spoils what a later one
 * writes, shows in one of the two runs; but not where they wait for each
 * other. */
static unsigned in_order(unsigned i, unsigned n)
{
	return job.late && !blocks_in_order ? n - 1 - i : i;
}

/* The cluster whose first block is "at". */
static void run_cluster(const struct launch *l, struct emu_index at,
	void (*invoke)(void *), void *closure)
{
	struct emu_index blocks[CLUSTER_MAX];
	int n = 0;

	for (unsigned y = 0; y < l->cluster.y; y++)
		for (unsigned x = 0; x < l->cluster.x; x++)
			blocks[n++] = (struct emu_index){ at.x + x, at.y + y,
				at.z };
	blocks_run(blocks, n, l->block, l->shared, invoke, closure);
}

/* All blocks of one x: the parts of one output tile, and whoever is in a
 * cluster with them. */
static void run_column(const struct launch *l, unsigned x,
	void (*invoke)(void *), void *closure)
{
	struct emu_index at = { x, 0, 0 };
	unsigned size = l->cluster.y;

	for (unsigned z = 0; z < l->grid.z; z++)
		for (unsigned y = 0; y < l->grid.y; y += size) {
			at.z = in_order(z, l->grid.z);
			at.y = in_order(y / size, l->grid.y / size) * size;
			run_cluster(l, at, invoke, closure);
		}
}

/* Was the cluster of the "i"th x to run that of one before? */
static bool has_run(const struct launch_part *part, unsigned i, unsigned n,
	unsigned size)
{
	unsigned x = part->x[in_order(i, n)] / size;

	for (unsigned k = 0; k < i && size > 1; k++)
		if (part->x[in_order(k, n)] / size == x)
			return true;
	return false;
}

static double processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The cluster of block "x", or all that share tiles with it. */
static void run_at(const struct launch *l, const struct launch_part *part,
	unsigned i, unsigned x, void (*invoke)(void *), void *closure)
{
	x = x / l->cluster.x * l->cluster.x;
	if (!part || !part->y)
		run_column(l, x, invoke, closure);
	else
		run_cluster(l, (struct emu_index){ x, part->y[i], 0 }, invoke,
			closure);
}

void launch_run(const struct launch *l, void (*invoke)(void *), void *closure)
{
	const struct launch_part *part = launches < job.n_launches ?
		&job.launches[launches] : NULL;
	bool some = part && part->some;
	unsigned size = l->cluster.x, n = some ? part->n : l->grid.x / size;
	double began = job.time ? processor_time() : 0;

	shared_open(l->shared);
	if (watch_launch)
		watch_launch(l->early);
	gridDim = l->grid;
	if (some && part->of)
		gridDim.x = part->of;
	if (some && part->of_y)
		gridDim.y = part->of_y;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = in_order(i, n);
		unsigned x = some ? part->x[at] : at * size;

		if (x >= gridDim.x)
			fault("job", 0, "block %u of a grid of %u", x,
				gridDim.x);
		if (!some || part->y || !has_run(part, i, n, size))
			run_at(l, some ? part : NULL, at, x, invoke, closure);
	}
	if (job.time)
		say("took %d %.9g", launches, processor_time() - began);
	say("launch %d ran %u of %u columns of %u blocks", launches++,
		some ? n : l->grid.x, l->grid.x, l->grid.y * l->grid.z);
}

int wpk_emu_launch(const void *config, const void *kernel,
	void (*invoke)(void *), void *closure)
{
	const struct config *c = config;
	struct launch l = { c->grid, c->block, cluster_of(c), c->shared,
		begins_early(c) };

	check(c, kernel);
	launch_run(&l, invoke, closure);
	return 0;
}

/* ---- what only a watched kernel's order of accesses depends on ---- */

void wpk_emu_fence(void)
{
	if (watch_fence)
		watch_fence();
}

void wpk_emu_grid_wait(void)
{
	if (watch_grid_wait)
		watch_grid_wait();
}

void wpk_emu_fence_proxy(void)
{
	mbarrier_fence();
	if (watch_proxy)
		watch_proxy();
}

void wpk_emu_atomic(const void *p, bool begins)
{
	if (watch_atomic)
		watch_atomic(p, begins);
}

void wpk_emu_clear(void *p, int byte, size_t n)
{
	memset(p, byte, n);
	if (watch_set)
		watch_set(p, n);
}
