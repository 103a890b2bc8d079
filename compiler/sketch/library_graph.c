/* SPDX-License-Identifier: MIT */
/* Graphs for cuDNN: what follows a sum as pointwise nodes, one for each operation
 * or function that cuDNN has whole; and products as graphs. */
#include "sketch/library.h"

int graph_tensor(struct call_graph *g, struct call_tensor t)
{
	if (g->n_tensors == CALL_TENSORS)
		return -1;
	g->tensors[g->n_tensors] = t;
	return g->n_tensors++;
}

/* ---- pointwise nodes ---- */

static const struct mode {
	enum op op;
	const char *name;
} modes[] = {
	{ OP_ADD, "add" }, { OP_SUB, "sub" }, { OP_MUL, "mul" },
	{ OP_DIV, "div" }, { OP_MIN, "min" }, { OP_MAX, "max" },
	{ OP_POW, "pow" }, { OP_NEG, "neg" }, { OP_ABS, "abs" },
	{ OP_EXP, "exp" }, { OP_LOG, "log" }, { OP_SQRT, "sqrt" },
	{ OP_RSQRT, "rsqrt" }, { OP_SIN, "sin" }, { OP_COS, "cos" },
	{ OP_TANH, "tanh" }, { OP_ERF, "erf" }, { OP_FLOOR, "floor" },
	{ OP_CEIL, "ceil" },
};

/* What was made of expressions, by the tensor's number. */
struct following {
	const struct library_group *g;
	struct call_graph *q;
	const struct coordinate *axes;
	struct call_tensor result;
	const char *compute;
	int sum;
	const struct ir_expr *made[CALL_TENSORS];
	const char *why;
};

static int fails(struct following *f, const char *why)
{
	f->why = why;
	return -1;
}

static int add_tensor(struct following *f, struct call_tensor t,
	const struct ir_expr *e)
{
	int i = graph_tensor(f->q, t);

	if (i < 0)
		return fails(f, "what follows is more than a graph of this "
			"version holds");
	f->made[i] = e;
	return i;
}

/* Between two nodes: as large as the greater of what it is made of. */
static int add_virtual(struct following *f, const struct ir_expr *e,
	const int *in, int n)
{
	struct call_tensor t = { .tensor = -1, .type = f->g->acc,
		.n = f->result.n };
	int64_t all = 1;

	for (int d = 0; d < t.n; d++) {
		t.dims[d] = 1;
		for (int i = 0; i < n; i++)
			if (f->q->tensors[in[i]].dims[d] > t.dims[d])
				t.dims[d] = f->q->tensors[in[i]].dims[d];
	}
	for (int d = t.n - 1; d >= 0; d--) {
		t.strides[d] = all;
		all *= t.dims[d];
	}
	for (int d = 0, same = 1; d < t.n; d++) {
		same &= t.dims[d] == f->result.dims[d];
		if (same && d == t.n - 1)
			for (int i = 0; i < t.n; i++)
				t.strides[i] = f->result.strides[i];
	}
	return add_tensor(f, t, e);
}

static int add_constant(struct following *f, const struct ir_expr *e, double v)
{
	struct call_tensor t = { .tensor = -1, .constant = true, .value = v,
		.type = f->g->acc, .n = f->result.n };

	for (int d = 0; d < t.n; d++)
		t.dims[d] = t.strides[d] = 1;
	return add_tensor(f, t, e);
}

static int add_read(struct following *f, const struct ir_expr *e)
{
	const struct library_group *g = f->g;
	const struct ir_tensor *t = &g->t->op->tensors[e->tensor];
	struct call_tensor x = { .tensor = t->id, .type = t->type,
		.align = t->align, .n = f->result.n };
	struct ir_affine at;
	int64_t all = 1;

	if (!call_type(t->type) || e->pad != IR_PAD_NONE ||
	    !ir_address(g->t->a, g->t->op, t, e->args, &at) ||
	    !coordinate_strides(g, f->axes, x.n, &at, x.strides))
		return fails(f, arena_printf(g->t->a, "%s, which is read after "
			"the sum, is no tensor of strides over its dimensions",
			t->name));
	for (int d = 0; d < x.n; d++) {
		x.dims[d] = x.strides[d] ? f->result.dims[d] : 1;
		if (x.dims[d] > 1 && x.dims[d] * x.strides[d] > all)
			all = x.dims[d] * x.strides[d];
	}
	for (int d = 0; d < x.n; d++)
		x.strides[d] = x.dims[d] == 1 ? all : x.strides[d];
	return add_tensor(f, x, e);
}

static int add_node(struct following *f, struct call_node n,
	const struct ir_expr *e)
{
	int in = n.in[1] >= 0 ? 2 : 1;

	if (f->q->n_nodes == CALL_NODES)
		return fails(f, "what follows is more than a graph of this "
			"version holds");
	n.op = CALL_POINTWISE;
	n.compute = f->compute;
	n.out = add_virtual(f, e, n.in, in);
	if (n.out >= 0)
		f->q->nodes[f->q->n_nodes++] = n;
	return n.out;
}

static int follow(struct following *f, const struct ir_expr *e);

