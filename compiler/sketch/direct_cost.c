/* SPDX-License-Identifier: MIT */
/* What a point of the direct sketch costs: instructions, wavefronts of shared
 * memory and bytes of one block, counted from its plan. Conflicts of banks are
 * those of the first warp. */
#include "sketch/direct.h"


#include "sketch/walk.h"

enum { WARP = 32, LANES_SEEN = 32, BANKS = 32 };

/* Of lanes that want these words, the most that one bank serves one after the
 * other: each waits for those before it with other words of its bank. */
static int served(const uint32_t *word, int lanes)
{
	struct {
		uint32_t word[LANES_SEEN];
		int times[LANES_SEEN], n, all;
	} bank[BANKS];
	uint32_t used = 0;
	int most = 1;

	for (int i = 0; i < lanes; i++) {
		int b = (int)(word[i] % BANKS), k = 0, waits;

		if (!(used >> b & 1))
			bank[b].n = bank[b].all = 0;
		used |= (uint32_t)1 << b;
		while (k < bank[b].n && bank[b].word[k] != word[i])
			k++;
		if (k == bank[b].n) {
			bank[b].word[k] = word[i];
			bank[b].times[k] = 0;
			bank[b].n++;
		}
		waits = bank[b].all++ - bank[b].times[k]++;
		most = waits + 1 > most ? waits + 1 : most;
	}
	return most;
}

/* Wavefronts of one load by a warp: lanes read "bytes" each at byte addresses
 * "at"; a wavefront serves 128 bytes from 32 banks, 16 bytes of eight lanes. */
static double wavefronts(const int64_t *at, int lanes, int bytes)
{
	int group = bytes >= 16 ? 8 : bytes >= 8 ? 16 : 32;
	uint32_t word[LANES_SEEN];
	double sum = 0;

	for (int i = 0; i < lanes; i++)
		word[i] = (uint32_t)(at[i] / 4);
	for (int first = 0; first < lanes; first += group)
		sum += served(word + first, lanes - first < group ?
			lanes - first : group);
	return sum;
}

/* Byte addresses of a warp's lanes, "pitch" elements apart along each axis. */
static int warp_addresses(const struct direct *d, const struct direct_plan *p,
	const int64_t *pitch, int elem, int64_t *at)
{
	int lanes = p->working < LANES_SEEN ? p->working : LANES_SEEN;

	int lane[DIRECT_AXES] = { 0 };
	int64_t here = 0;

	for (int n = 0; n < lanes; n++) {
		at[n] = here * elem;
		for (int i = d->n_out - 1; i >= 0; i--) {
			here += p->thread[i] * pitch[i];
			if (++lane[i] < p->lanes[i])
				break;
			here -= lane[i] * p->thread[i] * pitch[i];
			lane[i] = 0;
		}
	}
	return lanes;
}

static double window_waves(const struct direct *d, const struct direct_plan *p)
{
	int64_t pitch[DIRECT_AXES] = { 0 }, at[LANES_SEEN];
	int lanes;

	for (int i = 0; i < d->n_out; i++)
		for (int k = 0; k < d->x.n_dims; k++)
			pitch[i] += d->x.dims[k].out[i] * p->pitch[k];
	lanes = warp_addresses(d, p, pitch, d->x.elem, at);
	return wavefronts(at, lanes, p->seg_vec * d->x.elem);
}

static double weight_waves(const struct direct *d, const struct direct_plan *p,
	int n)
{
	int64_t at[LANES_SEEN];
	int lanes = warp_addresses(d, p, p->w[n].out, d->w[n].elem, at);

	return wavefronts(at, lanes, p->w[n].vec * d->w[n].elem);
}

/* Bytes asked of L2 for a row of "n" bytes that starts anywhere, or on a
 * vector of "vec" bytes. */
static double sectors(double n, int vec)
{
	return n + (vec < 32 ? 32 - vec : 0);
}

static double least(double x, double y)
{
	return x < y ? x : y;
}

struct passes {
	double points, outer;	/* of a thread: all of the reduction, segments */
};

static struct passes count_passes(const struct direct *d,
	const struct direct_plan *p)
{
	struct passes n = { 1, 1 };

	for (int r = 0; r < d->n_red; r++) {
		n.points *= (double)d->red[r].extent;
		n.outer *= (double)(d->red[r].extent / p->inner[r]);
	}
	return n;
}

/* Elements of "w" that a block reads in all, and a thread at one point. */
static double weight_elements(const struct direct *d,
	const struct direct_plan *p, int n, double *own)
{
	double all = 1;

	*own = 1;
	for (int i = 0; i < d->n_out; i++)
		if (d->w[n].out[i]) {
			all *= (double)p->tile[i];
			*own *= p->thread[i];
		}
	for (int r = 0; r < d->n_red; r++)
		if (d->w[n].red[r])
			all *= (double)d->red[r].extent;
	return all;
}

/* Of one block: what its warps issue and what they ask of shared memory and
 * L2. */
struct work {
	double issue, waves, bytes;
};

/* Bytes of the box that lie within the tensor: whole rows follow each other in
 * memory, parts of rows share sectors with their neighbours. */
static double staged_bytes(const struct direct *d, const struct direct_plan *p)
{
	int last = d->x.n_dims - 1;
	const struct direct_dim *x = &d->x.dims[last];
	double rows = 1, row = least((double)p->box[last], (double)x->size);

	for (int k = 0; k < last; k++)
		rows *= least((double)p->box[k], (double)d->x.dims[k].size);
	if (x->stride != 1)
		return rows * row * 32;
	row *= d->x.elem;
	return p->box[last] >= x->size ? sectors(rows * row, 32) :
		rows * sectors(row, p->vec * d->x.elem);
}

