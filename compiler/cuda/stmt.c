/* SPDX-License-Identifier: MIT */
/* Statements as C++. Blocks are C++ scopes, names are bound as they are
 * declared, and a body of one simple statement goes without braces. */
#include <string.h>

#include "cuda/emit.h"

static void line(struct emit *m, struct str *text)
{
	emit_line(m->out, m->depth, str_text(text));
}

static struct str begin(struct emit *m)
{
	struct str text;

	str_init(&text, m->a);
	return text;
}

bool emit_is_simple(const struct ks *s)
{
	switch (s->kind) {
	case KS_ASSIGN:
	case KS_STORE:
	case KS_COMMIT:
	case KS_WAIT:
	case KS_BARRIER:
	case KS_FENCE:
	case KS_CALL:
	case KS_MMA:
		return true;
	case KS_COPY:
		return !s->cond || s->copy == COPY_ASYNC;
	case KS_ATOMIC:
		return !s->var;
	default:
		return false;
	}
}

static bool needs_braces(const struct k_block *b)
{
	return b->s.n != 1 || !emit_is_simple(&b->s.v[0]);
}

/* "head" with its body, and the closing brace if it has one. */
static void body(struct emit *m, struct str *head, const struct k_block *b,
	bool braces)
{
	int mark = names_enter(&m->names);

	if (braces)
		str_puts(head, " {");
	line(m, head);
	m->depth++;
	emit_block(m, b);
	m->depth--;
	names_leave(&m->names, mark);
}

static void end(struct emit *m, const char *text)
{
	str_indent(m->out, m->depth);
	str_puts(m->out, text);
	str_putc(m->out, '\n');
}

/* ---- variables ---- */

static void emit_define(struct emit *m, const struct ks *s)
{
	struct str text = begin(m), value = begin(m);

	emit_x(m, &value, s->value, P_SELECT);
	str_printf(&text, "%s%s %s = %s;",
		s->kind == KS_LET ? "const " : "", emit_c_type(s->var->type),
		names_bind(&m->names, s->var, s->var->name),
		str_text(&value));
	line(m, &text);
}

static bool has_assignment(enum op op)
{
	return op == OP_ADD || op == OP_SUB || op == OP_MUL || op == OP_DIV;
}

static bool is_one(const struct kx *e)
{
	int64_t v;

	return kx_is_int(e, &v) && v == 1;
}

static void emit_assign(struct emit *m, const struct ks *s)
{
	struct kx var = { .kind = KX_VAR, .type = s->var->type,
		.var = s->var };
	struct kx *args[] = { &var, s->value };
	struct kx whole = { .kind = KX_OP, .type = var.type, .op = s->op,
		.args = args, .n_args = 2 };
	struct str text = begin(m);

	str_puts(&text, names_of(&m->names, s->var));
	if (s->has_op && s->op == OP_ADD && is_one(s->value)) {
		str_puts(&text, "++");
	} else if (s->has_op && has_assignment(s->op)) {
		str_printf(&text, " %s= ", op_rows[s->op].cuda);
		emit_x(m, &text, s->value, P_SELECT);
	} else {
		str_puts(&text, " = ");
		emit_x(m, &text, s->has_op ? &whole : s->value, P_SELECT);
	}
	str_putc(&text, ';');
	line(m, &text);
}

/* ---- stores ---- */

/* Is the value "dst op something"? */
static bool updates(const struct ks *s)
{
	const struct kx *v = s->value, *old;

	if (v->kind != KX_OP || !has_assignment(v->op))
		return false;
	old = v->args[0];
	if (old->kind != KX_LOAD || old->buffer != s->dst.buffer)
		return false;
	for (int i = 0; i < old->n_args; i++)
		if (!kx_same(old->args[i], s->dst.index[i]))
			return false;
	return true;
}

static void emit_store(struct emit *m, const struct ks *s)
{
	struct str text = begin(m);

	emit_element(m, &text, s->dst.buffer, s->dst.index);
	if (updates(s)) {
		str_printf(&text, " %s= ", op_rows[s->value->op].cuda);
		emit_x(m, &text, s->value->args[1], P_SELECT);
	} else {
		str_puts(&text, " = ");
		emit_x(m, &text, s->value, P_SELECT);
	}
	str_putc(&text, ';');
	line(m, &text);
}

/* ---- control ---- */

static void emit_pragma(struct emit *m, const struct ks *s)
{
	struct str text = begin(m);

	if (s->loop == LOOP_UNROLLED || s->factor) {
		str_puts(&text, "#pragma unroll");
		if (s->factor)
			str_printf(&text, " %d", s->factor);
		line(m, &text);
	}
}

static void emit_step(struct emit *m, struct str *text, const struct ks *s,
	const char *name)
{
	if (s->loop == LOOP_THREADS)
		str_printf(text, "%s += %d", name, m->kernel->threads);
	else if (s->loop == LOOP_TILES)
		str_printf(text, "%s += gridDim.x", name);
	else if (is_one(s->step))
		str_printf(text, "%s++", name);
	else {
		str_printf(text, "%s += ", name);
		emit_x(m, text, s->step, P_SELECT);
	}
}

