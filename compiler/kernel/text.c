/* SPDX-License-Identifier: MIT */
/* A kernel as text, one statement a line. Names are made unique on the way;
 * a name that isn't bound where it is used prints as its hint with a "?", so
 * that broken kernels can be read too. Same kernel, same text. */
#include "kernel/intrin.h"
#include "kernel/kernel.h"
#include "kernel/names.h"

struct printer {
	struct str *out;
	struct names names;
	int depth;
	bool plain;		/* hints will do */
};

static void print_block(struct printer *p, const struct k_block *b);

static void line(struct printer *p)
{
	for (int i = 0; i < p->depth; i++)
		str_puts(p->out, "  ");
}

static void name(struct printer *p, const void *key, const char *hint)
{
	const char *s = names_of(&p->names, key);

	str_printf(p->out, s || p->plain ? "%s" : "%s?", s ? s : hint);
}

static const char *special_name(enum k_special s)
{
	static const char *const names[] = {
		[K_THREAD_X] = "thread.x", [K_BLOCK_X] = "block.x",
		[K_BLOCK_Y] = "block.y", [K_BLOCK_Z] = "block.z",
		[K_GRID_X] = "grid.x", [K_GRID_Y] = "grid.y",
		[K_LANE] = "lane", [K_WARP] = "warp",
		[K_CLUSTER_RANK] = "cluster.rank"
	};

	return names[s];
}

/* ---- expressions ---- */

static void print_x(struct printer *p, const struct kx *e);

static void print_list(struct printer *p, struct kx *const *v, int n)
{
	for (int i = 0; i < n; i++) {
		if (i)
			str_puts(p->out, ", ");
		print_x(p, v[i]);
	}
}

static void print_call(struct printer *p, const char *f, struct kx *const *v,
	int n)
{
	str_printf(p->out, "%s(", f);
	print_list(p, v, n);
	str_putc(p->out, ')');
}

static void print_element(struct printer *p, const struct k_buffer *b,
	struct kx *const *index, int n)
{
	name(p, b, b->name);
	str_putc(p->out, '[');
	print_list(p, index, n);
	str_putc(p->out, ']');
}

static void print_x(struct printer *p, const struct kx *e)
{
	if (!e) {
		str_puts(p->out, "none");
		return;
	}
	switch (e->kind) {
	case KX_INT:
		str_printf(p->out, "%lld%s", (long long)e->i,
			e->type == T_I64 ? "L" : "");
		break;
	case KX_FLOAT:
		str_double(p->out, e->f);
		break;
	case KX_VAR:
		name(p, e->var, e->var->name);
		break;
	case KX_SPECIAL:
		str_puts(p->out, special_name(e->special));
		break;
	case KX_MAP:
		str_putc(p->out, '&');
		name(p, e->map, e->map->name);
		break;
	case KX_ADDRESS:
		str_putc(p->out, '&');
		/* fall through */
	case KX_LOAD:
		print_element(p, e->buffer, e->args, e->n_args);
		break;
	case KX_OP:
		print_call(p, op_rows[e->op].name, e->args, e->n_args);
		break;
	case KX_CAST:
		print_call(p, dtype_row(e->type)->name, e->args, 1);
		break;
	case KX_BITS:
		str_printf(p->out, "bits.");
		print_call(p, dtype_row(e->type)->name, e->args, 1);
		break;
	case KX_CALL:
		print_call(p, intrin_row(e->call)->name, e->args, e->n_args);
		break;
	}
}

static void print_place(struct printer *p, const struct k_place *at)
{
	print_element(p, at->buffer, at->index, at->buffer->rank);
}

/* ---- statements ---- */

static void print_body(struct printer *p, const struct k_block *b)
{
	int mark = names_enter(&p->names);

	str_puts(p->out, " {\n");
	p->depth++;
	print_block(p, b);
	p->depth--;
	line(p);
	str_putc(p->out, '}');
	names_leave(&p->names, mark);
}

static void print_define(struct printer *p, const char *word,
	const struct ks *s)
{
	str_printf(p->out, "%s ", word);
	str_printf(p->out, "%s: %s = ",
		names_bind(&p->names, s->var, s->var->name),
		dtype_row(s->var->type)->name);
	print_x(p, s->value);
}

static void print_assign(struct printer *p, const struct ks *s)
{
	name(p, s->var, s->var->name);
	str_puts(p->out, " = ");
	if (s->has_op) {
		str_printf(p->out, "%s(", op_rows[s->op].name);
		name(p, s->var, s->var->name);
		str_puts(p->out, ", ");
	}
	print_x(p, s->value);
	if (s->has_op)
		str_putc(p->out, ')');
}

