/* SPDX-License-Identifier: MIT */
/* Targets and GPUs as tables. In: names as users write them (sm_90a, h200).
 * Out: limits and rates. Rows only state facts; nothing here decides.
 *
 * Limits: CUDA C++ Programming Guide, "Technical Specifications per Compute
 * Capability", and the toolkit's cuda_occupancy.h. Rates: data sheets, except
 * "copy", which is measured on the H200 (4.3 of 4.8 TB/s) and taken from
 * published copies elsewhere, and L2 rates, which no data sheet gives: those
 * are published microbenchmarks, or for chips without one the SMs' share of
 * their generation's. */
#include "schedule/target.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define KB(n) ((n) * 1024)
#define MB(n) ((n) * 1048576.0)

/* name, compute capability, suffix, shared memory of a block, of an SM,
 * reserved a block (KB), threads, blocks, registers of an SM,
 * cp.async, bulk copies, clusters, wgmma */
#define ROW(name, cc, suffix, block, sm, reserved, threads, blocks, ...) \
	{ name, cc, suffix, KB(block), KB(sm), KB(reserved), threads, blocks, \
	  65536, __VA_ARGS__ }

static const struct target targets[] = {
	ROW("sm_75",    75, 0,    64,  64, 0, 1024, 16, 0, 0, 0, 0),
	ROW("sm_80",    80, 0,   163, 164, 1, 2048, 32, 1, 0, 0, 0),
	ROW("sm_86",    86, 0,    99, 100, 1, 1536, 16, 1, 0, 0, 0),
	ROW("sm_87",    87, 0,   163, 164, 1, 1536, 16, 1, 0, 0, 0),
	ROW("sm_88",    88, 0,    99, 100, 1, 1536, 16, 1, 0, 0, 0),
	ROW("sm_89",    89, 0,    99, 100, 1, 1536, 24, 1, 0, 0, 0),
	ROW("sm_90",    90, 0,   227, 228, 1, 2048, 32, 1, 1, 1, 0),
	ROW("sm_90a",   90, 'a', 227, 228, 1, 2048, 32, 1, 1, 1, 1),
	ROW("sm_100",  100, 0,   227, 228, 1, 2048, 32, 1, 1, 1, 0),
	ROW("sm_100a", 100, 'a', 227, 228, 1, 2048, 32, 1, 1, 1, 0),
	ROW("sm_103",  103, 0,   227, 228, 1, 2048, 32, 1, 1, 1, 0),
	ROW("sm_103a", 103, 'a', 227, 228, 1, 2048, 32, 1, 1, 1, 0),
	ROW("sm_110",  110, 0,   227, 228, 1, 1536, 24, 1, 1, 1, 0),
	ROW("sm_110a", 110, 'a', 227, 228, 1, 1536, 24, 1, 1, 1, 0),
	ROW("sm_120",  120, 0,    99, 100, 1, 1536, 24, 1, 1, 1, 0),
	ROW("sm_120a", 120, 'a',  99, 100, 1, 1536, 24, 1, 1, 1, 0),
	ROW("sm_121",  121, 0,    99, 100, 1, 1536, 24, 1, 1, 1, 0),
	ROW("sm_121a", 121, 'a',  99, 100, 1, 1536, 24, 1, 1, 1, 0),
	{ 0 }
};

/* Newest first within a compute capability: gpu_for_target takes the first. */
static const struct gpu gpus[] = {
	/* name      arch       cc  SMs GPC  MHz f32, f64 tensor mma DRAM B/s
	 *	copy L2 B/s   L2 bytes  launch */
	{ "h200",    "sm_90a",  90, 132, 18, 1980, 128, 64, 2048, 0.629, 4.8e12,
		0.90, 5.7e12,  MB(60),  1.3e-6 },
	{ "h100",    "sm_90a",  90, 132, 18, 1980, 128, 64, 2048, 0.629, 3.35e12,
		0.90, 5.7e12,  MB(50),  1.3e-6 },
	{ "a100",    "sm_80",   80, 108,  0, 1410,  64, 32, 1024, 1, 2.039e12,
		0.90, 4.5e12,  MB(40),  1.5e-6 },
	{ "l4",      "sm_89",   89,  58,  0, 2040, 128, 2,  512, 1, 3.0e11,
		0.87, 1.9e12,  MB(48),  1.5e-6 },
	{ "rtx4090", "sm_89",   89, 128,  0, 2520, 128, 2,  256, 1, 1.008e12,
		0.91, 5.0e12,  MB(72),  1.5e-6 },
	{ "l40s",    "sm_89",   89, 142,  0, 2520, 128, 2,  512, 1, 8.64e11,
		0.87, 5.0e12,  MB(96),  1.5e-6 },
	{ "a10",     "sm_86",   86,  72,  0, 1695, 128, 2,  512, 1, 6.0e11,
		0.87, 2.0e12,  MB(6),   1.5e-6 },
	{ "t4",      "sm_75",   75,  40,  0, 1590,  64, 2,  512, 1, 3.2e11,
		0.80, 1.27e12, MB(4),   1.8e-6 },
	{ "b200",    "sm_100a", 100, 148, 20, 1965, 128, 64, 4096, 0.25, 8.0e12,
		0.90, 8.0e12,  MB(126), 1.3e-6 },
	{ 0 }
};

