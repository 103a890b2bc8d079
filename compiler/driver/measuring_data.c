/* SPDX-License-Identifier: MIT */
/* What candidates of an operator run on, and what must come of it: two sets of
 * inputs, and for each samples of every output by the reference. All of it lies
 * in files that are in memory alone: nothing is left of them. */
#include "driver/measuring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/general.h"
#include "driver/samples.h"

enum { SETS = 2 };

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
		char *p = new_file(g, d, samples_bytes(&d->op->tensors[i]),
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
		json_array_append_new(d->tensors, samples_tensor(&d->op->tensors[i],
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
					samples_bytes(&d->op->tensors[i]) ?
					samples_bytes(&d->op->tensors[i]) : 1);
	for (int i = 0; d && i < d->fds.n; i++)
		close(d->fds.v[i]);
	if (d)
		json_decref(d->tensors);
}

/* ---- expectations ---- */

typedef VEC(struct sample) sample_list;

struct collecting {
	struct arena *a;
	sample_list v;
};

static void collect(void *ctx, const struct sample *v, int n)
{
	struct collecting *c = ctx;

	for (int i = 0; i < n; i++)
		vec_push(c->a, &c->v, v[i]);
}

static json_t *samples_of(struct measuring *g, struct measuring_data *d,
	int tensor, struct ir_eval *reference, struct ir_eval *other)
{
	struct collecting c = { .a = arena_create() };
	const struct sampling x = { d->op, tensor, reference, &other,
		other != NULL, SAMPLES_USUAL, collect, &c };
	json_t *name = NULL;
	size_t bytes;
	char *p;
	int fd;

	samples_take(&x);
	bytes = sizeof *c.v.v * (size_t)c.v.n;
	p = new_file(g, d, bytes, &fd);
	if (p && bytes)
		memcpy(p, c.v.v, bytes);
	if (p) {
		munmap(p, bytes ? bytes : 1);
		name = file_name(g, fd);
	}
	arena_destroy(c.a);
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
	const struct ir_operator *arithmetic = j->general ?
		general_arithmetic(g->s, j, d->sizes) :
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
