/* SPDX-License-Identifier: MIT */
/* cuDNN and cuBLASLt: how they are found, and what all of their calls share. A
 * library is opened once in a context; what was wrong with it then stays so. */
#include "runtime/lib/library.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lib/call.h"

/* Algorithms that are tried where the one that was asked for is not to be had. */
enum { TRIES = 100 };

static const struct library_class *const classes[N_LIBRARIES] = {
	[LIBRARY_CUBLASLT] = &cublaslt_class, [LIBRARY_CUDNN] = &cudnn_class,
};

struct library *libraries_create(void)
{
	struct library *l = calloc(N_LIBRARIES, sizeof *l);

	for (int i = 0; l && i < N_LIBRARIES; i++)
		pthread_mutex_init(&l[i].lock, NULL);
	return l;
}

void libraries_destroy(struct wpk_context *c)
{
	if (!c || !c->libraries)
		return;
	for (int i = 0; i < N_LIBRARIES; i++) {
		struct library *l = &c->libraries[i];
		wpk_cu before = context_enter(c);

		if (l->handle)
			classes[i]->stop(l);
		context_leave(c, before);
		if (l->file)
			dlclose(l->file);
		pthread_mutex_destroy(&l->lock);
	}
	free(c->libraries);
	c->libraries = NULL;
}

enum library_kind library_named(const char *name)
{
	int i = 0;

	while (i < N_LIBRARIES && (!name || strcmp(classes[i]->name, name)))
		i++;
	return i;
}

/* ---- opening ---- */

static void unfit(struct library *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void unfit(struct library *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->why, sizeof l->why, fmt, ap);
	va_end(ap);
	l->version = 0;
}

/* The file that the context or the environment names, or NULL. */
static const char *file_named(const char *own, const struct library_class *class)
{
	const char *named = own ? own : getenv(class->environment);

	return named && *named ? named : NULL;
}

/* That file, else one of the usual. */
static const char *open_file(struct library *l, const char *named,
	const struct library_class *class)
{
	const char *file = named ? named : class->files[0];

	l->file = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	for (int i = 1; !l->file && !named && class->files[i]; i++)
		l->file = dlopen(file = class->files[i], RTLD_NOW | RTLD_LOCAL);
	return l->file ? file : named ? named : class->files[0];
}

/* On the emulator only a library that says of itself that it queues its work there:
 * another one would use the GPU's driver, which knows none of the memory. */
static bool runs_emulated(const struct library *l)
{
	return dlsym(l->file, "wpk_emu_library") != NULL;
}

static void open_library(const struct wpk_context *c, struct library *l,
	const char *own, const struct library_class *class)
{
	const char *named = file_named(own, class), *file, *wrong;

	if (own && !*own) {
		unfit(l, "the context is to do without %s", class->title);
		return;
	}
	if (c->emulated && !named) {
		unfit(l, "%s does not run on the emulator", class->title);
		return;
	}
	file = open_file(l, named, class);
	if (!l->file) {
		unfit(l, "%s is not on this machine (%s)", class->title, file);
		return;
	}
	if (c->emulated && !runs_emulated(l)) {
		unfit(l, "%s (%s) does not run on the emulator: it has no "
			"wpk_emu_library", class->title, file);
		return;
	}
	wrong = class->load(l);
	if (wrong) {
		unfit(l, "%s (%s) is too old or broken: it has no %s",
			class->title, file, wrong);
		return;
	}
	l->version = class->version(l);
	if (l->version < class->least) {
		unfit(l, "%s (%s) is of version %d, and %d is the oldest that "
			"serves", class->title, file, l->version, class->least);
		return;
	}
	wrong = class->start(l);
	if (wrong)
		unfit(l, "%s (%s) does not start: %s", class->title, file,
			wrong);
}

/* The library, opened; where it is unfit, "why" is set. */
static struct library *opened(struct wpk_context *c, enum library_kind k)
{
	struct library *l = &c->libraries[k];
	wpk_cu before;