const struct target *target_named(const char *name)
{
	for (const struct target *t = targets; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

const struct target *target_list(void)
{
	return targets;
}

const struct gpu *gpu_named(const char *name)
{
	for (const struct gpu *g = gpus; g->name; g++)
		if (!strcmp(g->name, name))
			return g;
	return NULL;
}

const struct gpu *gpu_list(void)
{
	return gpus;
}

/* A target without a GPU of its own borrows the newest GPU that is not newer,
 * or the oldest there is. */
const struct gpu *gpu_for_target(const struct target *t)
{
	const struct gpu *best = NULL, *oldest = gpus;

	for (const struct gpu *g = gpus; g->name; g++) {
		if (g->cc <= t->cc && (!best || g->cc > best->cc))
			best = g;
		if (g->cc < oldest->cc)
			oldest = g;
	}
	return best ? best : oldest;
}

/* sm_<number>[letter], of any architecture, listed above or not. */
static bool parse(const char *name, int *cc, char *suffix)
{
	char *end;
	long n;

	if (strncmp(name, "sm_", 3) || name[3] < '0' || name[3] > '9')
		return false;
	n = strtol(name + 3, &end, 10);
	if (n < 10 || n > 9999 || (*end && end[1]))
		return false;
	*cc = (int)n;
	*suffix = *end;
	return true;
}

bool target_in(const struct target *t, const char *lo, const char *hi,
	bool open)
{
	int cc_lo, cc_hi;
	char s_lo, s_hi;

	if (!parse(lo, &cc_lo, &s_lo))
		return false;
	if (t->cc < cc_lo || (t->cc == cc_lo && s_lo && t->suffix != s_lo))
		return false;
	if (open)
		return true;
	if (!hi)
		return t->cc == cc_lo;
	return parse(hi, &cc_hi, &s_hi) && t->cc <= cc_hi;
}

static int round_up(int n, int to)
{
	return (n + to - 1) / to * to;
}

/* Registers are given to warps in units of 256 and warps to the four
 * schedulers' quarters of the register file; shared memory in units of 128
 * bytes, 256 before sm_80 (cuda_occupancy.h). */
static int blocks_by_regs(const struct target *t, int warps, int regs)
{
	int a_warp = round_up((regs > 0 ? regs : 1) * 32, 256);

	return t->regs_sm / 4 / a_warp * 4 / warps;
}

static int blocks_by_smem(const struct target *t, int smem)
{
	int unit = t->cc < 80 ? 256 : 128;
	int bytes = round_up(smem + t->smem_reserved, unit);

	return bytes ? t->smem_sm / bytes : INT_MAX;
}

int target_occupancy(const struct target *t, int threads, int regs, int smem)
{
	int warps = (threads + 31) / 32, n = t->blocks_sm, m;

	if (threads < 1 || threads > 1024 || regs > 255 || smem < 0 ||
	    smem > t->smem_block)
		return 0;
	m = t->threads_sm / 32 / warps;
	n = m < n ? m : n;
	m = blocks_by_regs(t, warps, regs);
	n = m < n ? m : n;
	m = blocks_by_smem(t, smem);
	return m < n ? m : n;
}

static int clusters_of(int sms, int occupancy, int blocks)
{
	return sms > 0 ? sms * occupancy / blocks : 0;
}

/* A cluster lies in one GPC, and some GPCs lack multiprocessors: which, and how many,
 * differs from chip to chip. Taken for: as even as pairs allow, but for one that lacks
 * two more, which others have. So an H100 has room for 15 clusters of 8, as many as
 * cuBLAS asks for; a cluster too many would run when all others are done. */
int gpu_clusters(const struct gpu *g, int occupancy, int blocks)
{
	int gpcs = g->gpc_sms ? (g->sms + g->gpc_sms - 1) / g->gpc_sms : 1;
	int even = gpcs > 1 ? g->sms / gpcs / 2 * 2 : g->sms;
	int poor = gpcs > 1 ? even - 2 : even;
	int rich = (g->sms - (gpcs - 1) * even - poor) / 2, n;

	if (blocks == 1)
		return g->sms * occupancy;
	rich = rich < gpcs - 1 ? rich : gpcs - 1;
	n = clusters_of(poor, occupancy, blocks) + rich * clusters_of(even + 2,
		occupancy, blocks) + (gpcs - 1 - rich) * clusters_of(even,
		occupancy, blocks);
	return n ? n : 1;
}