static void emit_start(struct emit *m, struct str *text, const struct ks *s)
{
	const char *own = s->loop == LOOP_THREADS ? "threadIdx.x" :
		s->loop == LOOP_TILES ? "blockIdx.x" : NULL;
	int64_t lo;

	if (own && kx_is_int(s->lo, &lo) && lo == 0) {
		str_puts(text, own);
		return;
	}
	emit_x(m, text, s->lo, own ? P_ADD : P_SELECT);
	if (own)
		str_printf(text, " + %s", own);
}

static void emit_for(struct emit *m, const struct ks *s)
{
	struct str text = begin(m), lo = begin(m), hi = begin(m);
	int mark = names_enter(&m->names);
	bool braces = needs_braces(s->body);
	const char *name;

	emit_start(m, &lo, s);
	emit_signed(m, &hi, s->hi, P_SHIFT);
	name = names_bind(&m->names, s->var, s->var->name);
	str_printf(&text, "for (%s %s = %s; %s < %s; ",
		emit_c_type(s->var->type), name, str_text(&lo), name,
		str_text(&hi));
	emit_step(m, &text, s, name);
	str_putc(&text, ')');
	emit_pragma(m, s);
	if (s->loop == LOOP_UNROLLED && !s->factor)
		vec_push(m->a, &m->unrolled, s->var);
	body(m, &text, s->body, braces);
	if (s->loop == LOOP_UNROLLED && !s->factor)
		m->unrolled.n--;
	if (braces)
		end(m, "}");
	names_leave(&m->names, mark);
}

static bool is_else_if(const struct k_block *b)
{
	return b->s.n == 1 && b->s.v[0].kind == KS_IF;
}

static void emit_if(struct emit *m, const struct ks *s, const char *before)
{
	bool chain = s->orelse && is_else_if(s->orelse);
	bool braces = needs_braces(s->body) || *before ||
		(s->orelse && needs_braces(s->orelse));
	struct str text = begin(m);

	str_printf(&text, "%sif (", before);
	emit_x(m, &text, s->cond, P_ANY);
	str_putc(&text, ')');
	body(m, &text, s->body, braces);
	if (chain) {
		emit_if(m, &s->orelse->s.v[0], "} else ");
		return;
	}
	if (s->orelse) {
		text = begin(m);
		str_puts(&text, braces ? "} else" : "else");
		body(m, &text, s->orelse, braces);
	}
	if (braces)
		end(m, "}");
}

static void emit_registers(struct emit *m, int registers)
{
	int call = registers > kernel_registers(m->kernel) ? INTRIN_REGISTERS_INCREASE :
		INTRIN_REGISTERS_DECREASE;
	struct kx *args[] = { kx_int(m->a, registers) };
	struct str text = begin(m);

	if (!registers)
		return;
	emit_call(m, &text, call, args);
	str_putc(&text, ';');
	line(m, &text);
}

/* "covered": the roles before it have all warps below "covered". */
static const char *role_condition(struct emit *m, const struct k_role *r,
	int covered)
{
	int lo = 32 * r->lo, hi = 32 * r->hi;

	if (r->lo == covered && hi == m->kernel->threads && covered)
		return "";
	if (r->lo == covered)
		return arena_printf(m->a, "if (threadIdx.x < %d) ", hi);
	if (hi == m->kernel->threads)
		return arena_printf(m->a, "if (threadIdx.x >= %d) ", lo);
	return arena_printf(m->a, "if (threadIdx.x >= %d && threadIdx.x < "
		"%d) ", lo, hi);
}

static void emit_role(struct emit *m, const struct k_role *r, bool first,
	int covered)
{
	int mark = names_enter(&m->names);

	emit_line(m->out, m->depth, arena_printf(m->a, "%s%s{",
		first ? "" : "} else ", role_condition(m, r, covered)));
	m->depth++;
	emit_comment(m->a, m->out, m->depth, arena_printf(m->a,
		"%s: warps %d to %d", r->name, r->lo, r->hi - 1));
	emit_registers(m, r->registers);
	emit_block(m, r->body);
	m->depth--;
	names_leave(&m->names, mark);
}

static void emit_roles(struct emit *m, const struct ks *s)
{
	int covered = 0;

	for (int i = 0; i < s->n_roles; i++) {
		emit_role(m, &s->roles[i], i == 0, covered);
		if (s->roles[i].lo == covered)
			covered = s->roles[i].hi;
	}
	end(m, "}");
}

/* ---- synchronisation and calls ---- */

static void emit_effect(struct emit *m, int intrin, struct kx *const *args)
{
	struct str text = begin(m);

	emit_call(m, &text, intrin, args);
	str_putc(&text, ';');
	line(m, &text);
}

