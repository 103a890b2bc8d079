/* SPDX-License-Identifier: MIT */
/* The analytic estimate: the features of a candidate and the rates of a chip
 * come in, seconds go out. Every term is a bound: no rate is ever exceeded, so
 * the estimate is optimistic, and it never falls when a rate does. It is for
 * ranking candidates; a GPU, where there is one, decides.
 *
 * A block's work W, in cycles of an SM that it has for itself:
 *
 *	W = max(fma, tensor, special, issue, shared), where
 *	fma	= flops / 2 / lanes	  tensor  = tensor / its rate
 *	issue	= issue / SCHEDULERS	  special = special / SFU_RATE
 *	shared	= smem_cycles
 *
 * each divided by "blocks". With too few warps the SM waits: one warp of a
 * scheduler computes for ilp cycles on what it then waits SHARED_LATENCY
 * cycles for, so n warps keep it busy for a share of
 *
 *	hide(n) = min(1, n ilp / (ilp + SHARED_LATENCY))
 *
 * and a block cannot end before  alone = chain + W / hide(its warps).
 * r blocks resident together are done after  wave(r) = max(r W, alone): they
 * fill each other's waits, as far as there is work. The busiest SM gets
 * ceil(blocks / sms) blocks, "occupancy" at a time, and
 *
 *	T_sm = (full waves) wave(occupancy) + wave(what is left)
 *
 * is where wave quantisation comes from. Memory is shared by all SMs:
 *
 *	T_l2	= l2_bytes / (l2 rate used by the SMs that have blocks)
 *	T_dram	= (compulsory + refetched) / (copy rate * share)
 *
 * where "share" follows from Little's law: no more bytes arrive than are in
 * flight over DRAM_LATENCY. Operands larger than L2 are fetched again, once by
 * each set of blocks that run together: S blocks in a square share rows and
 * columns, so they ask DRAM for 1/sqrt(S) of what they ask of L2. In all
 *
 *	T = launches * launch + norm(T_sm, T_l2, T_dram)
 *
 * with norm(x..) = (sum x^8)^(1/8) for max, in W as well: bounds that are near
 * each other also delay each other, and candidates with the same largest bound
 * rank by the next. It exceeds max by at most 19 % (four equal terms). */
#include <math.h>

#include "schedule/target.h"
#include "search/search.h"

/* Warp schedulers of an SM, one instruction a cycle each: all of compute
 * capability 7.0 to 12.x (CUDA C++ Programming Guide, "Compute
 * Capabilities": "4 warp schedulers"). */
#define SCHEDULERS 4.0
/* Special functions a cycle and SM, same guide, "Throughput of Native
 * Arithmetic Instructions", row "reciprocal, reciprocal square root, base-2
 * logarithm, base 2 exponential": 16 from 7.5 on. */
#define SFU_RATE 16.0
/* Cycles of a load from shared memory: 29.0 on A100 and H100, 30.1 on an RTX
 * 4090 (Luo et al., "Benchmarking and Dissecting the Nvidia Hopper GPU",
 * arXiv:2402.13499, latency table). */
#define SHARED_LATENCY 30.0
/* Cycles of a load from DRAM: 466 on A100, 479 on H100, 542 on an RTX 4090
 * (same table). */
#define DRAM_LATENCY 500.0
/* Bytes a cycle between one SM and L2 (NVIDIA A100 whitepaper: 5120 B/clk in
 * all over 108 SMs is 47 a SM asked, 64 the port of one). */
#define L2_PORT 64.0
/* Bytes of the widest load a thread can have in flight (PTX ISA, ld.v4). */
#define WIDEST_LOAD 16.0

static double least(double x, double y)
{
	return x < y ? x : y;
}

static double most(double x, double y)
{
	return x > y ? x : y;
}

/* (sum x^8)^(1/8), scaled by the largest so that nothing underflows. */
static double norm(const double *x, int n)
{
	double largest = 0, sum = 0;

	for (int i = 0; i < n; i++)
		largest = most(largest, x[i]);
	if (largest == 0)
		return 0;
	for (int i = 0; i < n; i++)
		sum += x[i] == largest ? 1 : x[i] == 0 ? 0 :
			pow(x[i] / largest, 8);
	return largest * pow(sum, 0.125);
}