static void print_for(struct printer *p, const struct ks *s)
{
	static const char *const kinds[] = {
		"serial", "unrolled", "threads", "tiles"
	};
	struct str bounds;
	struct printer q = *p;
	int mark = names_enter(&p->names);

	str_init(&bounds, p->names.a);
	q.out = &bounds;
	print_x(&q, s->lo);
	str_puts(&bounds, "..");
	print_x(&q, s->hi);
	str_puts(&bounds, " step ");
	print_x(&q, s->step);
	str_printf(p->out, "for %s: %s",
		names_bind(&p->names, s->var, s->var->name), kinds[s->loop]);
	if (s->factor)
		str_printf(p->out, "(%d)", s->factor);
	str_printf(p->out, " %s", str_text(&bounds));
	print_body(p, s->body);
	names_leave(&p->names, mark);
}

static void print_if(struct printer *p, const struct ks *s)
{
	str_puts(p->out, "if ");
	print_x(p, s->cond);
	print_body(p, s->body);
	if (s->orelse) {
		str_puts(p->out, " else");
		print_body(p, s->orelse);
	}
}

static void print_copy(struct printer *p, const struct ks *s)
{
	static const char *const kinds[] = {
		"copy", "copy.async", "copy.bulk"
	};

	str_printf(p->out, "%s ", kinds[s->copy]);
	print_place(p, &s->dst);
	str_puts(p->out, " <- ");
	print_place(p, &s->src);
	str_printf(p->out, " bytes %d", s->bytes);
	if (s->mbar.buffer) {
		str_puts(p->out, " on ");
		print_place(p, &s->mbar);
	}
	if (s->cond) {
		str_puts(p->out, " if ");
		print_x(p, s->cond);
		str_puts(p->out, " else ");
		str_double(p->out, s->fill);
	}
}

static void print_barrier(struct printer *p, const struct ks *s)
{
	static const char *const kinds[] = {
		"block", "warp", "named", "cluster"
	};

	str_printf(p->out, "barrier.%s", kinds[s->barrier]);
	if (s->barrier == BARRIER_NAMED)
		str_printf(p->out, " %d threads %d", s->id, s->count);
}

static void print_atomic(struct printer *p, const struct ks *s)
{
	if (s->var)
		str_printf(p->out, "let %s: %s = ",
			names_bind(&p->names, s->var, s->var->name),
			dtype_row(s->var->type)->name);
	str_printf(p->out, "atomic.%s%s ", op_rows[s->op].name,
		s->device ? "" : ".block");
	print_place(p, &s->dst);
	str_puts(p->out, ", ");
	print_x(p, s->value);
}

static void print_roles(struct printer *p, const struct ks *s)
{
	str_puts(p->out, "roles {\n");
	p->depth++;
	for (int i = 0; i < s->n_roles; i++) {
		const struct k_role *r = &s->roles[i];

		line(p);
		str_printf(p->out, "%s: warps %d..%d", r->name, r->lo, r->hi);
		if (r->registers)
			str_printf(p->out, " registers %d", r->registers);
		print_body(p, r->body);
		str_putc(p->out, '\n');
	}
	p->depth--;
	line(p);
	str_putc(p->out, '}');
}

static void print_mma(struct printer *p, const struct ks *s)
{
	str_printf(p->out, "%s m%dn%dk%d ",
		s->mma == MMA_SYNC ? "mma" : "wgmma", s->m, s->n, s->k);
	print_place(p, &s->acc);
	str_printf(p->out, ": %s += ", dtype_row(s->acc_type)->name);
	if (s->left.buffer)
		print_place(p, &s->left);
	else
		print_x(p, s->n_args ? s->args[0] : NULL);
	str_printf(p->out, ": %s%s * ", dtype_row(s->left_type)->name,
		s->left_trans ? " trans" : "");
	if (s->right.buffer)
		print_place(p, &s->right);
	else
		print_x(p, s->n_args > 1 ? s->args[1] : NULL);
	str_printf(p->out, ": %s%s", dtype_row(s->right_type)->name,
		s->right_trans ? " trans" : "");
	if (s->n_args > 2) {
		str_puts(p->out, " accumulate ");
		print_x(p, s->args[2]);
	}
}

static void print_statement(struct printer *p, const struct ks *s)
{
	switch (s->kind) {
	case KS_COMMENT: str_printf(p->out, "// %s", s->text); break;
	case KS_LET: print_define(p, "let", s); break;
	case KS_MUTABLE: print_define(p, "mutable", s); break;
	case KS_ASSIGN: print_assign(p, s); break;
	case KS_FOR: print_for(p, s); break;
	case KS_IF: print_if(p, s); break;
	case KS_STORE:
		print_place(p, &s->dst);
		str_puts(p->out, " = ");
		print_x(p, s->value);
		break;
	case KS_COPY: print_copy(p, s); break;
	case KS_COMMIT: str_puts(p->out, "commit"); break;
	case KS_WAIT: str_printf(p->out, "wait %d", s->count); break;
	case KS_BARRIER: print_barrier(p, s); break;
	case KS_FENCE:
		str_puts(p->out, s->device ? "fence.device" : "fence.block");
		break;
	case KS_ATOMIC: print_atomic(p, s); break;
	case KS_CALL:
		print_call(p, intrin_row(s->call)->name, s->args, s->n_args);
		break;
	case KS_ROLES: print_roles(p, s); break;
	case KS_MMA: print_mma(p, s); break;
	}
}

