/* SPDX-License-Identifier: MIT */
/* Faults of expressions and places, one sentence each. Reads and writes of
 * shared and register arrays are noted as they pass; verify.c compares them in
 * the end. */
#include <ctype.h>
#include <string.h>

#include "kernel/intrin.h"
#include "kernel/residue.h"
#include "kernel/verify.h"
#include "schedule/target.h"

/* ---- reads and writes of arrays ---- */

static struct touched *touch(struct check *c, const struct k_buffer *b)
{
	for (int i = 0; i < c->touched.n; i++)
		if (c->touched.v[i].buffer == b)
			return &c->touched.v[i];
	vec_push(c->a, &c->touched, (struct touched){ .buffer = b });
	return &c->touched.v[c->touched.n - 1];
}

void check_read(struct check *c, const struct k_buffer *b)
{
	int by = c->outer_end > c->now ? c->outer_end : c->now;
	struct touched *t;

	if (b->scope == K_GLOBAL)
		return;
	t = touch(c, b);
	if (!t->needed || by < t->needed)
		t->needed = by;
}

void check_write(struct check *c, const struct k_buffer *b)
{
	struct touched *t;

	if (b->scope == K_GLOBAL) {
		if (!b->written)
			check_fail(c, "%s is written but declared read-only",
				b->name);
		return;
	}
	t = touch(c, b);
	if (!t->written)
		t->written = c->now;
}

/* ---- places ---- */

static bool declared(const struct check *c, const struct k_buffer *b)
{
	const struct kernel *k = c->k;

	for (int i = 0; i < k->globals.n; i++)
		if (k->globals.v[i] == b)
			return true;
	for (int i = 0; i < k->shared.n; i++)
		if (k->shared.v[i] == b)
			return true;
	for (int i = 0; i < k->registers.n; i++)
		if (k->registers.v[i] == b)
			return true;
	return false;
}

static void check_index(struct check *c, const struct k_buffer *b, int i,
	const struct kx *e)
{
	int64_t v;

	verify_value(c, e);
	if (!dtype_is_int(e->type))
		check_fail(c, "index %d of %s is not an integer: %s", i,
			b->name, verify_text(c, e));
	else if (b->scope == K_GLOBAL && !b->wide && e->type == T_I64)
		check_fail(c, "%s is indexed with 64 bits but isn't wide",
			b->name);
	else if (b->scope != K_GLOBAL && kx_is_int(e, &v) &&
		 (v < 0 || v >= b->dims[i]))
		check_fail(c, "index %d of %s is %lld, outside 0..%lld", i,
			b->name, (long long)v, (long long)b->dims[i]);
}

static void check_indices(struct check *c, const struct k_buffer *b,
	struct kx *const *index, int n)
{
	if (!declared(c, b)) {
		check_fail(c, "%s belongs to no list of the kernel", b->name);
		return;
	}
	if (n != b->rank) {
		check_fail(c, "%s has rank %d and is indexed by %d", b->name,
			b->rank, n);
		return;
	}
	for (int i = 0; i < n; i++)
		check_index(c, b, i, index[i]);
}

void check_place(struct check *c, const struct k_place *p)
{
	int n = 0;

	if (!p->buffer) {
		check_fail(c, "a place names no buffer");
		return;
	}
	while (n < 5 && p->index[n])
		n++;
	check_indices(c, p->buffer, p->index, n);
}

void check_width(struct check *c, const struct k_place *p, int bytes)
{
	const struct k_buffer *b = p->buffer;
	int element = dtype_row(b->type)->bits / 8, align = b->align;

	if (element < 1)
		element = 1;
	if (b->scope == K_SHARED && align < 16)
		align = 16;
	if (align < element)
		align = element;
	if (bytes % element)
		check_fail(c, "%d bytes are no whole elements of %s", bytes,
			b->name);
	else if (bytes > align)
		check_fail(c, "%d bytes move at once, but %s is aligned to "
			"%d", bytes, b->name, align);
	else if (residue_never(residue_offset(p), bytes / element))
		check_fail(c, "%d bytes move at once at an index of %s that "
			"is no multiple of %d", bytes, b->name,
			bytes / element);
}

/* ---- intrinsics ---- */

static void check_fragment(struct check *c, char kind, const struct kx *e)
{
	struct k_place p = { .buffer = e->buffer };

	memcpy(p.index, e->args, (size_t)e->n_args * sizeof *p.index);
	check_registers(c, &p, T_U32, kind == 'p' ? 1 : kind == 'q' ? 2 : 4);
}

