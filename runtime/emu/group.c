/* SPDX-License-Identifier: MIT */
/* What the warps of a group do for their roles: one lane of a warp is elected,
 * registers go from one group to the other. */
#include "emu.h"

bool wpk_emu_elect(int line);
void wpk_emu_registers(int line, int n, bool more);

/* The first lane, or the last: it may be any. */
static void elect(struct thread *lanes)
{
	for (int i = 0; i < WARP; i++)
		*(bool *)lanes[i].part = i == (job.late ? WARP - 1 : 0);
}

bool wpk_emu_elect(int line)
{
	bool elected;

	warp_matrix(line, NULL, elect, &elected);
	return elected;
}

/* A warp's lanes do so together; how many registers there are to give is the
 * hardware's to know. */
static void move_registers(struct thread *lanes)
{
	(void)lanes;
}

void wpk_emu_registers(int line, int n, bool more)
{
	if (n < 24 || n > 256 || n % 8)
		fault("registers", line, "a thread is to have %s%d registers: "
			"it can have 24 to 256, in steps of 8", more ?
			"as many as " : "only ", n);
	warp_matrix(line, NULL, move_registers, NULL);
}
