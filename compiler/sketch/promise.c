/* SPDX-License-Identifier: MIT */
/* The blocks of a multiprocessor that __launch_bounds__ promises, and with them
 * the registers that ptxas may use: what does not fit spills. All sketches ask
 * here. What is said of ptxas is seen with that of CUDA 13.0. */
#include "sketch/common.h"

enum { REGS_MAX = 255, LARGE_BLOCK = 512, USUAL_REGS = 32 };

int promise_blocks(const struct target *t, int threads, int regs, int early,
	int smem)
{
	int room = regs + (early < regs ? early : regs);
	int n = target_occupancy(t, threads, room < REGS_MAX ? room : REGS_MAX,
		smem);

	return n > 0 ? n : 1;
}

int promise_usual(const struct target *t, int threads, int regs, bool wide,
	int smem)
{
	return wide ? promise_blocks(t, threads, regs, 0, smem) :
		threads > LARGE_BLOCK && regs > USUAL_REGS;
}

/* In all what the launch gives them (PTX ISA, "setmaxnreg": multiples of 8). An
 * instruction has no more columns than fit what all have before they share (ptxas,
 * C7602). */
static const struct share_of_registers shares[] = {
	{ 2, 40, 232, 256 }, { 3, 32, 160, 192 }, { 4, 32, 112, 128 }
};

const struct share_of_registers *promise_share(int groups, int cols)
{
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
		if (shares[i].groups == groups && cols <= shares[i].cols)
			return &shares[i];
	return NULL;
}

int promise_registers(const struct target *t, int threads, int blocks)
{
	int n = REGS_MAX;

	while (n > 8 && target_occupancy(t, threads, n, 0) < blocks)
		n -= n % 8 ? n % 8 : 8;
	return n;
}

const char *promise_room(const struct target *t, int threads, int regs, int smem,
	int *occupancy)
{
	*occupancy = target_occupancy(t, threads, regs, smem);
	return *occupancy ? NULL : "a block takes more registers or shared "
		"memory than a multiprocessor has";
}
