/* SPDX-License-Identifier: MIT */
/* The library sketch without libraries: what it recognises, and that the calls it
 * makes compute what the operator does. An evaluator that knows nothing but the
 * JSON of calls reads and writes tensors as they lie in memory, and every element
 * is compared with the reference; then libwpk makes the call, of a stub of the
 * library that is as strict as the library and computes. */
#include "library_stub.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "call_eval.h"
#include "kernel/call.h"
#include "sketch/sketch.h"
#include "std_source.h"

/* The operator "t" of "source", or where that has no "op", "std.SOURCE"; "why":
 * a part of the sentence by which a library does not serve, NULL where it does. */
struct subject {
	const char *source, *why[N_CALL_LIBRARIES];
};

/* ---- from text to a call ---- */

struct made {
	struct arena *a;
	struct ir_operator *reference, *op;
	struct ir_partition *p;
	struct task task;
};

static struct ir_operator *lowered(struct arena *a, const char *source)
{
	const char *own = strstr(source, "op ") ? source : arena_printf(a,
		"export op t = std.%s;", source);

	return std_lowered(a, arena_printf(a, "import std.act; "
		"import std.conv; import std.matmul;\n%s", own), "t");
}

/* The operator in groups, and its last one as a task. */
static struct made make(const char *source)
{
	struct made m = { .a = arena_create() };
	const struct target *t = target_named("sm_90a");

	m.reference = lowered(m.a, source);
	m.op = lowered(m.a, source);
	ir_fold(m.a, m.op);
	ir_hoist(m.a, m.op);
	ir_split_axes(m.a, m.op);
	m.p = ir_partition(m.a, m.op);
	m.task = (struct task){ .a = m.a, .op = m.op,
		.group = &m.p->groups[m.p->n_groups - 1],
		.index = m.p->n_groups - 1, .n_groups = m.p->n_groups,
		.target = t, .gpu = gpu_for_target(t) };
	return m;
}

/* Why the library does not serve, or NULL and the values by which it does. */
static const char *refusal(struct made *m, enum call_library k, int *values)
{
	const struct sketch *s = sketch_named("library");
	const char *why;

	if (!s->applies(&m->task, &why))
		return why;
	s->start(&m->task, values);
	values[0] = (int)k;
	return s->legal(&m->task, m->a, values);
}

static json_t *made_step(struct made *m, const int *values,
	struct program **out)
{
	struct program *p;
	const char *why;
	struct str s;
	json_t *step;
	int *map;

	*out = p = program_of(m->a, m->op, m->p, &map);
	program_build(sketch_named("library"), &m->task, m->a, values, p);
	program_layout(p);
	why = program_verify(m->a, p, m->task.target);
	if (why)
		fail_msg("%s", why);
	str_init(&s, m->a);
	call_print(p, p->steps.v[0].call, &s);
	step = json_loads(str_text(&s), 0, NULL);
	if (!step)
		fail_msg("no JSON: %s", str_text(&s));
	return step;
}

/* ---- what it computes ---- */

struct data {
	void **p;
	size_t *bytes;
};

static struct data fill(struct made *m)
{
	const struct ir_operator *o = m->reference;
	int n = o->n_inputs + o->n_outputs;
	struct data d = { ARENA_ARRAY(m->a, (size_t)n + 1, void *),
		ARENA_ARRAY(m->a, (size_t)n + 1, size_t) };

	for (int i = 0; i < n; i++) {
		const struct ir_tensor *t = &o->tensors[i];

		d.bytes[i] = (size_t)t->elements * dtype_row(t->type)->bits / 8;
		d.p[i] = (void *)(((uintptr_t)ARENA_ARRAY(m->a, d.bytes[i] + 64,
			char) + 31) / 32 * 32);
		if (i < o->n_inputs)
			ir_eval_fill(o, i, 7 + (uint64_t)i, d.p[i]);
		else
			memset(d.p[i], 0x5b, d.bytes[i]);
	}
	return d;
}

static bool next(const struct ir_tensor *x, int64_t *idx)
{
	for (int i = x->rank - 1; i >= 0; i--) {
		if (++idx[i] < x->dims[i])
			return true;
		idx[i] = 0;
	}
	return false;
}