/* The smaller of two operands is the second, where they may change places. */
static int add_operation(struct following *f, const struct ir_expr *e)
{
	size_t i = 0, n = sizeof modes / sizeof *modes;
	struct call_node node = { .in = { -1, -1 } };

	while (e->kind == IR_OP && i < n && modes[i].op != e->op)
		i++;
	if (e->kind != IR_OP || i == n)
		return fails(f, arena_printf(f->g->t->a, "cuDNN's graphs have no "
			"'%s'", e->kind == IR_OP ? op_rows[e->op].name :
			"values of axes"));
	node.mode = modes[i].name;
	for (int k = 0; k < e->n_args; k++) {
		node.in[k] = follow(f, e->args[k]);
		if (node.in[k] < 0)
			return -1;
	}
	if (e->n_args == 2 && (e->op == OP_ADD || e->op == OP_MUL || e->op ==
	    OP_MIN || e->op == OP_MAX) &&
	    (f->q->tensors[node.in[0]].tensor >= 0 ||
	    f->q->tensors[node.in[0]].constant)) {
		int x = node.in[0];

		node.in[0] = node.in[1];
		node.in[1] = x;
	}
	return add_node(f, node, e);
}

static int follow(struct following *f, const struct ir_expr *e)
{
	struct activation act;
	double v;

	e = library_strip(f->g, e);
	if (library_is_sum(f->g, e))
		return f->sum;
	for (int i = 0; i < f->q->n_tensors; i++)
		if (f->made[i] && library_same(f->g, f->made[i], e))
			return i;
	if (library_constant(f->g, e, &v))
		return add_constant(f, e, v);
	if (e->kind == IR_READ)
		return add_read(f, e);
	if (library_activation(f->g, e, &act)) {
		struct call_node n = { .in = { follow(f, act.x), -1 },
			.mode = act.mode, .extra = act.extra,
			.number = act.number };

		return n.in[0] < 0 ? -1 : add_node(f, n, e);
	}
	return add_operation(f, e);
}

static bool uses_sum(const struct following *f, int tensor)
{
	bool uses = tensor == f->sum;

	for (int i = 0; i < f->q->n_nodes && !uses; i++) {
		const struct call_node *n = &f->q->nodes[i];

		if (n->out != tensor || !i)
			continue;
		uses = uses_sum(f, n->in[0]) ||
			(n->in[1] >= 0 && uses_sum(f, n->in[1]));
	}
	return uses;
}

bool graph_follow(const struct library_group *g, struct call_graph *q,
	const struct coordinate *axes, struct call_tensor result,
	struct call_node sum, const char **why)
{
	struct following f = { .g = g, .q = q, .axes = axes, .result = result,
		.compute = sum.compute };
	struct call_tensor t = result;
	int end;

	if (g->value) {
		t.tensor = -1;
		t.type = g->acc;
	}
	f.sum = sum.out = graph_tensor(q, t);
	q->nodes[q->n_nodes++] = sum;
	end = g->value ? follow(&f, g->value) : f.sum;
	if (end >= 0 && !uses_sum(&f, end))
		end = fails(&f, "the result does not depend on the sum");
	if (end >= 0)
		q->tensors[end] = result;
	*why = f.why;
	return end >= 0;
}

/* ---- products ---- */

static struct call_tensor matrix_of(const struct library_group *g,
	const struct library_product *p, const struct ir_tensor *t,
	const int64_t *strides, int rows, int cols)
{
	const int axes[] = { GEMM_BATCH, rows, cols };
	struct call_tensor x = { .tensor = t->id, .type = t->type,
		.align = t->align, .n = 3 };
	int64_t all = 1;

	(void)g;
	for (int d = 0; d < 3; d++) {
		x.dims[d] = p->axes[axes[d]].extent;
		x.strides[d] = strides[axes[d]];
		if (x.dims[d] > 1 && x.dims[d] * x.strides[d] > all)
			all = x.dims[d] * x.strides[d];
		if (d == 0 && x.strides[d] == 0)
			x.dims[d] = 1;
	}
	for (int d = 0; d < 3; d++)
		x.strides[d] = x.dims[d] == 1 ? all : x.strides[d];
	return x;
}

bool library_matmul(const struct library_group *g, struct p_call *out,
	const char **why)
{
	const struct ir_tensor *v = g->t->op->tensors;
	struct call_graph *q = &out->graph;
	struct call_node n = { .op = CALL_MATMUL, .in = { 0, 1 } };
	struct library_product p;
	enum dtype a, b;

	*out = (struct p_call){ .library = CALL_CUDNN };
	if (!library_product(g, &p, why))
		return false;
	a = v[p.a->tensor].type;
	b = v[p.b->tensor].type;
	n.compute = g->acc == T_F64 ? "f64" : g->acc == T_I32 ? "i32" : "f32";
	if (a != b || !call_type(a) || (dtype_is_float(a) ? g->acc != (a ==
	    T_F64 ? T_F64 : T_F32) : a != T_I8 || g->acc != T_I32)) {
		*why = arena_printf(g->t->a, "cuDNN has no %s x %s products "
			"summed in %s", dtype_row(a)->name, dtype_row(b)->name,
			dtype_row(g->acc)->name);
		return false;
	}
	graph_tensor(q, matrix_of(g, &p, &v[p.a->tensor], p.a_strides, GEMM_M,
		GEMM_K));
	graph_tensor(q, matrix_of(g, &p, &v[p.b->tensor], p.b_strides, GEMM_K,
		GEMM_N));
	return graph_follow(g, q, p.axes, matrix_of(g, &p, g->last->tensor,
		p.d_strides, GEMM_M, GEMM_N), n, why);
}
