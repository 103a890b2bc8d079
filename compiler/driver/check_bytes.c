/* SPDX-License-Identifier: MIT */
/* Bytes that a program asks of global memory, as the emulator counted them
 * (runtime/emu/count.c), against the least there can be: every byte that it
 * uses of an input read once, of an output written once, and no workspace. What
 * a warp reads that another one had read in the same launch may come from a
 * cache and is told apart. Of shared memory, the wavefronts: more than the
 * least are conflicts of banks. */
#include <stdio.h>
#include <string.h>

#include "driver/check_parts.h"

/* One line of the report, "asked" and so on of reading, writing. */
struct traffic {
	long long asked[2], cached[2], once[2];
};

static bool read_line(const char *report, int i, struct traffic *t)
{
	char mark[32];
	const char *p;

	snprintf(mark, sizeof mark, "late bytes %d ", i);
	p = strstr(report, mark);
	return p && sscanf(p + strlen(mark), "read %lld cached %lld once %lld "
		"written %lld cached %lld once %lld", &t->asked[0],
		&t->cached[0], &t->once[0], &t->asked[1], &t->cached[1],
		&t->once[1]) == 6;
}

static void put_traffic(struct check *c, const char *name,
	const struct traffic *t, bool workspace)
{
	static const char *const verbs[] = { "read", "written" };

	for (int i = 0; i < 2; i++) {
		if (!t->asked[i])
			continue;
		str_printf(&c->detail, "  %s: %lld bytes %s", name,
			t->asked[i], verbs[i]);
		if (!workspace)
			str_printf(&c->detail, ", %.2f times what it uses",
				(double)t->asked[i] / (double)t->once[i]);
		if (t->cached[i])
			str_printf(&c->detail, ", and %lld that other warps "
				"had %s", t->cached[i], verbs[i]);
		str_putc(&c->detail, '\n');
	}
}

static void add(struct check_result *out, const struct traffic *t,
	bool output, bool workspace)
{
	out->asked += t->asked[0] + t->asked[1];
	out->cached += t->cached[0] + t->cached[1];
	if (!workspace)
		out->least += t->once[output];
}

static void put_waves(struct check *c, const char *report)
{
	static const char mark[] = "late waves ";
	const char *p = strstr(report, mark);
	long long waves, least;

	if (p && sscanf(p + strlen(mark), "%lld least %lld", &waves, &least) ==
	    2 && least)
		str_printf(&c->detail, "  %lld wavefronts of shared memory, "
			"%.2f times the least\n", waves, (double)waves /
			(double)least);
}

void check_bytes_read(struct check *c, const char *report)
{
	struct check_result *out = c->out;
	struct traffic t;

	for (int i = 0; i <= c->n_tensors + 1; i++)
		if (read_line(report, i, &t))
			add(out, &t, i < c->n_tensors && c->tensors[i].output,
				i == c->n_tensors);
	if (!out->least)
		return;
	str_printf(&c->detail, "  %lld bytes of global memory, %.2f times the "
		"least\n", (long long)out->asked, (double)out->asked /
		(double)out->least);
	for (int i = 0; i <= c->n_tensors + 1; i++)
		if (read_line(report, i, &t))
			put_traffic(c, i < c->n_tensors ?
				c->r->op->tensors[c->tensors[i].ir].name :
				i > c->n_tensors ? "prepared" : "workspace",
				&t, i == c->n_tensors);
	put_waves(c, report);
}
