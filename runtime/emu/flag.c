/* SPDX-License-Identifier: MIT */
/* Flags in memory, by which blocks of a launch wait for others. Clusters run one
 * after the other, first to last in either mode, as on a device that has room
 * for one: who waits for what no cluster before its own sets waits for ever,
 * and is told. */
#include "emu.h"

bool blocks_in_order;

int wpk_emu_has_flags(void);
void wpk_emu_flag_set(int line, void *flag);
void wpk_emu_flag_wait(int line, const void *flag, int known);

/* The program waits for flags: called before it begins. */
int wpk_emu_has_flags(void)
{
	return blocks_in_order = true;
}

static void check(int line, const int *flag)
{
	if ((uintptr_t)flag % sizeof *flag)
		fault("misaligned", line, "a flag at an address that is no "
			"multiple of 4");
	if (address_bad(flag, sizeof *flag))
		fault("bounds", line, "a flag that is not in memory");
}

void wpk_emu_flag_set(int line, void *p)
{
	int *flag = p;

	check(line, flag);
	if (watch_flag)
		watch_flag(__builtin_return_address(0), flag, true);
	*flag = 1;
	something_happened();
}

void wpk_emu_flag_wait(int line, const void *p, int known)
{
	const int *flag = p;

	(void)known;
	check(line, flag);
	current->flag = flag;
	if (!*flag)
		thread_wait(AT_FLAG, line);
	if (watch_flag)
		watch_flag(__builtin_return_address(0), flag, false);
}

bool flags_open(void)
{
	bool any = false;

	for (int i = 0; i < cluster_size(); i++) {
		int n;
		struct thread *t = block_threads(i, &n);

		for (int k = 0; k < n; k++)
			if (t[k].state == AT_FLAG && *t[k].flag) {
				t[k].state = READY;
				any = true;
			}
	}
	return any;
}

void flag_stuck(const struct thread *t)
{
	fault("deadlock", t->line, "thread %d waits for a flag that no block "
		"sets, of those that begin before it", t->number);
}