static void compare(struct made *m, const struct data *d, const char *what)
{
	const struct ir_tensor *t = &m->reference->tensors[
		m->reference->n_inputs];
	struct ir_eval *e = ir_eval_create(m->reference,
		(const void *const *)d->p);
	int64_t idx[IR_RANK] = {0};
	double first = NAN;
	bool varies = false;

	do {
		struct ir_num want = ir_eval_at(e, t->id, idx);
		double got = dtype_load(t->type, d->p[t->id],
			ir_offset_of(t, idx));

		if (!(fabs(got - want.v) <= want.err))
			fail_msg("%s: [%d, %d, %d, %d] is %.9g, not %.9g within "
				"%.3g", what, (int)idx[0], (int)idx[1],
				(int)idx[2], (int)idx[3], got, want.v,
				want.err);
		first = isnan(first) ? want.v : first;
		varies |= want.v != first;
	} while (next(t, idx));
	if (!varies)
		fail_msg("%s: the result is the same everywhere: no test", what);
	ir_eval_destroy(e);
}

/* By libwpk, of a stub. */
static void runs(struct made *m, const char *text, enum call_library k,
	const char *what)
{
	int n = m->reference->n_inputs + m->reference->n_outputs;
	struct data d = fill(m);
	char lt[400], dnn[400];
	struct stub *s = stub_create(k == CALL_CUBLASLT ? stub_path(
		"libcublaslt.so", lt) : "", k == CALL_CUDNN ? stub_path(
		"libcudnn.so", dnn) : "");
	struct wpk_memory memory = { NULL, 0, NULL, 0 };
	struct wpk_call *call;
	struct wpk_error e;
	void *scratch;

	if (wpk_call_create(&s->context, text, &call, &e))
		fail_msg("%s: %s\n%s", what, e.text, text);
	scratch = aligned_alloc(256, wpk_call_workspace(call) / 256 * 256 + 256);
	if (wpk_call_run(call, d.p, n, &memory, scratch, NULL, &e))
		fail_msg("%s: %s\n%s", what, e.text, text);
	assert_int_equal(wpk_call_run(call, d.p, 1, &memory, scratch, NULL, &e),
		WPK_E_NULL);
	compare(m, &d, what);
	free(scratch);
	wpk_call_destroy(call);
	stub_destroy(s);
}

static void computes(struct made *m, const int *values, const char *what)
{
	struct data d = fill(m);
	struct program *p;
	json_t *step = made_step(m, values, &p);
	char *text = json_dumps(step, 0);
	const struct call_memory memory = { d.p, d.bytes,
		m->reference->n_inputs + m->reference->n_outputs, NULL, 0 };
	const char *why = call_evaluate(step, &memory);

	if (why)
		fail_msg("%s: %s\n%s", what, why, text);
	compare(m, &d, what);
	runs(m, text, (enum call_library)values[0], what);
	free(text);
	json_decref(step);
}

static void run_subject(const struct subject *s)
{
	for (int k = 0; k < N_CALL_LIBRARIES; k++) {
		struct made m = make(s->source);
		int values[2];
		const char *why = refusal(&m, (enum call_library)k, values);
		const char *what = arena_printf(m.a, "%s by %s", s->source,
			call_titles[k]);

		if (!why != !s->why[k] || (why && !strstr(why, s->why[k])))
			fail_msg("%s: %s, and not %s", what, why ? why :
				"it serves", s->why[k] ? s->why[k] : "it serves");
		if (!why)
			computes(&m, values, what);
		arena_destroy(m.a);
	}
}

static void run_table(void **state)
{
	for (const struct subject *s = *state; s->source; s++)
		run_subject(s);
}

/* ---- products ---- */

#define OWN(tensors, result, body) \
	"export op t[M = 9, N = 12, K = 7, B = 3](" tensors ") -> (y: " result \
	") {\n" body "\n}"
#define NT(end) OWN("x: f16[M, K], w: f16[N, K], b: f16[N], c: f16[M, N], " \
	"m: f16[M]", "f16[M, N]", \
	"let acc[i, j]: f32 = sum[k](x[i, k] * w[j, k]);\ny[i, j] = f16(" end ");")