static void check_operand(struct check *c, const struct intrin_row *r,
	char kind, const struct kx *e)
{
	static const char letters[] = "sgpqr";
	static const enum k_scope scopes[] = {
		K_SHARED, K_GLOBAL, K_REGISTER, K_REGISTER, K_REGISTER
	};
	const char *at = strchr(letters, tolower((unsigned char)kind));
	const char *name = r->name;
	bool map = tolower((unsigned char)kind) == 'm';

	verify_value(c, e);
	if (c->why)
		return;
	if (map != (e->kind == KX_MAP))
		check_fail(c, map ? "%s takes a tensor map, not %s" :
			"%s takes no tensor map: %s", name, verify_text(c, e));
	else if ((at != NULL) != (e->kind == KX_ADDRESS) && !map)
		check_fail(c, at ? "%s takes an address, not %s" :
			"%s takes a value, not %s", name, verify_text(c, e));
	else if (at && e->buffer->scope != scopes[at - letters])
		check_fail(c, "%s cannot take the address of %s, which is in "
			"other memory", name, e->buffer->name);
	else if (kind == 'n' && e->kind != KX_INT)
		check_fail(c, "%s takes a constant, not %s", name,
			verify_text(c, e));
	if (map && !c->why)
		check_map_operand(c, r, kind, e);
	if (c->why || !at)
		return;
	if (scopes[at - letters] == K_REGISTER)
		check_fragment(c, *at, e);
	if (isupper((unsigned char)kind))
		check_write(c, e->buffer);
	else
		check_read(c, e->buffer);
}

static void check_company(struct check *c, const struct intrin_row *r)
{
	if (r->with == WITH_CLUSTER)
		check_together(c, LEVEL_CLUSTER, r->name);
	else if (r->with != WITH_NONE)
		check_together(c, LEVEL_WARP, r->name);
}

void check_intrinsic(struct check *c, int intrin, struct kx *const *args,
	int n)
{
	const struct intrin_row *r = intrin_row(intrin);
	const char *kinds = intrin_operands(intrin);

	if (!intrin_on(intrin, c->t)) {
		check_fail(c, "%s needs sm_%d%s, and the target is %s",
			r->name, r->cc, r->specific ? "a" : "", c->t->name);
		return;
	}
	if (n != (int)strlen(kinds)) {
		check_fail(c, "%s takes %d operands, not %d", r->name,
			(int)strlen(kinds), n);
		return;
	}
	check_company(c, r);
	for (int i = 0; i < n; i++)
		check_operand(c, r, kinds[i], args[i]);
	if (!c->why)
		check_box(c, kinds, args);
	if (!c->why)
		check_operands(c, intrin, args, n);
}

/* ---- values ---- */

static void check_variable(struct check *c, const struct k_var *v)
{
	for (int i = c->visible.n - 1; i >= 0; i--)
		if (c->visible.v[i] == v)
			return;
	check_fail(c, "%s is used where it isn't defined", v->name);
}

/* Narrow floats are moved and converted, never computed in. */
static void check_op(struct check *c, const struct kx *e)
{
	enum dtype t = e->args[0]->type;

	for (int i = 0; i < e->n_args; i++)
		verify_value(c, e->args[i]);
	if (e->op == OP_SELECT)
		return;
	if (dtype_is_float(t) && dtype_row(t)->bits < 32)
		check_fail(c, "%s computes in %s: %s", op_rows[e->op].name,
			dtype_row(t)->name, verify_text(c, e));
	else if (e->op == OP_MOD && dtype_is_float(t))
		check_fail(c, "mod of floats has no instruction: %s",
			verify_text(c, e));
	else if (e->n_args == 2 && e->op <= OP_NE && t != e->args[1]->type &&
		 strcmp(dtype_row(t)->c, dtype_row(e->args[1]->type)->c))
		check_fail(c, "operands of %s and %s: %s", dtype_row(t)->name,
			dtype_row(e->args[1]->type)->name, verify_text(c, e));
}

void verify_value(struct check *c, const struct kx *e)
{
	if (c->why)
		return;
	if (!e) {
		check_fail(c, "a value is missing");
		return;
	}
	switch (e->kind) {
	case KX_VAR:
		check_variable(c, e->var);
		break;
	case KX_LOAD:
		check_indices(c, e->buffer, e->args, e->n_args);
		check_read(c, e->buffer);
		break;
	case KX_ADDRESS:
		check_indices(c, e->buffer, e->args, e->n_args);
		break;
	case KX_OP:
		check_op(c, e);
		break;
	case KX_CAST:
	case KX_BITS:
		verify_value(c, e->args[0]);
		break;
	case KX_CALL:
		check_intrinsic(c, e->call, e->args, e->n_args);
		break;
	default:
		break;
	}
}
