/* SPDX-License-Identifier: MIT */
/* Verification from end to end: choose how much to run, make the tensors, run
 * the emitted text twice on the CPU (asynchronous effects as late as is legal,
 * and as early), compare all that was written with the reference, say it in
 * one line. Nothing of it depends on the machine but the time it takes. */
#include "driver/check.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "driver/check_parts.h"
#include "driver/child.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *check_verdict_name(enum check_verdict v)
{
	static const char *const names[] = {
		"verified", "wrong", "fault", "timeout", "unavailable",
		"stopped"
	};

	return names[v];
}

bool check_stopped(void)
{
	return child_stop_pending();
}

static const char *error_text(const struct check *c)
{
	const char *text = c->out->worst == 0 ? "all exact" :
		arena_printf(c->a, "max error %.2g of bound", c->out->worst);

	if (!c->unbounded)
		return text;
	return arena_printf(c->a, "%s, but %lld have no bound", text,
		(long long)c->unbounded);
}

static void describe_success(struct check *c)
{
	const struct check_result *o = c->out;
	const char *name = c->name;

	if (o->device)
		c->out->line = arena_printf(c->a, "%s: verified %s on %s, %lld "
			"outputs, %s; %.4g us cold, %.4g us hot", name,
			c->every > 1 ? "in part" : "whole", o->device,
			(long long)o->outputs, error_text(c), o->cold * 1e6,
			o->hot * 1e6);
	else if (o->whole)
		c->out->line = arena_printf(c->a, "%s: verified whole, %lld "
			"outputs, %s", name, (long long)o->outputs,
			error_text(c));
	else
		c->out->line = arena_printf(c->a, "%s: verified in part: "
			"corner, edge, interior and random tiles, %lld of %lld "
			"tiles, %lld outputs, %s", name, (long long)o->tiles,
			(long long)o->all_tiles, (long long)o->outputs,
			error_text(c));
}

static void describe_mismatch(struct check *c)
{
	const char *name = c->name;

	if (c->wrong)
		c->out->line = arena_printf(c->a, "%s: wrong: %lld of %lld "
			"outputs are outside the bound", name,
			(long long)c->wrong, (long long)c->out->outputs);
	else
		c->out->line = arena_printf(c->a, "%s: wrong: outputs are not "
			"written", name);
}

/* The sanitizers and the watching of accesses exclude one another. */
static enum check_verdict run_all(struct check *c, const char *folder)
{
	const unsigned how = c->r->nvcc ? 0 : c->r->how;
	enum check_verdict v = CHECK_VERIFIED;

	c->how = how & ~(unsigned)CHECK_WATCH;
	if (c->how || !how)
		v = check_run(c, folder);
	c->how = how & CHECK_WATCH;
	return v == CHECK_VERIFIED && c->how ? check_run(c, folder) : v;
}

static enum check_verdict verify(struct check *c, const char *folder)
{
	const char *lacks = check_memory_lacks(c);
	enum check_verdict v;

	if (lacks)
		return check_end(c, CHECK_UNAVAILABLE, lacks);
	if (!check_memory_open(c)) {
		c->out->line = arena_printf(c->a, "%s: not verified: no memory "
			"for its tensors: %s", c->name,
			strerror(errno));
		return CHECK_UNAVAILABLE;
	}
	c->every = 1;
	if (c->r->nvcc)
		c->every = check_gpu_every(c);
	else
		check_choose(c);
	v = run_all(c, folder);
	if (v != CHECK_VERIFIED)
		return v;
	check_compare(c);
	if (check_stopped())
		return CHECK_STOPPED;
	if (c->wrong || c->unwritten) {
		describe_mismatch(c);
		return CHECK_WRONG;
	}
	if (c->unbounded == c->out->outputs && c->out->outputs)
		return check_end(c, CHECK_UNAVAILABLE,
			"not verified: no output has a bound on its error");
	describe_success(c);
	return CHECK_VERIFIED;
}

void check_program(struct arena *a, const struct check_request *r,
	struct check_result *out)
{
	struct check c = { .a = a, .r = r, .out = out, .launch = -1,
		.name = r->name ? r->name : r->program->name,
		.o = r->operator };
	struct cuda_unit alone;
	sigset_t before;
	double begin = now();
	const char *folder;

	*out = (struct check_result){ .verdict = CHECK_UNAVAILABLE };
	str_init(&c.detail, a);
	if (!c.o) {
		alone = cuda_unit_of(a, "", "", r->target, r->program);
		c.o = alone.operators;
	}
	child_hold(&before);
	folder = child_folder(a);
	if (folder) {
		out->verdict = verify(&c, folder);
		child_folder_remove(folder);
	} else {
		out->line = arena_printf(a, "%s: not verified: no folder for "
			"temporary files: %s", c.name,
			strerror(errno));
	}
	check_memory_close(&c);
	if (out->verdict == CHECK_STOPPED)
		out->line = arena_printf(a, "%s: not verified: stopped",
			c.name);
	out->detail = str_text(&c.detail);
	out->seconds = now() - begin;
	child_release(&before);
}
