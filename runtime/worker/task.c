/* SPDX-License-Identifier: MIT */
/* The problem whose candidates are measured: tensors, sets of inputs in files
 * that are mapped, and for each set samples of what outputs must be. */
#include "runtime/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int task_poison(int run)
{
	return run ? 0xa5 : 0xff;
}

/* ---- reading ---- */

static bool read_element(const json_t *v, struct element *e)
{
	static const char *const classes[] = { "float", "signed", "unsigned",
		"boolean" };
	const char *class = line_text(v, "class");
	int i = 0;

	while (class && i < 4 && strcmp(class, classes[i]))
		i++;
	*e = (struct element){ (enum element_class)i,
		(int)line_number(v, "bits", 0),
		(int)line_number(v, "significand", 0),
		(int)line_number(v, "emin", 0),
		json_is_true(json_object_get(v, "finite")) };
	return class && i < 4 && e->bits >= 4 && e->bits <= 64;
}

/* What its elements take, at least. */
static size_t bytes_of(const struct tensor *t)
{
	size_t bits = (size_t)t->type.bits, n = (size_t)t->elements;

	return n / 8 * bits + (n % 8 * bits + 7) / 8;
}

static bool read_tensor(const json_t *v, struct tensor *t)
{
	const char *role = line_text(v, "role");

	t->name = line_text(v, "name");
	t->output = role && !strcmp(role, "out");
	t->holes = json_is_true(json_object_get(v, "holes"));
	t->bytes = (size_t)line_number(v, "bytes", 0);
	t->align = (size_t)line_number(v, "align", 16);
	t->elements = (int64_t)line_number(v, "elements", 0);
	return t->name && role && read_element(v, &t->type) &&
		t->elements >= 0 && bytes_of(t) <= t->bytes;
}

/* The file's first "*bytes" bytes (0: all there are, in "*bytes"); NULL with
 * errno set. */
static const void *map_file(const char *path, size_t *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st)) {
		if (*bytes && (size_t)st.st_size < *bytes)
			errno = EINVAL;
		else
			p = mmap(NULL, st.st_size ? (size_t)st.st_size : 1,
				PROT_READ, MAP_PRIVATE, fd, 0);
		*bytes = *bytes ? *bytes : (size_t)st.st_size;
	}
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* Inputs have "files", outputs "samples", null elsewhere. */
static bool read_set(const struct task *t, const json_t *v, struct data *d)
{
	const json_t *files = json_object_get(v, "files");
	const json_t *samples = json_object_get(v, "samples");

	d->p = calloc((size_t)t->n + 1, sizeof *d->p);
	d->samples = calloc((size_t)t->n + 1, sizeof *d->samples);
	d->n_samples = calloc((size_t)t->n + 1, sizeof *d->n_samples);
	if (!d->p || !d->samples || !d->n_samples)
		return false;
	for (int i = 0; i < t->n; i++) {
		const char *path = json_string_value(json_array_get(
			t->tensors[i].output ? samples : files, (size_t)i));
		size_t bytes = t->tensors[i].output ? 0 : t->tensors[i].bytes;
		const void *p = path ? map_file(path, &bytes) : NULL;

		if (!p)
			return false;
		if (!t->tensors[i].output) {
			d->p[i] = p;
			continue;
		}
		d->samples[i] = p;
		d->n_samples[i] = (int64_t)(bytes / sizeof(struct sample));
	}
	return true;
}

static bool samples_fit(const struct task *t, const struct data *d)
{
	for (int i = 0; i < t->n; i++)
		for (int64_t k = 0; k < d->n_samples[i]; k++)
			if (d->samples[i][k].element < 0 ||
			    d->samples[i][k].element >= t->tensors[i].elements)
				return false;
	return true;
}