static const struct subject products[] = {
	{ "matmul.nn[M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.nt[M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.tn[M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.tt[M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.nt[T = f16, M = 5, N = 7, K = 6] with c layout(N, M)",
		{ NULL } },
	{ "matmul.nn[T = bf16, M = 5, N = 7, K = 6] with c layout(N, M)",
		{ NULL } },
	{ "matmul.nt[T = bf16, O = f32, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.nt[T = f64, A = f64, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.nt[T = i8, A = i32, O = i32, scale = 1, M = 8, N = 12, K = 16]",
		{ NULL } },
	{ "matmul.nn[T = i8, A = i32, O = i32, scale = 1, M = 8, N = 12, K = 16]",
		{ "lie side by side along what is summed" } },
	{ "matmul.nt[T = e4m3, O = bf16, M = 16, N = 32, K = 48]", { NULL } },
	{ "matmul.nt[T = e5m2, O = bf16, M = 16, N = 32, K = 48]",
		{ "no e5m2 x e5m2" } },
	{ "matmul.nt[T = e4m3, O = bf16, M = 16, N = 30, K = 48]",
		{ "multiples of 16" } },
	{ "matmul.nt[T = f16, O = bf16, M = 5, N = 7, K = 6]",
		{ "with results in bf16" } },
	{ "matmul.nt[T = f32, scale = 0.5, M = 5, N = 7, K = 6]",
		{ "and nothing else" } },
	{ "matmul.batched_nn[Z = 3, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.batched_tt[T = f16, Z = 3, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.matvec[M = 5, K = 6]", { NULL } },
	{ "matmul.vecmat[N = 5, K = 6]", { NULL } },
	{ "matmul.linear[T = f16, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.linear_relu[T = bf16, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.linear_gelu[T = f16, M = 5, N = 7, K = 6]",
		{ "and nothing else" } },
	{ "matmul.linear_gelu_tanh[T = f16, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.linear_gelu_tanh[T = f32, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.linear_silu[M = 5, N = 7, K = 6]", { "and nothing else" } },
	{ "matmul.linear_add[T = f16, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.linear_add_relu[T = f16, M = 5, N = 7, K = 6]", { NULL } },
	{ "matmul.linear_add_relu[T = f16, M = 5, N = 7, K = 6] "
		"with y layout(N, M)", { "lies otherwise" } },
	{ NT("act.relu(b[j] + acc[i, j]) + c[i, j]"), { "and nothing else" } },
	{ NT("act.relu(c[i, j] + (acc[i, j] + b[j]))"), { NULL } },
	{ NT("act.relu(acc[i, j] + m[i])"), { "lies otherwise" } },
	{ NT("acc[i, j] + c[i, j] + c[i, j]"), { "adds one matrix" } },
	{ NT("acc[i, j] + b[j] + b[j]"), { "adds one bias" } },
	{ NT("acc[i, j] + acc[i, j]"), { "used twice" } },
	{ NT("f32(f16(acc[i, j])) + b[j]"), { "computes in f16",
		"computes in f16" } },
	{ NT("acc[i, j] + c[0, j]"), { NULL } },
	{ NT("acc[i, j] + b[3]"), { "neither a bias nor a matrix",
		"no tensor of strides" } },
	{ OWN("x: f16[M, K], w: f16[K, N]", "f16[M, N]",
		"let acc[i, j]: f16 = sum[k](x[i, k] * w[k, j]);\n"
		"y[i, j] = f16(1.5 * f32(acc[i, j]));"), { "rounded to f16",
		"rounded to f16" } },
	{ OWN("x: f16[B, M, K], w: f16[N, K]", "f16[B, M, N]",
		"let acc[b, i, j]: f32 = sum[k](x[b, i, k] * w[j, k]);\n"
		"y[b, i, j] = f16(acc[b, i, j]);"), { NULL } },
	{ OWN("x: f16[B, M, K], w: f16[N, K]", "f16[M, B, N]",
		"let acc[i, b, j]: f32 = sum[k](x[b, i, k] * w[j, k]);\n"
		"y[i, b, j] = f16(acc[i, b, j]);"), { NULL } },
	{ OWN("x: f16[B, M, K], w: f16[B, N, K]", "f16[M, B, N]",
		"let acc[i, b, j]: f32 = sum[k](x[b, i, k] * w[b, j, k]);\n"
		"y[i, b, j] = f16(acc[i, b, j]);"), { "no matrix that lies" } },
	{ OWN("x: f16[B, M, K], w: f16[N, K]", "f16[M, B, N]",
		"let acc[b, i, j]: f32 = sum[k](x[b, i, k] * w[j, k]);\n"
		"y[i, b, j] = f16(acc[b, i, j]);"), { NULL } },
	{ OWN("x: f32[M, B, K], w: f32[N, B, K]", "f32[M, N]",
		"y[i, j] = sum[b, k](x[i, b, k] * w[j, b, k]);"), { NULL } },
	{ OWN("x: f32[B, M, K], w: f32[N, B, K]", "f32[M, N]",
		"y[i, j] = sum[b, k](x[b, i, k] * w[j, b, k]);"),
		{ "no one stride", "" } },
	{ OWN("x: f32[M, 2*K], w: f32[N, K]", "f32[M, N]",
		"y[i, j] = sum[k in K](x[i, k + 3] * w[j, k]);"),
		{ "", "" } },
	{ OWN("x: f32[2*M, K], w: f32[N, K]", "f32[M, N]",
		"y[i, j] = sum[k](x[2*i, k] * w[j, k]);"), { NULL } },
	{ OWN("x: f32[M, 2*K], w: f32[N, K]", "f32[M, N]",
		"y[i, j] = sum[k in K](x[i, 2*k] * w[j, k]);"),
		{ "neither in rows nor in columns" } },
	{ OWN("x: f32[M, K], w: f32[N, K]", "f32[M, N]",
		"y[i, j] = sum[k](abs(x[i, k] - w[j, k]));"), { "no product",
		"no product" } },
	{ OWN("x: f32[M, K], w: f32[N, K]", "f32[M, N]",
		"y[i, j] = max[k](x[i, k] * w[j, k]);"), { "", "" } },
	{ NULL, { NULL } }
};