static double work_of_block(const struct features *f, const struct gpu *g)
{
	double terms[] = {
		f->flops / 2 / g->f32_lanes_sm, f->tensor / g->tensor_sm,
		f->special / SFU_RATE, f->issue / SCHEDULERS, f->smem_cycles,
	};

	return norm(terms, 5) / most(f->blocks, 1);
}

static double hide(const struct features *f)
{
	double warps = ceil(f->threads / 32.0), ilp = most(f->ilp, 1);

	return least(1, warps / SCHEDULERS * ilp / (ilp + SHARED_LATENCY));
}

/* Multiprocessors that blocks run on, all with as many as there is room for: where
 * they are clusters some are left over. */
static double sms_of(const struct features *f, const struct gpu *g)
{
	if (f->cluster < 2)
		return g->sms;
	return least(g->sms, (double)gpu_clusters(g, f->occupancy, f->cluster) *
		f->cluster / f->occupancy);
}

/* Cycles of the busiest SM. */
static double sm_cycles(const struct features *f, const struct gpu *g)
{
	double blocks = ceil(most(f->blocks, 1) / sms_of(f, g));
	double work = work_of_block(f, g), resident = f->occupancy;
	double alone = f->chain + work / hide(f);
	double full = floor(blocks / resident);
	double rest = blocks - full * resident;
	double cycles = full * most(resident * work, alone);

	return rest > 0 ? cycles + most(rest * work, alone) : cycles;
}

/* Blocks that run at the same time. */
static double concurrent(const struct features *f, const struct gpu *g)
{
	return least(most(f->blocks, 1), sms_of(f, g) * f->occupancy);
}

static double l2_seconds(const struct features *f, const struct gpu *g)
{
	double sms = least(most(f->blocks, 1), sms_of(f, g));
	double ports = sms * L2_PORT * g->clock_mhz * 1e6;

	return f->l2_bytes / least(g->l2_bytes_s, ports);
}

/* Bytes one block has on their way. Where the sketch does not say, a staged
 * kernel has all buffers but the one in use; others as many of the widest loads
 * as run ahead. At least one load a thread is always out, but not all the time:
 * half of it counts. */
static double block_in_flight(const struct features *f)
{
	double ahead = most(f->stages, 0.5);
	double all = f->l2_bytes / most(f->blocks, 1);

	if (f->flight > 0)
		return least(all, f->flight);
	if (f->smem > 0 && f->stages > 0)
		return least(all, f->smem * ahead / (ahead + 1));
	return least(all, f->threads * ahead * WIDEST_LOAD);
}

/* Compulsory, and fetched again. */
static double dram_bytes(const struct features *f, const struct gpu *g)
{
	double spill = f->dram_bytes > g->l2_bytes
		? 1 - g->l2_bytes / f->dram_bytes : 0;
	double again = f->l2_bytes / sqrt(concurrent(f, g)) - f->dram_bytes;

	return f->dram_bytes + spill * most(0, again);
}

static double dram_seconds(const struct features *f, const struct gpu *g)
{
	double rate = g->dram_bytes_s * g->copy, bytes = dram_bytes(f, g);
	double flying = concurrent(f, g) * block_in_flight(f);
	double arrive = flying / (DRAM_LATENCY / (g->clock_mhz * 1e6));

	return bytes > 0 ? bytes / least(rate, most(arrive, 1)) : 0;
}

bool model_terms(const struct features *f, const struct gpu *g, double *terms)
{
	if (f->occupancy < 1 || f->threads < 1)
		return false;
	terms[0] = sm_cycles(f, g) / (g->clock_mhz * 1e6);
	terms[1] = l2_seconds(f, g);
	terms[2] = dram_seconds(f, g);
	return true;
}

double model_seconds(const struct features *f, const struct gpu *g)
{
	double terms[N_MODEL_TERMS];

	if (!model_terms(f, g, terms))
		return INFINITY;
	return f->launches * g->launch_s + norm(terms, N_MODEL_TERMS);
}

