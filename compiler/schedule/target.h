/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_SCHEDULE_TARGET_H
#define WPK_COMPILER_SCHEDULE_TARGET_H

#include <stdbool.h>

/* What code is compiled for: one row an architecture. "cc" is 10 * major +
 * minor; "suffix" 'a' for architecture-specific features, else 0. Limits are
 * those of compute capability tables in the CUDA C++ Programming Guide. */
struct target {
	const char *name;	/* "sm_90a" */
	int cc;
	char suffix;
	int smem_block;		/* bytes a block may ask for */
	int smem_sm;		/* bytes of an SM */
	int smem_reserved;	/* bytes the system takes per block */
	int threads_sm, blocks_sm, regs_sm;
	bool cp_async, bulk_copy, clusters, wgmma;
};

/* A GPU that costs are predicted for: one row a product. Rates are of the
 * whole chip: f32 and f64 FMA lanes, boost clock in MHz, bytes per second from the
 * data sheet, "copy" the fraction of it a large copy reaches. */
struct gpu {
	const char *name;	/* "h200" */
	const char *arch;	/* default target */
	int cc;
	int sms, gpc_sms;	/* multiprocessors, and those of a whole GPC */
	double clock_mhz;
	int f32_lanes_sm, f64_lanes_sm;
	int tensor_sm;		/* multiply-adds of f16 on tensor cores a cycle
				 * and SM, summed in f32 */
	double mma_sync;	/* the part of them that mma.sync reaches */
	double dram_bytes_s, copy;
	double l2_bytes_s, l2_bytes;
	double launch_s;	/* one kernel inside a graph */
};

/* By name; NULL if there is none. The lists end with a row of name NULL. */
const struct target *target_named(const char *name);
const struct target *target_list(void);
const struct gpu *gpu_named(const char *name);
const struct gpu *gpu_list(void);

/* The GPU assumed when none is named: the newest whose cc is the target's. */
const struct gpu *gpu_for_target(const struct target *t);

/* Does "t" lie in lo (hi NULL, !open), lo.. (open), or lo..hi? An sm_90a
 * target satisfies sm_90 ranges and not the other way round. */
bool target_in(const struct target *t, const char *lo, const char *hi,
	bool open);

/* Blocks resident on one SM, from threads, registers a thread and bytes of
 * shared memory a block. */
int target_occupancy(const struct target *t, int threads, int regs, int smem);

/* Clusters of so many blocks that run at once, where "occupancy" blocks do on a
 * multiprocessor, on most GPUs of that name. */
int gpu_clusters(const struct gpu *g, int occupancy, int blocks);

#endif
