/* SPDX-License-Identifier: MIT */
/* Proof of a program: the toolchain accepts it without spills, and its text,
 * emulated, agrees with the reference. */
#include "driver/session.h"

#include "driver/check.h"
#include "driver/child.h"
#include "driver/general.h"
#include "driver/toolchain.h"

enum { NVCC_SECONDS = 60, LIBRARY_STACK = 40 };

static struct proof verdict(enum verdict v, const char *text)
{
	return (struct proof){ .verdict = v, .text = text };
}

static void note_library(struct ir_expr *e, void *ctx)
{
	if (e->kind == IR_OP && (e->op == OP_SIN || e->op == OP_COS))
		*(int *)ctx = LIBRARY_STACK;
}

/* What the CUDA library's sine and cosine keep on the stack for arguments so
 * large that hardly any thread reduces them so. */
int prove_stack(const struct ir_operator *o)
{
	int bytes = 0;

	for (int i = 0; i < o->n_stmts; i++)
		ir_walk(o->stmts[i].expr, note_library, &bytes);
	return bytes;
}

static struct proof assemble(struct session *s, struct arena *a,
	const struct job *j, const struct str *cu)
{
	struct toolchain_report r;
	const char *why = toolchain_compile(a, s->nvcc, str_text(cu), cu->n,
		j->place->target, NVCC_SECONDS, &r);

	if (why)
		return (struct proof){ .verdict = V_COMPILE, .text = why,
			.hopeless = r.broken };
	if (r.spill_bytes || r.stack_bytes > prove_stack(j->reference))
		return verdict(V_SPILL, arena_printf(a,
			"%d registers, %d bytes spilled, %d bytes of stack",
			r.registers, r.spill_bytes, r.stack_bytes));
	if (r.advisory)
		return verdict(V_COMPILE, r.advisory);
	return verdict(V_MEASURED, "");
}

/* "c2", or where it is compiled for several targets "c2 for sm_80", and for
 * several GPUs of one "c2 for sm_90a on h200". */
static const char *name_of(const struct session *s, struct arena *a,
	const struct job *j)
{
	return s->n_places == 1 ? j->name : arena_printf(a, "%s for %s%s%s",
		j->name, j->place->target->name, j->place->sister ? " on " :
		"", j->place->sister ? j->place->gpu->name : "");
}

static struct proof emulated(struct arena *a, const struct check_request *r)
{
	static const enum verdict verdicts[] = {
		[CHECK_VERIFIED] = V_MEASURED, [CHECK_WRONG] = V_WRONG,
		[CHECK_FAULT] = V_FAULT, [CHECK_TIMEOUT] = V_TIMEOUT,
		[CHECK_UNAVAILABLE] = V_MEASURED, [CHECK_STOPPED] = V_TIMEOUT,
	};
	struct check_result c;
	struct proof proof;

	check_program(a, r, &c);
	proof = verdict(verdicts[c.verdict], c.line);
	proof.emulated = c.verdict == CHECK_VERIFIED;
	if (*c.detail)
		proof.text = arena_printf(a, "%s\n%s", c.line, c.detail);
	return proof;
}

static bool has_kernels(const struct program *p)
{
	for (int i = 0; i < p->prepare.n + p->steps.n; i++)
		if ((i < p->prepare.n ? p->prepare.v[i] :
		    p->steps.v[i - p->prepare.n]).kind != P_LIBRARY)
			return true;
	return false;
}

/* The library that the program calls, or NULL. */
static const char *library_of(const struct program *p)
{
	for (int i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].kind == P_LIBRARY)
			return call_titles[p->steps.v[i].call->library];
	return NULL;
}

/* "which" of the sizes at which a general program is checked; others have one
 * case, their own. What is the library's to compute is not here to be checked:
 * that its call is what the operator says, tests of the sketch prove. */
static struct proof emulate(struct session *s, struct arena *a,
	const struct job *j, const struct program *p, int which,
	const struct cuda_operator *o, const struct str *cu)
{
	struct check_request r = { .name = name_of(s, a, j), .program = p,
		.operator = o, .op = j->reference,
		.arithmetic = j->general ? NULL : choices_arithmetic(a, j),
		.target = j->place->target, .gpu = j->place->gpu,
		.cuda = str_text(cu), .n_cuda = cu->n,
		.how = s->o->check_how, .nvcc = s->o->check_gpu ?
			s->nvcc : NULL, .turns = s->turns,
		.seed = j->seed ? j->seed : s->o->seed };
	const char *library = library_of(p);
	struct ir_operator *op;
	struct program *at;

	if (library)
		return verdict(V_MEASURED, arena_printf(a, "%s: not verified: "
			"it calls %s, which computes on a GPU alone", r.name,
			library));
	if (j->general) {
		if (!general_case(s, a, j, which, &op, &at, &r.name))
			return verdict(V_COMPILE, "it cannot be lowered");
		r.op = op;
		r.arithmetic = general_arithmetic(s, j, j->cases[which]);
		r.program = at;
	}
	return emulated(a, &r);
}

int prove_cases(const struct job *j)
{
	return j->general ? j->n_cases : 1;
}

/* A launcher for several GPUs would take the variant of the one that is here,
 * whichever is meant. */
struct proof prove_case(struct session *s, struct arena *a,
	const struct job *j, const struct program *p, int which)
{
	bool alone = s->o->test || (s->o->check_gpu && j->place->sister);
	struct cuda_unit u = alone ? emit_program(s, a, j, p) :
		emit_launcher(s, a, j);
	struct str cu;

	str_init(&cu, a);
	cuda_emit(&u, &cu);
	return emulate(s, a, j, p, which, u.operators, &cu);
}

struct proof prove_contender(struct session *s, struct arena *a,
	const struct job *j)
{
	struct cuda_unit u = emit_program(s, a, j, j->program);
	struct str cu;

	str_init(&cu, a);
	cuda_emit(&u, &cu);
	return emulate(s, a, j, j->program, 0, u.operators, &cu);
}

struct proof prove(struct session *s, struct arena *a, const struct job *j,
	const struct program *p)
{
	struct proof r = verdict(V_MEASURED, "");
	struct cuda_unit u = emit_program(s, a, j, p);
	struct str cu;

	str_init(&cu, a);
	cuda_emit(&u, &cu);
	if (s->nvcc && has_kernels(p))
		r = assemble(s, a, j, &cu);
	for (int i = 0; i < prove_cases(j) && r.verdict == V_MEASURED; i++)
		r = emulate(s, a, j, p, i, u.operators, &cu);
	return r;
}