void task_free(struct task *t)
{
	if (!t)
		return;
	for (int s = 0; s < t->n_sets; s++) {
		struct data *d = &t->sets[s];

		for (int i = 0; i < t->n && d->p && d->samples; i++) {
			if (d->p[i])
				munmap((void *)d->p[i], t->tensors[i].bytes ?
					t->tensors[i].bytes : 1);
			if (d->samples[i])
				munmap((void *)d->samples[i],
					d->n_samples[i] ?
					(size_t)d->n_samples[i] *
					sizeof(struct sample) : 1);
		}
		free(d->p);
		free(d->samples);
		free(d->n_samples);
	}
	free(t->sets);
	free(t->tensors);
	json_decref(t->json);
	free(t);
}

static const char *read_all(struct task *t, json_t *request)
{
	const json_t *tensors = json_object_get(request, "tensors");
	const json_t *sets = json_object_get(request, "sets");

	t->number = (long)line_number(request, "problem", 0);
	t->n = (int)json_array_size(tensors);
	t->tensors = calloc((size_t)t->n + 1, sizeof *t->tensors);
	t->sets = calloc(json_array_size(sets) + 1, sizeof *t->sets);
	if (!t->tensors || !t->sets)
		return "no memory";
	for (int i = 0; i < t->n; i++)
		if (!read_tensor(json_array_get(tensors, (size_t)i),
		    &t->tensors[i]))
			return "a tensor of the problem is not described";
	for (size_t i = 0; i < json_array_size(sets); i++) {
		t->n_sets++;
		if (!read_set(t, json_array_get(sets, i), &t->sets[i]))
			return "a file of the problem cannot be read";
		if (!samples_fit(t, &t->sets[i]))
			return "a sample lies outside its tensor";
	}
	return t->n_sets ? NULL : "a problem without data";
}

struct task *task_read(json_t *request, const char **why)
{
	struct task *t = calloc(1, sizeof *t);

	*why = "no memory";
	if (!t)
		return NULL;
	t->json = json_incref(request);
	*why = read_all(t, request);
	if (!*why)
		return t;
	task_free(t);
	return NULL;
}

/* ---- elements ---- */

static uint64_t bits_at(const struct element *e, const void *base, int64_t i)
{
	const unsigned char *p = base;
	uint64_t v = 0;

	if (e->bits == 4)
		return p[i / 2] >> (i % 2 * 4) & 15;
	memcpy(&v, p + i * (e->bits / 8), (size_t)e->bits / 8);
	return v;
}

static double small_float(const struct element *e, uint64_t bits)
{
	int fraction = e->significand - 1;
	uint64_t ones = ((uint64_t)1 << (e->bits - 1)) - 1;
	uint64_t top = ones >> fraction, x = (bits & ones) >> fraction;
	uint64_t f = bits & (((uint64_t)1 << fraction) - 1);
	double v;

	if (e->finite ? (bits & ones) == ones : x == top && f)
		return (double)NAN;
	if (x == top && !e->finite)
		v = INFINITY;
	else if (!x)
		v = ldexp((double)f, e->emin - fraction);
	else
		v = ldexp((double)(f | (uint64_t)1 << fraction),
			(int)x - 1 + e->emin - fraction);
	return bits >> (e->bits - 1) & 1 ? -v : v;
}

/* More than a double holds. */
static bool is_whole(const struct element *e)
{
	return e->class != ELEMENT_FLOAT && e->bits == 64;
}

static double element_at(const struct element *e, const void *base, int64_t i)
{
	uint64_t bits = bits_at(e, base, i);
	float single;
	double v;

	if (e->class == ELEMENT_FLOAT && e->bits == 64) {
		memcpy(&v, &bits, sizeof v);
		return v;
	}
	if (e->class == ELEMENT_FLOAT && e->bits == 32) {
		memcpy(&single, &bits, sizeof single);
		return single;
	}
	if (e->class == ELEMENT_FLOAT)
		return small_float(e, bits);
	if (e->class == ELEMENT_SIGNED && bits >> (e->bits - 1) & 1)
		return (double)(int64_t)(bits | (e->bits < 64 ?
			~(uint64_t)0 << e->bits : 0));
	return (double)bits;
}

/* ---- comparing ---- */