static void add_staging(const struct direct *d, const struct direct_plan *p,
	struct work *w)
{
	int guards = 0, bytes = p->vec * d->x.elem;
	double copies = (double)p->box_elements / p->vec * (double)p->chunks;

	for (int i = 0; i < d->x.n_dims; i++)
		guards += p->outside[i];
	w->issue += copies / WARP * (3 + 3 * d->x.n_dims + 2 * guards +
		!p->async);
	w->waves += copies * bytes / 128;
	w->bytes += staged_bytes(d, p) * (double)p->chunks;
}

static void add_weights(const struct direct *d, const struct direct_plan *p,
	const struct passes *n, struct work *w)
{
	double warps = p->threads / (double)WARP;

	for (int i = 0; i < d->n_w; i++) {
		double own, all = weight_elements(d, p, i, &own);
		double loads = n->points * own / p->w[i].vec;

		w->bytes += sectors(all * d->w[i].elem, 4);
		w->issue += warps * loads;
		if (d->w[i].elem < 4)
			w->issue += warps * n->points * own;
		if (p->cached) {
			w->issue += all / WARP * 10;
			w->waves += all / WARP * 4 + warps * loads *
				weight_waves(d, p, i);
		} else {
			w->waves += warps * loads * (p->w[i].vec > 1 ? 4 : 1);
			w->issue += warps * loads;
		}
	}
}

static void add_compute(const struct direct *d, const struct direct_plan *p,
	const struct passes *n, struct work *w)
{
	double warps = p->threads / (double)WARP;
	double loads = n->outer * (double)p->seg_elements / p->seg_vec;

	w->issue += warps * (n->points * p->acc_elements * d->issue + loads +
		n->outer * 8 / p->unroll);
	if (d->x.elem < 4)
		w->issue += warps * n->outer * (double)p->seg_elements;
	w->waves += warps * loads * window_waves(d, p);
}

/* Sectors that a warp's store of output "o" asks for, in parts of what it
 * writes: threads that own more neighbours than one store takes leave gaps. */
static double store_waste(const struct direct *d, const struct direct_plan *p,
	const struct output *o)
{
	int last = d->n_out - 1, elem = dtype_row(o->tensor->type)->bits / 8;
	int v = p->store_vec < o->vec_n ? p->store_vec : o->vec_n;
	double gap = p->shared ? 1 : (double)p->thread[last] / v;
	double row = (double)p->tile[last] * elem;

	gap = least(gap, gap > 1 ? 32.0 / (v * elem) : 1);
	if (p->tiles[last] > 1 && row < 32)
		gap = gap > 32 / row ? gap : 32 / row;
	return gap > 1 ? gap : 1;
}

/* Results, and what is read beside the window and the weights. */
static double epilogue_traffic(const struct direct *d,
	const struct direct_plan *p)
{
	double rest = d->dram_bytes;

	rest -= (double)d->x.tensor->elements * d->x.elem;
	for (int i = 0; i < d->n_w; i++)
		rest -= (double)d->w[i].tensor->elements * d->w[i].elem;
	if (rest < 0)
		rest = 0;
	for (int i = 0; i < d->epilogue.n; i++) {
		const struct output *o = &d->epilogue.outputs[i];

		if (o->stored)
			rest += (store_waste(d, p, o) - 1) *
				(double)o->tensor->elements *
				dtype_row(o->tensor->type)->bits / 8;
	}
	return rest;
}

void direct_cost(const struct direct *d, const struct direct_plan *p,
	struct features *out)
{
	struct passes n = count_passes(d, p);
	struct work w = { 0, 0, 0 };
	double results = 1, computed = 1, blocks = (double)p->blocks;

	for (int i = 0; i < d->n_out; i++) {
		results *= (double)d->out[i].extent;
		computed *= (double)(p->tiles[i] * p->tile[i]);
	}
	add_staging(d, p, &w);
	add_weights(d, p, &n, &w);
	add_compute(d, p, &n, &w);
	if (p->shared) {
		w.issue += 14.0 * (double)p->tile_elements / WARP;
		w.waves += (double)p->tile_elements / WARP * (1 +
			p->thread[d->n_out - 1]);
	}
	w.issue += p->threads / (double)WARP * (60 + 6.0 * p->acc_elements *
		d->epilogue.n / p->store_vec);
	*out = (struct features){
		.flops = 2 * computed * n.points * (d->reduces ? 1 : d->ops),
		.issue = blocks * w.issue,
		.dram_bytes = d->dram_bytes,
		.l2_bytes = blocks * w.bytes + epilogue_traffic(d, p),
		.smem_cycles = blocks * w.waves,
		.blocks = blocks, .threads = p->threads, .regs = p->regs,
		.smem = (int)p->shared_bytes, .occupancy = p->occupancy,
		.chain = 900 + (double)p->chunks * (p->stages > 1 ? 100 : 650) +
			(p->shared ? 90 : 0),
		.ilp = p->acc_elements, .stages = p->stages, .launches = 1,
		.useful = results / computed,
	};
}

bool direct_price(const struct task *t, const int *values, struct features *out)
{
	struct direct_plan p;
	bool legal = !direct_plan(t, NULL, values, &p);

	if (legal)
		direct_cost(t->state, &p, out);
	return legal;
}

void direct_least(const struct task *t, struct features *out)
{
	const struct direct *d = t->state;
	double n = d->reduces ? 1 : d->ops;

	for (int i = 0; i < d->n_out; i++)
		n *= (double)d->out[i].extent;
	for (int r = 0; r < d->n_red; r++)
		n *= (double)d->red[r].extent;
	*out = (struct features){ .launches = 1, .flops = 2 * n,
		.dram_bytes = d->dram_bytes };
}
