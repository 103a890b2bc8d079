/* SPDX-License-Identifier: MIT */
/* What candidates of an operator run on, and what must come of it: two sets of
 * inputs, and for each some thousand elements of every output by the reference
 * with their bounds, evenly spread, the first and the last row among them. All
 * of it lies in files that are in memory alone: nothing is left of them. */
#include "driver/measuring.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/general.h"

/* Of a set of expectations: multiply-adds, rows, and elements of a row. */
enum { WORK = 10000000, ROWS = 512, SPAN = 64, SETS = 2 };

/* Sums of another arithmetic than the operator's have another bound for every
 * point; that of the first point is widened, and proofs of winners are exact. */
static const double other_arithmetic = 8;

/* As the worker reads it. */
struct sample {
	int64_t element;
	double value, bound;
};

/* ---- files ---- */

static char *new_file(struct measuring *g, struct measuring_data *d,
	size_t bytes, int *fd)
{
	char *p;

	*fd = memfd_create("wpkc", MFD_CLOEXEC);
	if (*fd < 0)
		return NULL;
	vec_push(g->a, &d->fds, *fd);
	if (ftruncate(*fd, (off_t)bytes))
		return NULL;
	p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_SHARED,
		*fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

static json_t *file_name(struct measuring *g, int fd)
{
	return json_string(arena_printf(g->a, "/proc/%ld/fd/%d",
		(long)getpid(), fd));
}

static size_t bytes_of(const struct ir_tensor *t)
{
	int bits = dtype_row(t->type)->bits;

	return (size_t)t->elements * (size_t)(bits < 8 ? 1 : bits / 8);
}

/* ---- the operator at its sizes ---- */

/* Sizes of a general job: those its kernels are made for in earnest, or, to be
 * emulated, small ones. */
static void set_sizes(struct measuring *g, const struct job *j,
	struct measuring_data *d)
{
	const struct general *x = j->general;
	struct ir_partition none = {0};
	struct program *p;
	int *map;

	d->sizes = strcmp(g->how, "emu") || !j->n_cases ? x->at[0].sizes :
		j->cases[j->n_cases - 1];
	d->op = general_lower(g->s, x, d->sizes);
	if (!d->op)
		return;
	p = program_of(g->a, d->op, &none, &map);
	p->name = j->name;
	for (int k = 0; k < x->frame.sizes.n; k++) {
		struct p_size size = x->frame.sizes.v[k];

		size.value = d->sizes[k];
		vec_push(g->a, &p->sizes, size);
	}
	d->frame = p;
}

static int64_t logical(const struct ir_tensor *t)
{
	int64_t n = 1;

	for (int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	return n;
}

static json_t *describe(const struct ir_tensor *t, bool output)
{
	static const char *const classes[] = { "float", "signed", "unsigned",
		"boolean" };
	const struct dtype_row *r = dtype_row(t->type);

	return json_pack("{ss ss sI sI sI sb ss si si si sb}", "name",
		t->name, "role", output ? "out" : "in", "bytes",
		(json_int_t)bytes_of(t), "elements", (json_int_t)t->elements,
		"align", (json_int_t)(t->align > 16 ?
		t->align : 16), "holes", logical(t) != t->elements, "class",
		classes[r->class], "bits", r->bits, "significand",
		r->significand, "emin", r->emin, "finite", t->type == T_E4M3);
}

static int n_tensors(const struct measuring_data *d)
{
	return d->op->n_inputs + d->op->n_outputs;
}

/* ---- inputs ---- */

static bool make_inputs(struct measuring *g, struct measuring_data *d, int set)
{
	d->p[set] = ARENA_ARRAY(g->a, (size_t)d->op->n_tensors + 1,
		const void *);
	for (int i = 0; i < d->op->n_inputs; i++) {
		char *p = new_file(g, d, bytes_of(&d->op->tensors[i]),
			&d->input_fds[set * d->op->n_inputs + i]);

		if (!p)
			return false;
		if (d->op->tensors[i].elements)
			ir_eval_fill(d->op, i, g->s->o->seed + 1000003u *
				(uint64_t)set, p);
		d->p[set][i] = p;
	}
	return true;
}

const struct measuring_data *measuring_data(struct measuring *g,
	const struct job *j)
{
	struct measuring_data *d = ARENA_NEW(g->a, struct measuring_data);

	d->op = j->reference;
	if (j->general)
		set_sizes(g, j, d);
	if (!d->op)
		return NULL;
	d->n_sets = SETS;
	d->input_fds = ARENA_ARRAY(g->a, (size_t)d->op->n_inputs * SETS + 1,
		int);
	d->p = ARENA_ARRAY(g->a, SETS, const void **);
	d->tensors = json_array();
	for (int i = 0; i < n_tensors(d); i++)
		json_array_append_new(d->tensors, describe(&d->op->tensors[i],
			i >= d->op->n_inputs));
	for (int set = 0; set < SETS; set++)
		if (!make_inputs(g, d, set)) {
			session_fail(g->s, EXIT_INTERNAL, "no memory for the "
				"tensors of '%s': %s", j->name,
				strerror(errno));
			measuring_data_close(d);
			return NULL;
		}
	return d;
}

void measuring_data_close(const struct measuring_data *d)
{
	for (int set = 0; d && set < d->n_sets && d->p[set]; set++)
		for (int i = 0; i < d->op->n_inputs; i++)
			if (d->p[set][i])
				munmap((void *)d->p[set][i],
					bytes_of(&d->op->tensors[i]) ?
					bytes_of(&d->op->tensors[i]) : 1);
	for (int i = 0; d && i < d->fds.n; i++)
		close(d->fds.v[i]);
	if (d)
		json_decref(d->tensors);
}

/* ---- expectations ---- */

struct sampling {
	const struct ir_tensor *t;
	struct ir_eval *reference, *other;	/* the latter or NULL */
	struct sample *out;
	int n;
};

static void sample_span(struct sampling *x, int64_t *idx, int64_t from, int n)
{
	struct ir_num want[SPAN], other[SPAN];
	int last = x->t->rank - 1;

	if (last >= 0)
		idx[last] = from;
	ir_eval_row(x->reference, x->t->id, idx, n, want);
	if (x->other)
		ir_eval_row(x->other, x->t->id, idx, n, other);
	for (int i = 0; i < n; i++) {
		double bound = want[i].err;

		if (x->other)
			bound = fmax(bound, other_arithmetic * other[i].err);
		if (last >= 0)
			idx[last] = from + i;
		x->out[x->n++] = (struct sample){ ir_offset_of(x->t, idx),
			want[i].v, bound };
	}
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Row "k" of "n" chosen of "rows", as an index. */
static void row_index(const struct ir_tensor *t, int64_t rows, int k, int n,
	int64_t *idx)
{
	int64_t at = n == 1 ? 0 : (int64_t)((double)(rows - 1) * k / (n - 1));

	for (int d = t->rank - 2; d >= 0; d--) {
		idx[d] = at % t->dims[d];
		at /= t->dims[d];
	}
}

/* At most SPAN elements of each of some rows: its beginning, its end, or a place
 * within. */
static void sample_tensor(struct sampling *x, double cost)
{
	int64_t idx[IR_RANK] = { 0 }, length, rows;
	int span, n;

	length = x->t->rank ? x->t->dims[x->t->rank - 1] : 1;
	rows = length ? logical(x->t) / length : 0;
	if (!rows)
		return;
	span = length < SPAN ? (int)length : SPAN;
	n = (int)fmin(fmin((double)rows, ROWS), WORK / fmax(cost, 1) / span);
	n = n < 4 ? (int)fmin(4, (double)rows) : n;
	for (int k = 0; k < n; k++) {
		uint64_t r = mix((uint64_t)k + 0x9e3779b97f4a7c15);
		int64_t from = k == 0 ? 0 : k == n - 1 ? length - span :
			(int64_t)(r % (uint64_t)(length - span + 1));

		row_index(x->t, rows, k, n, idx);
		sample_span(x, idx, from, span);
	}
}

static json_t *samples_of(struct measuring *g, struct measuring_data *d,
	int tensor, struct ir_eval *reference, struct ir_eval *other)
{
	struct arena *a = arena_create();
	struct sampling x = { &d->op->tensors[tensor], reference, other,
		ARENA_ARRAY(a, (size_t)ROWS * SPAN, struct sample), 0 };
	json_t *name = NULL;
	char *p;
	int fd;

	sample_tensor(&x, ir_eval_cost(d->op, tensor));
	p = new_file(g, d, sizeof *x.out * (size_t)x.n, &fd);
	if (p) {
		memcpy(p, x.out, sizeof *x.out * (size_t)x.n);
		munmap(p, x.n ? sizeof *x.out * (size_t)x.n : 1);
		name = file_name(g, fd);
	}
	arena_destroy(a);
	return name ? name : json_null();
}

static json_t *set_of(struct measuring *g, struct measuring_data *d, int set,
	const struct ir_operator *arithmetic)
{
	struct ir_eval *e = ir_eval_create(d->op, d->p[set]), *other = NULL;
	json_t *files = json_array(), *samples = json_array();

	if (arithmetic)
		other = ir_eval_create(arithmetic, d->p[set]);
	for (int i = 0; i < n_tensors(d); i++) {
		bool in = i < d->op->n_inputs;

		json_array_append_new(files, in ? file_name(g,
			d->input_fds[set * d->op->n_inputs + i]) :
			json_null());
		json_array_append_new(samples, in ? json_null() : samples_of(g,
			d, i, e, other));
	}
	ir_eval_destroy(other);
	ir_eval_destroy(e);
	return json_pack("{so so}", "files", files, "samples", samples);
}

const char *measuring_data_problem(struct measuring *g,
	const struct measuring_data *data, const struct job *j)
{
	struct measuring_data *d = (struct measuring_data *)data;
	const struct ir_operator *arithmetic = j->general ? NULL :
		choices_arithmetic(g->a, j);
	json_t *sets = json_array(), *all;
	const char *text;
	char *dump;

	if (!arithmetic && d->plain)
		return d->plain;
	for (int set = 0; set < d->n_sets; set++)
		json_array_append_new(sets, set_of(g, d, set, arithmetic));
	all = json_pack("{ss si sO so}", "do", "problem", "problem",
		g->number + 1, "tensors", d->tensors, "sets", sets);
	dump = json_dumps(all, JSON_COMPACT);
	text = arena_strdup(g->a, dump ? dump : "{}");
	free(dump);
	json_decref(all);
	if (!arithmetic)
		d->plain = text;
	return text;
}