/* ---- convolutions ---- */

#define NHWC " with x layout(N, H, W, C), w layout(F, R, S, C/G), " \
	"y layout(N, P, Q, F)"
#define SMALL "N = 2, C = 4, H = 7, W = 6, F = 6, R = 3, S = 2"
#define NO_GEMM { "" }

static const struct subject convolutions[] = {
	{ "conv.conv2d[" SMALL "]", NO_GEMM },
	{ "conv.conv2d[T = f16, " SMALL ", PH = 1, PW = 1]" NHWC, NO_GEMM },
	{ "conv.conv2d[T = f16, " SMALL ", SH = 2, SW = 3, PH = 2]" NHWC,
		NO_GEMM },
	{ "conv.conv2d[T = bf16, " SMALL ", DH = 2, DW = 3, PW = 2]", NO_GEMM },
	{ "conv.conv2d[" SMALL ", G = 2, PH = 1, PW = 1]" NHWC, NO_GEMM },
	{ "conv.conv2d[N = 2, C = 4, H = 7, W = 6, F = 4, R = 3, S = 3, G = 4]",
		NO_GEMM },
	{ "conv.conv2d[N = 2, C = 4, H = 7, W = 6, F = 8, R = 3, S = 3, G = 4]"
		NHWC, NO_GEMM },
	{ "conv.conv2d[N = 2, C = 8, H = 7, W = 6, F = 4, R = 3, S = 3, G = 4]"
		NHWC, NO_GEMM },
	{ "conv.conv2d[N = 2, C = 4, H = 5, W = 6, F = 6, R = 1, S = 1]" NHWC,
		{ NULL } },
	{ "conv.conv2d[N = 2, C = 4, H = 5, W = 6, F = 6, R = 1, S = 1]",
		{ NULL } },
	{ "conv.conv2d[N = 2, C = 4, H = 7, W = 6, F = 6, R = 1, S = 1, SH = 2, "
		"SW = 2]" NHWC, NO_GEMM },
	{ "conv.conv2d[N = 1, C = 4, H = 7, W = 6, F = 6, R = 1, S = 1, SH = 2, "
		"SW = 2]" NHWC, { NULL } },
	{ "conv.conv2d[N = 2, C = 4, H = 3, W = 2, F = 6, R = 3, S = 2]",
		{ NULL } },
	{ "conv.conv2d[N = 2, C = 4, H = 3, W = 2, F = 6, R = 5, S = 4, PH = 1, "
		"PW = 1]" NHWC, NO_GEMM },
	{ "conv.conv2d[T = f64, A = f64, " SMALL "]", NO_GEMM },
	{ "conv.conv2d[T = i8, A = i32, O = i32, " SMALL "]" NHWC, NO_GEMM },
	{ "conv.conv2d[T = e4m3, O = f16, " SMALL "]" NHWC, NO_GEMM },
	{ "conv.conv2d[T = f16, " SMALL "] with x layout(N, C/2, H, W, C%2)",
		{ "", "" } },
	{ "conv.conv2d_bias[T = f16, " SMALL ", PH = 1]" NHWC, NO_GEMM },
	{ "conv.conv2d_bias_relu[T = f16, " SMALL ", PH = 1]" NHWC, NO_GEMM },
	{ "conv.conv2d_bias_relu6[" SMALL ", SW = 2]", NO_GEMM },
	{ "conv.conv2d_bias_silu[T = bf16, " SMALL "]" NHWC, NO_GEMM },
	{ "conv.conv2d_bias_add_relu[T = f16, " SMALL ", PH = 1]" NHWC,
		NO_GEMM },
	{ "conv.conv2d_bias_relu[T = f16, N = 2, C = 4, H = 5, W = 6, F = 8, "
		"R = 1, S = 1]" NHWC, { NULL } },
	{ "conv.conv1d[N = 2, C = 4, W = 9, F = 6, S = 3, PW = 1]", NO_GEMM },
	{ "conv.conv1d_bias[N = 2, C = 4, W = 9, F = 6, S = 3, SW = 2, G = 2]",
		NO_GEMM },
	{ "conv.conv3d[N = 1, C = 2, D = 4, H = 5, W = 4, F = 3, U = 2, R = 3, "
		"S = 2, PD = 1, SH = 2, DW = 2]", NO_GEMM },
	{ "conv.depthwise1d[N = 2, C = 4, W = 9, S = 3, PW = 1]", NO_GEMM },
	{ "conv.depthwise2d[N = 2, C = 4, H = 7, W = 6, R = 3, S = 3, PH = 1]",
		NO_GEMM },
	{ "conv.depthwise2d_bias_relu6[T = f16, N = 2, C = 4, H = 7, W = 6, "
		"R = 3, S = 3, PH = 1] with x layout(N, H, W, C), "
		"w layout(R, S, C), y layout(N, P, Q, C)", NO_GEMM },
	{ "conv.depthwise3d[N = 1, C = 3, D = 4, H = 5, W = 4, U = 2, R = 3, "
		"S = 2]", NO_GEMM },
	{ "conv.conv_transpose1d[N = 2, C = 4, W = 5, K = 3, S = 3, SW = 2, "
		"PW = 1, OW = 1]", NO_GEMM },
	/* Nine results by steps of two: the condition of the sum stays. */
	{ "conv.conv_transpose1d[N = 2, C = 4, W = 5, K = 3, S = 3, SW = 2, "
		"PW = 1]", { "", "contractions" } },
	{ "conv.conv_transpose2d[N = 2, C = 4, H = 4, W = 5, K = 3, R = 3, "
		"S = 3, PH = 1, PW = 1]", NO_GEMM },
	{ "conv.conv_transpose2d[T = f16, N = 2, C = 4, H = 4, W = 5, K = 3, "
		"R = 3, S = 3, SH = 2, SW = 2, PH = 1, PW = 1, OH = 1, OW = 1]",
		NO_GEMM },
	{ "conv.conv_transpose2d[N = 1, C = 4, H = 4, W = 3, K = 2, R = 4, "
		"S = 4, SH = 2, SW = 2, PH = 1, PW = 1] "
		"with x layout(N, H, W, C), w layout(R, S, C, K), "
		"y layout(N, P, Q, F)", NO_GEMM },
	{ "conv.conv_transpose2d[N = 1, C = 4, H = 4, W = 3, K = 2, R = 2, "
		"S = 3, SH = 2, SW = 1, DW = 2, G = 2]", NO_GEMM },
	{ "conv.conv_transpose2d[N = 1, C = 4, H = 4, W = 3, K = 2, R = 6, "
		"S = 2, SH = 3, SW = 2]", NO_GEMM },
	{ "conv.conv_transpose3d[N = 1, C = 3, D = 3, H = 3, W = 4, K = 2, "
		"U = 2, R = 3, S = 3, SD = 2, SH = 2, SW = 2, PH = 1, OH = 1, "
		"OW = 1]", NO_GEMM },
	/* By the filter, of a convolution by steps of two. */
	{ "export op t[N = 2, C = 3, H = 7, W = 6, F = 4, P = 4, Q = 3, R = 3, "
		"S = 2](x: f32[N, C, H, W], dy: f32[N, F, P, Q]) -> (dw: f32[F, "
		"C, R, S]) { dw[f, c, r, s] = sum[n, p, q](x[n, c, 2*p + r - 1, "
		"2*q + s] pad 0 * dy[n, f, p, q]); }", NO_GEMM },
	{ "conv.capsule2d[N = 1, H = 6, W = 5, I = 4, K = 4, C = 3, R = 3, "
		"S = 3, J = 4, F = 5, PH = 1, PW = 1]", { "", "no one stride" } },
	{ NULL, { NULL } }
};

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "products", run_table, NULL, NULL, (void *)products },
		{ "convolutions", run_table, NULL, NULL,
			(void *)convolutions },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