	pthread_mutex_lock(&l->lock);
	if (!l->tried) {
		before = context_enter(c);
		open_library(c, l, c->files[k], classes[k]);
		context_leave(c, before);
		l->tried = true;
	}
	pthread_mutex_unlock(&l->lock);
	return l;
}

int library_version(struct wpk_context *c, enum library_kind k,
	const char **why)
{
	struct library *l = opened(c, k);

	if (why)
		*why = *l->why ? l->why : NULL;
	return l->version;
}

int call_sms(const struct wpk_context *c)
{
	int n = c->sms * c->share / 100;

	return !c->share || c->share == 100 ? 0 : n ? n : 1;
}

/* ---- calls ---- */

static enum wpk_status describe(struct library_call *l, enum library_kind k,
	struct wpk_error *e)
{
	l->library = opened(l->context, k);
	if (*l->library->why)
		return fail(e, WPK_E_LIBRARY, "%s", l->library->why);
	return l->class->describe(l, e);
}

/* A place in the enumeration, or a name where the library has any. */
static void read_algorithm(struct reading *r, struct library_call *l,
	const json_t *step)
{
	const char *name = json_string_value(json_object_get(step,
		"algorithm"));

	if (!name || !l->class->take_named)
		l->algorithm = field_int_or(r, step, "algorithm", 0, INT_MAX,
			0);
	else if (!*name || strlen(name) >= sizeof l->named)
		field_fails(r, "\"algorithm\" is '%.40s', and no algorithm's "
			"name", name);
	else
		strcpy(l->named, name);
}

static enum wpk_status read_step(struct library_call *l, const json_t *step,
	struct wpk_error *e)
{
	struct reading r = { .e = e, .where = "step" };
	const json_t *call = field_object(&r, step, "call", false);
	const json_t *pinned = field_object(&r, step, "pinned", true);

	read_algorithm(&r, l, step);
	if (r.status)
		return r.status;
	if (pinned) {
		l->pinned = json_deep_copy(pinned);
		if (!l->pinned)
			return fail(e, WPK_E_MEMORY, "no memory for a call");
	}
	return l->class->read(l, call, e);
}

enum wpk_status library_call_create(struct wpk_context *c, const json_t *step,
	struct library_call **out, struct wpk_error *e)
{
	const char *name = json_string_value(json_object_get(step, "library"));
	enum library_kind k = library_named(name);
	struct library_call *l;
	enum wpk_status s;

	*out = NULL;
	if (k == N_LIBRARIES)
		return fail(e, WPK_E_PLAN, "step.library: '%s' is neither "
			"cublaslt nor cudnn", name ? name : "");
	l = calloc(1, classes[k]->size);
	if (!l)
		return fail(e, WPK_E_MEMORY, "no memory for a call");
	l->context = c;
	l->class = classes[k];
	s = read_step(l, step, e);
	if (!s)
		s = describe(l, k, e);
	if (s) {
		library_call_destroy(l);
		return s;
	}
	*out = l;
	return succeed(e);
}

void library_call_destroy(struct library_call *l)
{
	if (!l)
		return;
	l->class->destroy(l);
	json_decref(l->pinned);
	free(l);
}

const struct place *library_call_places(const struct library_call *l, int *n)
{
	*n = l->n_places;
	return l->places;
}

enum wpk_status library_call_count(struct library_call *l, int most, int *n,
	struct wpk_error *e)
{
	enum wpk_status s = WPK_OK;

	*n = 0;
	if (most > l->n && !l->complete)
		s = l->class->list(l, most, e);
	if (s)
		return s;
	*n = most < l->n ? most : l->n;
	return succeed(e);
}

/* ---- algorithms ---- */

static enum wpk_status choose(struct library_call *l, int n, double seconds,
	struct wpk_error *e)
{
	enum wpk_status s;
	int known;

	if (n < 0 || n == INT_MAX)
		return fail(e, WPK_E_ARGUMENT, "there is no algorithm %d", n);
	s = library_call_count(l, n + 1, &known, e);
	if (s)
		return s;
	if (n >= known)
		return fail(e, WPK_E_LIBRARY, "%s has no algorithm %d for this: "
			"it has %d", l->class->title, n, known);
	return l->class->choose(l, n, seconds, e);
}

