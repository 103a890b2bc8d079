/* SPDX-License-Identifier: MIT */
/* Tensors as .npy files: outputs that --out names, and all of them for --save. */
#include "runtime/wpkrun/wpkrun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How many subjects have an input or output of that name. */
static int count(const struct subject_list *all, const char *name, bool output)
{
	int n = 0;

	for (int i = 0; i < all->n; i++) {
		int at;
		const struct subject_tensor *t = subject_named(&all->v[i],
			name, &at);

		n += t && t->output == output;
	}
	return n;
}

bool save_possible(struct session *s, const struct subject_list *all)
{
	const struct options *o = s->o;

	for (int i = 0; i < o->in.n; i++)
		if (!count(all, o->in.v[i].name, false))
			return session_fail(s, EXIT_USER, "--in %s: no "
				"operator here reads that", o->in.v[i].name);
	for (int i = 0; i < o->out.n; i++) {
		int n = count(all, o->out.v[i].name, true);

		if (!n)
			return session_fail(s, EXIT_USER, "--out %s: no "
				"operator here writes that", o->out.v[i].name);
		if (n > 1)
			return session_fail(s, EXIT_USER, "--out %s: %d runs "
				"write that: name one operator and its sizes, "
				"or use --save", o->out.v[i].name, n);
	}
	return !o->save || !mkdir(o->save, 0777) || errno == EEXIST ||
		session_fail(s, EXIT_USER, "--save=%s: %s", o->save,
			strerror(errno));
}

static bool put(struct session *s, const struct subject_tensor *t,
	const void *memory, const char *path)
{
	const struct layout *l = &t->layout;
	size_t n = t->type.bits < 8 ? 1 : t->type.bits / 8;
	char why[200];
	const char *wrong = NULL;
	void *rows;

	for (int d = 0; d < l->rank; d++)
		n *= (size_t)l->dims[d];
	rows = large_take(s, n);
	if (!layout_gather(l, t->type.bits, memory, rows))
		wrong = "no memory";
	else
		wrong = npy_write(path, t->type, l->rank, l->dims, rows, why);
	free(rows);
	return !wrong || session_fail(s, EXIT_USER, "cannot write '%s': %s",
		path, wrong);
}

/* "DIR/product.M=64,K=256.a.npy" */
static const char *saved_path(struct session *s, const struct subject *x,
	const struct subject_tensor *t)
{
	return session_print(s, "%s/%s%s%s.%s.npy", s->o->save, x->name,
		*x->shape ? "." : "", x->shape, t->name);
}

bool save(struct session *s, const struct subject *x, const struct inputs *in,
	void *const *outputs)
{
	for (int i = 0; i < x->n; i++) {
		const struct subject_tensor *t = &x->tensors[i];
		const char *out = t->output ? pair_value(&s->o->out, t->name) :
			NULL;
		const void *memory = t->output ? outputs[i] : in->sets[0][i];

		if (!memory)
			continue;
		if (out && !put(s, t, memory, out))
			return false;
		if (s->o->save && !put(s, t, memory, saved_path(s, x, t)))
			return false;
	}
	return true;
}
