/* SPDX-License-Identifier: MIT */
/* Launches that begin before the kernel before them has ended (programmatic
 * dependent launch, sm_90 and later). A kernel that may begin early waits for all
 * kernels before it ahead of its first access to memory, whose other side may be
 * theirs; what needs none (addresses, barriers) is done by then. From there on it
 * lets the next one begin, so that no more than two run at a time. What orders
 * launches is therefore the same as without. */
#include "kernel/intrin.h"
#include "kernel/kernel.h"

#include <string.h>

/* ---- which statement is the first to touch memory ---- */

static bool is_global(const struct k_buffer *b)
{
	return b && b->scope == K_GLOBAL;
}

static void look(void *ctx, const struct kx *e)
{
	bool *any = ctx;

	*any |= e->kind == KX_MAP || is_global(e->buffer);
}

static int first_touch(const struct k_block *b);

static bool touches(const struct ks *s)
{
	bool any = false;

	ks_visit(s, look, &any);
	for (int i = 0; i < KS_PLACES; i++)
		any |= is_global(ks_place(s, i)->buffer);
	for (int i = 0; i < ks_blocks(s) && !any; i++) {
		const struct k_block *b = ks_block(s, i);

		any = b && first_touch(b) < b->s.n;
	}
	return any;
}

/* The number of statements if there is none. */
static int first_touch(const struct k_block *b)
{
	int i = 0;

	while (i < b->s.n && !touches(&b->s.v[i]))
		i++;
	return i;
}

/* ---- waiting, and letting others begin ---- */

/* Of calls of "intrin" by all threads, before memory is touched; or -1. */
static int call_before(const struct k_block *b, int intrin, int end)
{
	for (int i = 0; i < end; i++)
		if (b->s.v[i].kind == KS_CALL && b->s.v[i].call == intrin)
			return i;
	return -1;
}

bool kernel_waits(const struct kernel *k)
{
	return call_before(&k->body, INTRIN_GRID_WAIT,
		first_touch(&k->body)) >= 0;
}

static void insert(struct arena *a, struct k_block *b, int at, struct ks s)
{
	struct ks *v;

	vec_push(a, &b->s, s);
	v = b->s.v;
	memmove(v + at + 1, v + at, (size_t)(b->s.n - 1 - at) * sizeof *v);
	v[at] = s;
}

static struct ks call(int intrin)
{
	return (struct ks){ .kind = KS_CALL, .call = intrin };
}

static void wait_first(struct arena *a, struct kernel *k)
{
	int at = first_touch(&k->body);

	if (kernel_waits(k))
		return;
	insert(a, &k->body, at, call(INTRIN_GRID_WAIT));
	insert(a, &k->body, at, (struct ks){ .kind = KS_COMMENT, .text =
		"kernels before this one may still run up to here" });
}

/* Behind its own wait, if it has one. */
static void let_begin(struct arena *a, struct kernel *k)
{
	int at = first_touch(&k->body);

	if (call_before(&k->body, INTRIN_GRID_LAUNCH_DEPENDENTS, at) < 0)
		insert(a, &k->body, at, call(INTRIN_GRID_LAUNCH_DEPENDENTS));
}

/* ---- programs ---- */

static void overlap_steps(struct arena *a, struct p_step *s, int n, bool stream)
{
	for (int i = 0; i < n; i++) {
		bool first = i == 0, last = i == n - 1;

		if (s[i].kind != P_LAUNCH)
			continue;
		s[i].early = first ? stream : s[i - 1].kind == P_LAUNCH;
		if (s[i].early)
			wait_first(a, s[i].kernel);
		if (last ? stream : s[i + 1].kind == P_LAUNCH)
			let_begin(a, s[i].kernel);
	}
}

void program_overlap(struct arena *a, struct program *p, enum p_overlap how)
{
	if (how == P_APART)
		return;
	overlap_steps(a, p->prepare.v, p->prepare.n, false);
	overlap_steps(a, p->steps.v, p->steps.n, how == P_STREAM);
}