static void emit_barrier(struct emit *m, const struct ks *s)
{
	struct kx *args[] = { kx_int(m->a, s->id), kx_int(m->a, s->count) };

	switch (s->barrier) {
	case BARRIER_BLOCK: end(m, "__syncthreads();"); break;
	case BARRIER_WARP: end(m, "__syncwarp();"); break;
	case BARRIER_NAMED: emit_effect(m, INTRIN_BARRIER_SYNC, args); break;
	case BARRIER_CLUSTER:
		emit_effect(m, INTRIN_CLUSTER_SYNC, NULL);
		break;
	}
}

static const char *atomic_name(enum op op)
{
	switch (op) {
	case OP_ADD: return "atomicAdd";
	case OP_MIN: return "atomicMin";
	case OP_MAX: return "atomicMax";
	case OP_AND: return "atomicAnd";
	default: return "atomicOr";
	}
}

/* The sum of two's complement numbers is the unsigned one: CUDA has no other
 * for 64 bits. */
static void emit_atomic(struct emit *m, const struct ks *s)
{
	bool wide = s->dst.buffer->type == T_I64 && s->op == OP_ADD;
	bool block = s->dst.buffer->scope == K_GLOBAL && !s->device;
	struct str text = begin(m), value = begin(m);

	emit_x(m, &value, s->value, wide ? P_UNARY : P_SELECT);
	if (s->var)
		str_printf(&text, "const %s %s = ", emit_c_type(s->var->type),
			names_bind(&m->names, s->var, s->var->name));
	str_printf(&text, "%s%s(%s&", atomic_name(s->op),
		block ? "_block" : "", wide ? "(unsigned long long *)" : "");
	emit_element(m, &text, s->dst.buffer, s->dst.index);
	str_printf(&text, ", %s%s);", wide ? "(unsigned long long)" : "",
		str_text(&value));
	line(m, &text);
}

static void put_fragment(struct emit *m, struct str *out,
	const struct k_place *p)
{
	str_putc(out, '&');
	emit_element(m, out, p->buffer, p->index);
}

static void put_factor(struct emit *m, struct str *out,
	const struct k_place *p, const struct kx *descriptor)
{
	str_puts(out, ", ");
	if (p->buffer)
		put_fragment(m, out, p);
	else
		emit_x(m, out, descriptor, P_SELECT);
}

static void note_mma(struct emit *m, const struct ks *s)
{
	const char *name = emit_mma_name(m->a, s);

	for (int i = 0; i < m->mma.n; i++)
		if (!strcmp(emit_mma_name(m->a, m->mma.v[i].s), name)) {
			m->mma.v[i].places |= m->places;
			return;
		}
	vec_push(m->a, &m->mma, ((struct used_mma){ s, m->places }));
}

static void emit_mma(struct emit *m, const struct ks *s)
{
	struct str text = begin(m);

	note_mma(m, s);
	str_printf(&text, "%s(", emit_mma_name(m->a, s));
	put_fragment(m, &text, &s->acc);
	put_factor(m, &text, &s->left, s->n_args ? s->args[0] : NULL);
	put_factor(m, &text, &s->right, s->n_args ? s->args[1] : NULL);
	if (s->mma == MMA_WGMMA) {
		str_puts(&text, ", ");
		if (s->n_args > 2)
			emit_x(m, &text, s->args[2], P_SELECT);
		else
			str_putc(&text, '1');
	}
	str_puts(&text, ");");
	line(m, &text);
}

static void emit_statement(struct emit *m, const struct ks *s)
{
	struct kx *count[] = { kx_int(m->a, s->count) };

	switch (s->kind) {
	case KS_COMMENT:
		emit_comment(m->a, m->out, m->depth, s->text);
		break;
	case KS_LET:
	case KS_MUTABLE: emit_define(m, s); break;
	case KS_ASSIGN: emit_assign(m, s); break;
	case KS_FOR: emit_for(m, s); break;
	case KS_IF: emit_if(m, s, ""); break;
	case KS_STORE: emit_store(m, s); break;
	case KS_COPY: emit_copy(m, s); break;
	case KS_COMMIT: emit_effect(m, INTRIN_COPY_ASYNC_COMMIT, NULL); break;
	case KS_WAIT: emit_effect(m, INTRIN_COPY_ASYNC_WAIT, count); break;
	case KS_BARRIER: emit_barrier(m, s); break;
	case KS_FENCE:
		end(m, s->device ? "__threadfence();" :
			"__threadfence_block();");
		break;
	case KS_ATOMIC: emit_atomic(m, s); break;
	case KS_CALL: emit_effect(m, s->call, s->args); break;
	case KS_ROLES: emit_roles(m, s); break;
	case KS_MMA: emit_mma(m, s); break;
	}
}

void emit_block(struct emit *m, const struct k_block *b)
{
	for (int i = 0; i < b->s.n; i++) {
		if (i && b->s.v[i].kind == KS_COMMENT)
			str_putc(m->out, '\n');
		emit_statement(m, &b->s.v[i]);
	}
}