enum wpk_status library_call_choose(struct library_call *l, int n,
	size_t *workspace, const char **text, struct wpk_error *e)
{
	enum wpk_status s;

	*workspace = 0;
	*text = l->text;
	s = choose(l, n, LIBRARY_SECONDS, e);
	if (s)
		return s;
	*workspace = l->workspace;
	return succeed(e);
}

enum wpk_status library_call_choose_named(struct library_call *l,
	const char *name, size_t *workspace, const char **text,
	struct wpk_error *e)
{
	enum wpk_status s = l->class->take_named ?
		l->class->take_named(l, name, e) : fail(e, WPK_E_LIBRARY,
		"%s's algorithms have no names", l->class->title);

	*text = l->text;
	*workspace = s ? 0 : l->workspace;
	return s ? s : succeed(e);
}

enum wpk_status library_call_choose_own(struct library_call *l,
	size_t *workspace, struct wpk_error *e)
{
	const char *text;

	return *l->named ? library_call_choose_named(l, l->named, workspace,
		&text, e) : library_call_choose(l, l->algorithm, workspace,
		&text, e);
}

/* Another version pinned it: said once. */
static void warn_version(struct library_call *l, int pinned)
{
	struct library *lib = l->library;
	bool said;

	pthread_mutex_lock(&lib->lock);
	said = lib->warned;
	lib->warned = true;
	pthread_mutex_unlock(&lib->lock);
	if (!said)
		context_warn(l->context, "the plan was tuned with %s %d, and "
			"this is %d: its first algorithm that works is taken",
			l->class->title, pinned, lib->version);
}

/* Whether what the step asks for was to be had. Names hold in every version. */
static bool take_asked(struct library_call *l)
{
	const json_t *v = json_object_get(l->pinned, "version");
	bool other = l->pinned && json_integer_value(v) != l->library->version;
	struct wpk_error why;
	enum wpk_status s;

	if (other && !*l->named) {
		warn_version(l, (int)json_integer_value(v));
		return false;
	}
	s = l->pinned && !other ? l->class->take(l, l->pinned, &why) : *l->named ?
		l->class->take_named(l, l->named, &why) :
		choose(l, l->algorithm, 0, &why);
	if (!s)
		return true;
	context_warn(l->context, "%s (the first algorithm that works is taken)",
		why.text);
	return false;
}

/* The first of the enumeration that can be had. */
static enum wpk_status take_first(struct library_call *l, struct wpk_error *e)
{
	enum wpk_status s = choose(l, 0, 0, e);
	struct wpk_error other;
	int n;

	if (s && !library_call_count(l, TRIES, &n, &other))
		for (int i = 1; s && i < n; i++)
			s = choose(l, i, LIBRARY_SECONDS, &other);
	return s ? e->status : WPK_OK;
}

enum wpk_status library_call_ready(struct library_call *l, size_t *workspace,
	struct wpk_error *e)
{
	struct wpk_error why;

	*workspace = 0;
	if (!take_asked(l) && take_first(l, &why)) {
		if (e)
			*e = why;
		return why.status;
	}
	*workspace = l->workspace;
	return succeed(e);
}

const char *library_call_text(const struct library_call *l)
{
	return l->chosen ? l->text : "";
}

size_t library_call_workspace(const struct library_call *l)
{
	return l->chosen ? l->workspace : 0;
}

json_t *library_call_pinned(const struct library_call *l)
{
	return l->chosen ? l->class->pin(l) : NULL;
}

enum wpk_status library_call_run(const struct library_call *l,
	void *const *addresses, void *workspace, wpk_stream stream,
	struct wpk_error *e)
{
	if (!l->chosen)
		return fail(e, WPK_E_ARGUMENT, "the call is not ready");
	return l->class->run(l, addresses, workspace, stream, e);
}