static bool is_poison(const struct element *e, const void *base, int64_t i,
	int run)
{
	const unsigned char *p = base;
	int bytes = e->bits < 8 ? 1 : e->bits / 8;

	p += e->bits == 4 ? i / 2 : i * bytes;
	for (int k = 0; k < bytes; k++)
		if (p[k] != task_poison(run))
			return false;
	return true;
}

/* How far an element is from what it should be: 0 where it is that, and INFINITY
 * where no finite bound will do. */
static double distance(const struct element *e, const void *base,
	const struct sample *want)
{
	uint64_t bits;
	double got;

	if (is_whole(e)) {
		bits = bits_at(e, base, want->element);
		return (double)((int64_t)bits < want->whole ?
			(uint64_t)want->whole - bits :
			bits - (uint64_t)want->whole);
	}
	got = element_at(e, base, want->element);
	if (isnan(want->value))
		return isnan(got) ? 0 : INFINITY;
	return got == want->value ? 0 : isnan(got) ? INFINITY :
		fabs(got - want->value);
}

static bool is_wrong(const struct element *e, const void *base,
	const struct sample *want)
{
	double off = distance(e, base, want);

	return off > 0 && !(off <= want->bound);
}

/* "9007199254740993, should be 9007199254740992" */
static void put_both(const struct element *e, const void *base,
	const struct sample *s, char *out, size_t n)
{
	if (is_whole(e))
		snprintf(out, n, "%lld, should be %lld", (long long)bits_at(e,
			base, s->element), (long long)s->whole);
	else
		snprintf(out, n, "%.9g, should be %.9g", element_at(e, base,
			s->element), s->value);
}

/* All elements, or where some are nobody's, the samples. */
static const char *find_unwritten(const struct tensor *t,
	const struct sample *s, int64_t n, const void *first,
	const void *second, char scratch[400], bool *doubt)
{
	for (int64_t i = 0; i < (t->holes ? n : t->elements); i++) {
		int64_t k = t->holes ? s[i].element : i;

		if (!is_poison(&t->type, first, k, 0))
			continue;
		*doubt = true;
		if (!second || !is_poison(&t->type, second, k, 1))
			continue;
		snprintf(scratch, 400, "element %lld of %s was not written",
			(long long)k, t->name);
		return scratch;
	}
	return NULL;
}

static const char *compare_one(const struct tensor *t, const struct data *d,
	int i, const void *first, const void *second, char scratch[400],
	bool *doubt)
{
	const char *why = find_unwritten(t, d->samples[i], d->n_samples[i],
		first, second, scratch, doubt);

	if (why)
		return why;
	for (int64_t k = 0; k < d->n_samples[i]; k++) {
		const struct sample *s = &d->samples[i][k];
		bool wrong = is_wrong(&t->type, first, s);
		char both[100];

		if (!wrong && (!second || !is_wrong(&t->type, second, s)))
			continue;
		put_both(&t->type, wrong ? first : second, s, both, sizeof both);
		snprintf(scratch, 400, "element %lld of %s is %s within %.3g",
			(long long)s->element, t->name, both, s->bound);
		return scratch;
	}
	return NULL;
}

const char *task_compare(const struct task *t, const struct data *d,
	void *const *first, void *const *second, char scratch[400],
	bool *doubt)
{
	const char *why = NULL;

	*doubt = false;
	for (int i = 0; i < t->n && !why; i++)
		if (t->tensors[i].output)
			why = compare_one(&t->tensors[i], d, i, first[i],
				second ? second[i] : NULL, scratch, doubt);
	return why;
}

static double error_of(const struct element *e, const void *base,
	const struct sample *want)
{
	double off = distance(e, base, want);

	return off == 0 || isinf(want->bound) ? 0 : off / want->bound;
}

double task_error(const struct task *t, const struct data *d,
	void *const *outputs, int64_t *n)
{
	double most = 0;

	for (int i = 0; i < t->n; i++)
		for (int64_t k = 0; k < d->n_samples[i]; k++) {
			const struct sample *s = &d->samples[i][k];

			most = fmax(most, error_of(&t->tensors[i].type,
				outputs[i], s));
			(*n)++;
		}
	return most;
}