/* A bound of what is rounded, too. */
double model_least(const struct features *f, const struct gpu *g)
{
	static const double rounded = 1 - 1e-9;
	double hz = g->clock_mhz * 1e6;
	double sm = most(f->flops / 2 / g->f32_lanes_sm, f->tensor /
		g->tensor_sm) / g->sms / hz;
	double dram = f->dram_bytes / (g->dram_bytes_s * g->copy);

	return rounded * (f->launches * g->launch_s + most(sm, dram));
}

/* ---- what an estimate is made of ---- */

const char *bound_name(enum bound b)
{
	static const char *const names[] = { "launch", "arithmetic",
		"special ops", "issue", "shared memory", "waves",
		"latency", "L2", "memory", "in flight" };

	_Static_assert(sizeof names / sizeof *names == N_BOUNDS, "a name each");
	return names[b];
}

static void sm_terms(const struct features *f, const struct gpu *g, double *t)
{
	double hz = g->clock_mhz * 1e6, even = most(f->blocks, 1) / g->sms;
	double rounds = ceil(most(f->blocks, 1) / sms_of(f, g));
	double work = work_of_block(f, g) / hz;

	t[BOUND_ARITHMETIC] = most(f->flops / 2 / g->f32_lanes_sm,
		f->tensor / g->tensor_sm) / g->sms / hz;
	t[BOUND_SPECIAL] = f->special / SFU_RATE / g->sms / hz;
	t[BOUND_ISSUE] = f->issue / SCHEDULERS / g->sms / hz;
	t[BOUND_SHARED] = f->smem_cycles / g->sms / hz;
	t[BOUND_WAVES] = (rounds - even) * work;
	t[BOUND_LATENCY] = sm_cycles(f, g) / hz - rounds * work;
}

/* The largest of bounds "from" to "to". */
static enum bound largest(const double *t, enum bound from, enum bound to)
{
	enum bound at = from;

	for (int i = (int)from; i <= (int)to; i++)
		if (t[i] > t[at])
			at = (enum bound)i;
	return at;
}

/* Groups of bounds of which the times overlap; within one they add up, but for
 * the multiprocessors' kinds of work, whose largest counts. */
static enum bound limit_of(double sm, const double *t)
{
	const struct {
		double seconds;
		enum bound from, to;
	} groups[] = {
		{ sm, BOUND_ARITHMETIC, BOUND_LATENCY },
		{ t[BOUND_L2], BOUND_L2, BOUND_L2 },
		{ t[BOUND_MEMORY] + t[BOUND_FLIGHT], BOUND_MEMORY,
			BOUND_FLIGHT },
		{ t[BOUND_LAUNCH], BOUND_LAUNCH, BOUND_LAUNCH },
	};
	int at = 0;

	for (int i = 1; i < 4; i++)
		if (groups[i].seconds > groups[at].seconds)
			at = i;
	return largest(t, groups[at].from, groups[at].to);
}

void model_bounds(const struct features *f, const struct gpu *g,
	struct model_bounds *out)
{
	double *t = out->seconds;

	out->total = model_seconds(f, g);
	out->sm = INFINITY;
	out->limit = BOUND_LATENCY;
	for (int i = 0; i < N_BOUNDS; i++)
		t[i] = INFINITY;
	if (isinf(out->total))
		return;
	out->sm = sm_cycles(f, g) / (g->clock_mhz * 1e6);
	t[BOUND_LAUNCH] = f->launches * g->launch_s;
	sm_terms(f, g, t);
	t[BOUND_L2] = l2_seconds(f, g);
	t[BOUND_MEMORY] = dram_bytes(f, g) / (g->dram_bytes_s * g->copy);
	t[BOUND_FLIGHT] = dram_seconds(f, g) - t[BOUND_MEMORY];
	out->limit = limit_of(out->sm, t);
}

double model_operations(const struct features *f)
{
	return f->flops + 2 * f->tensor;
}

double model_peak(const struct gpu *g, double rate)
{
	double lanes = rate > 0 ? g->tensor_sm * rate : g->f32_lanes_sm;

	return 2 * lanes * g->sms * g->clock_mhz * 1e6;
}

double model_roof(const struct gpu *g, double rate, double flops_a_byte)
{
	return least(model_peak(g, rate), flops_a_byte * g->dram_bytes_s *
		g->copy);
}