static void print_block(struct printer *p, const struct k_block *b)
{
	for (int i = 0; i < b->s.n; i++) {
		line(p);
		print_statement(p, &b->s.v[i]);
		str_putc(p->out, '\n');
	}
}

/* ---- the whole ---- */

static void print_global(struct printer *p, const struct k_buffer *b)
{
	str_puts(p->out, "  global ");
	name(p, b, b->name);
	str_printf(p->out, ": %s align %d%s%s%s\n", dtype_row(b->type)->name,
		b->align, b->written ? " written" : "", b->wide ? " wide" : "",
		b->aliased ? " aliased" : "");
}

static void print_ints(struct printer *p, const char *word, const int *v, int n)
{
	str_printf(p->out, " %s ", word);
	for (int i = 0; i < n; i++)
		str_printf(p->out, "%s%d", i ? ", " : "[", v[i]);
	str_putc(p->out, ']');
}

/* "map a: tiles of x[320, 192] bytes [640] box [64, 64] steps [1, 1]"; "from": bytes
 * behind x where they begin */
static void print_map(struct printer *p, const struct k_map *m)
{
	str_puts(p->out, "  map ");
	name(p, m, m->name);
	str_printf(p->out, ": %s of ", m->pixels ? "im2col" : "tiles");
	name(p, m->of, m->of->name);
	for (int i = 0; i < m->rank; i++)
		str_printf(p->out, "%s%lld", i ? ", " : "[",
			(long long)m->dims[i]);
	str_puts(p->out, "]");
	if (m->offset)
		str_printf(p->out, " from %lld", (long long)m->offset);
	for (int i = 1; i < m->rank; i++)
		str_printf(p->out, "%s%lld%s", i > 1 ? ", " : " bytes [",
			(long long)m->strides[i], i + 1 < m->rank ? "" : "]");
	if (m->pixels) {
		str_printf(p->out, " pixels %d channels %d", m->pixels,
			m->channels);
		print_ints(p, "lower", m->lower, m->rank - 2);
		print_ints(p, "upper", m->upper, m->rank - 2);
	} else {
		print_ints(p, "box", m->box, m->rank);
	}
	print_ints(p, "steps", m->steps, m->rank);
	if (m->swizzle)
		str_printf(p->out, " swizzle %d", m->swizzle);
	if (m->promotion)
		str_printf(p->out, " promotion %d", m->promotion);
	str_putc(p->out, '\n');
}

static void print_array(struct printer *p, const struct k_buffer *b)
{
	bool shared = b->scope == K_SHARED;

	str_puts(p->out, shared ? "  shared " : "  register ");
	name(p, b, b->name);
	str_printf(p->out, ": %s[", dtype_row(b->type)->name);
	for (int i = 0; i < b->rank; i++)
		str_printf(p->out, "%s%lld", i ? ", " : "",
			(long long)b->dims[i]);
	str_printf(p->out, "] align %d", b->align);
	if (shared)
		str_printf(p->out, " at %lld", (long long)b->offset);
	if (b->comment)
		str_printf(p->out, "  // %s", b->comment);
	str_putc(p->out, '\n');
}

static void print_head(struct printer *p, const struct kernel *k)
{
	str_printf(p->out, "kernel %s block(%d)", k->name, k->threads);
	if (k->min_blocks)
		str_printf(p->out, " min_blocks %d", k->min_blocks);
	if (k->cluster > 1)
		str_printf(p->out, " cluster %d%s", k->cluster,
			k->cluster_y ? " along y" : "");
	str_printf(p->out, " smem %lld {\n", (long long)k->shared_bytes);
	for (int i = 0; i < k->globals.n; i++)
		print_global(p, k->globals.v[i]);
	for (int i = 0; i < k->scalars.n; i++) {
		str_puts(p->out, "  scalar ");
		name(p, k->scalars.v[i], "");
		str_printf(p->out, ": %s\n",
			dtype_row(k->scalars.v[i]->type)->name);
	}
	for (int i = 0; i < k->maps.n; i++)
		print_map(p, k->maps.v[i]);
	for (int i = 0; i < k->shared.n; i++)
		print_array(p, k->shared.v[i]);
	for (int i = 0; i < k->registers.n; i++)
		print_array(p, k->registers.v[i]);
}

void kx_print(const struct kx *e, struct str *out)
{
	struct printer p = { .out = out, .names = { .a = out->a },
		.plain = true };

	print_x(&p, e);
}

void kernel_print(const struct kernel *k, struct str *out)
{
	struct printer p = { .out = out, .names = { .a = out->a },
		.depth = 1 };

	names_of_kernel(&p.names, k);
	print_head(&p, k);
	print_block(&p, &k->body);
	str_puts(out, "}\n");
}
