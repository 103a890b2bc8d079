/* SPDX-License-Identifier: MIT */
/* What options say of the operators to compile: --op, --shape and --set name
 * what there is, or the sentence says what is nearest. */
#include "driver/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool jobs_wanted(const struct session *s, const char *name)
{
	for (int i = 0; i < s->o->ops.n; i++)
		if (!strcmp(s->o->ops.v[i], name))
			return true;
	return s->o->ops.n == 0;
}

bool jobs_among(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

/* "4096", "4K" or "1M", as in the language; 0 if it is none of these. */
static int64_t size_of(const char *text)
{
	char *end;
	int64_t v, times;

	errno = 0;
	v = strtoll(text, &end, 10);
	times = *end == 'K' ? 1 << 10 : *end == 'M' ? 1 << 20 : 1;
	if (end[times > 1] || v < 1)
		return 0;
	return errno || __builtin_mul_overflow(v, times, &v) ? INT64_MAX : v;
}

bool jobs_option_shape(struct session *s, struct directives_shape *out)
{
	struct ir_size *v = ARENA_ARRAY(s->a, (size_t)s->o->shapes.n + 1,
		struct ir_size);

	*out = (struct directives_shape){ .sizes = v, .weight = 1 };
	for (int i = 0; i < s->o->shapes.n; i++) {
		const struct setting *x = &s->o->shapes.v[i];

		v[i].name = x->name;
		v[i].value = size_of(x->value);
		if (!v[i].value)
			return session_fail(s, EXIT_USER,
				"--shape %s=%s: a size is a positive whole number",
				x->name, x->value);
		out->n++;
	}
	return true;
}

bool jobs_all_given(struct session *s, const struct lower_item *it,
	const struct directives_shape *shape)
{
	for (int i = 0; it->open[i]; i++) {
		bool given = false;

		for (int k = 0; k < shape->n; k++)
			given |= !strcmp(shape->sizes[k].name, it->open[i]);
		if (!given)
			return session_fail(s, EXIT_USER, "'%s' leaves %s open"
				": give it with --shape %s=...",
				it->item->name.text, it->open[i], it->open[i]);
	}
	return true;
}

/* Every --shape must be a size that some operator leaves open. */
static bool shapes_are_known(struct session *s, const struct lower_item *items,
	int n)
{
	for (int i = 0; i < s->o->shapes.n; i++) {
		const char *name = s->o->shapes.v[i].name;
		bool open = false, known = false;
		const char *near = NULL;

		for (int j = 0; j < n; j++) {
			if (!jobs_wanted(s, items[j].item->name.text))
				continue;
			open |= jobs_among(items[j].open, name);
			known |= jobs_among(items[j].sizes, name);
			if (!near)
				near = str_nearest(name, items[j].open);
		}
		if (!open && known)
			return session_fail(s, EXIT_USER,
				"--shape %s: the source gives that size", name);
		if (!open)
			return session_fail(s, EXIT_USER,
				"--shape %s: no operator here has a size of "
				"that name%s%s%s",
				name, near ? "; did you mean '" : "",
				near ? near : "", near ? "'?" : "");
	}
	return true;
}

static bool ops_are_known(struct session *s, const struct lower_item *items,
	int n)
{
	for (int i = 0; i < s->o->ops.n; i++) {
		const char **names = ARENA_ARRAY(s->a, (size_t)n + 1,
			const char *);
		const char *near;
		bool found = false;

		for (int j = 0; j < n; j++) {
			names[j] = items[j].item->name.text;
			found |= !strcmp(names[j], s->o->ops.v[i]);
		}
		near = str_nearest(s->o->ops.v[i], names);
		if (!found)
			return session_fail(s, EXIT_USER,
				"--op %s: no such exported operator%s%s%s",
				s->o->ops.v[i], near ? "; did you mean '" : "",
				near ? near : "", near ? "'?" : "");
	}
	return true;
}

bool jobs_options_known(struct session *s, const struct lower_item *items, int n)
{
	return ops_are_known(s, items, n) && shapes_are_known(s, items, n);
}

static bool is_named(const char *job, const char *name, size_t n)
{
	return job && strlen(job) == n && !strncmp(job, name, n);
}

/* "OP:plan=N" is one of those it has. */
static bool plan_is_there(struct session *s, const struct job *j, int setting)
{
	const struct setting *x = &s->o->settings.v[setting];
	const char *name = candidates_setting(j, x->name);
	char *end;
	long n;

	if (!name || strcmp(name, "plan"))
		return true;
	n = strtol(x->value, &end, 10);
	return (end != x->value && !*end && n >= 0 && n < j->n_plans) ||
		session_fail(s, EXIT_USER, "--set %s=%s: '%s' has plans 0 to %d",
			x->name, x->value, j->name, j->n_plans - 1);
}

/* Letters of the operator that a setting is for: "c2" of "c2.1:unroll". */
static size_t addressee(const char *name)
{
	size_t n = strcspn(name, ":."), digits = name[n] != '.' ? 0 :
		strspn(name + n + 1, "0123456789");

	return digits && name[n + 1 + digits] == ':' ? n : strcspn(name, ":");
}

static bool is_job(const struct session *s, const char *name)
{
	for (int i = 0; i < s->n_jobs; i++)
		if (!strcmp(s->jobs[i].name, name))
			return true;
	return false;
}

/* An operator's name is that of its general kernel, where that is called so:
 * else no setting could be for it alone. "OP:T=V" must name what is compiled. */
bool jobs_settings_known(struct session *s)
{
	for (int i = 0; i < s->n_jobs; i++)
		if (s->jobs[i].family && is_job(s, s->jobs[i].family))
			s->jobs[i].family = NULL;
	for (int i = 0; i < s->o->settings.n; i++) {
		const char *name = s->o->settings.v[i].name;
		size_t n = addressee(name);
		bool found = !strchr(name, ':');

		for (int j = 0; j < s->n_jobs; j++)
			found |= is_named(s->jobs[j].name, name, n) ||
				is_named(s->jobs[j].family, name, n);
		if (!found)
			return session_fail(s, EXIT_USER,
				"--set %s: no operator '%.*s' is compiled here",
				name, (int)n, name);
		for (int j = 0; j < s->n_jobs; j++)
			if (!plan_is_there(s, &s->jobs[j], i))
				return false;
	}
	return true;
}
