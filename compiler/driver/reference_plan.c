/* SPDX-License-Identifier: MIT */
/* How a plan computes an operator: the sketch and the tunables of each kernel, as
 * the plan tells them, decide which sums are right besides the operator's own. */
#include "driver/reference.h"

#include <string.h>

#include "base/source.h"
#include "schedule/target.h"

static const char *text_of(const json_t *v, const char *key)
{
	const char *text = json_string_value(json_object_get(v, key));

	return text ? text : "";
}

json_t *reference_plan(struct arena *a, const char *path, const char **why)
{
	struct source *src = source_read(a, path, why);
	json_error_t e;
	json_t *v;

	if (!src)
		return NULL;
	v = json_loadb(src->text, src->len, 0, &e);
	if (!v)
		*why = arena_printf(a, "line %d: %s", e.line, e.text);
	else if (!json_is_array(json_object_get(v, "operators")) ||
	    !json_is_array(json_object_get(v, "targets")))
		*why = "it is no plan";
	else
		return v;
	json_decref(v);
	return NULL;
}

bool reference_targets(struct arena *a, const json_t *plan, struct options *o)
{
	const json_t *all = json_object_get(plan, "targets");

	o->targets = (string_list){ 0 };
	for (size_t i = 0; i < json_array_size(all); i++) {
		const char *name = json_string_value(json_array_get(all, i));

		if (!name || !target_named(name))
			return false;
		vec_push(a, &o->targets, arena_strdup(a, name));
	}
	return o->targets.n > 0;
}

/* ---- one kernel ---- */

/* A tunable's value is a number, or one of its words. One that was not open where
 * a kernel for all sizes was made has its first. */
static bool read_value(const struct tunable *t, const json_t *v, int *out)
{
	const char *word = json_string_value(v);

	*out = v ? (int)json_integer_value(v) : t->values[0];
	if (!v || json_is_integer(v))
		return true;
	for (int i = 0; word && t->words && t->words[i]; i++)
		if (!strcmp(t->words[i], word)) {
			*out = i;
			return true;
		}
	return false;
}

/* Does the plan's kernel compute other sums than the operator's, "o"? These are
 * put there. */
static bool change(struct session *s, struct job *j, int group,
	const json_t *kernel, struct ir_operator *o)
{
	const struct sketch *sketch = sketch_named(text_of(kernel, "sketch"));
	const json_t *values = json_object_get(kernel, "tunables");
	struct candidate c;
	const struct tunable *t;
	int n;

	if (!sketch || !sketch->arithmetic)
		return false;
	candidates_try(s, j, group, sketch, true, &c);
	if (!c.task.state)
		return false;
	t = sketch->tunables(&c.task, &n);

	int point[n + 1];

	for (int i = 0; i < n; i++)
		if (!read_value(&t[i], json_object_get(values, t[i].name),
		    &point[i]))
			return false;
	return sketch->arithmetic(&c.task, s->a, point, o);
}

/* ---- the variant ---- */

static bool computes(struct session *s, const struct job *j, int group,
	const json_t *kernel)
{
	const json_t *names = json_object_get(kernel, "computes");
	struct str all;

	str_init(&all, s->a);
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		str_printf(&all, "%s%s", i ? "," : "", name ? name : "");
	}
	return !strcmp(str_text(&all), plan_kernel(s->a, j->op,
		&j->partition->groups[group], ","));
}

/* The partition that the plan's kernels are of; false where there is none. */
static bool use_partition(struct session *s, struct job *j,
	const json_t *kernels)
{
	for (int i = 0; i < j->n_plans; i++) {
		bool same;

		plan_use(j, i);
		same = json_array_size(kernels) ==
			(size_t)j->partition->n_groups;
		for (int g = 0; g < j->partition->n_groups && same; g++)
			same = computes(s, j, g, json_array_get(kernels,
				(size_t)g));
		if (same)
			return true;
	}
	return false;
}

static bool is_general(const json_t *variant)
{
	return json_is_true(json_object_get(variant, "general"));
}

static bool is_for(const struct job *j, const json_t *variant)
{
	const json_t *sizes = json_object_get(variant, "sizes");

	if (strcmp(text_of(variant, "target"), j->place->target->name))
		return false;
	if (is_general(variant))
		return true;
	for (int i = 0; i < j->reference->n_sizes; i++)
		if (json_integer_value(json_object_get(sizes,
		    j->reference->sizes[i].name)) !=
		    j->reference->sizes[i].value)
			return false;
	return true;
}

/* Those of the operator that the job is of. */
static const json_t *variants_of(const json_t *plan, const struct job *j)
{
	const json_t *all = json_object_get(plan, "operators");

	for (size_t i = 0; i < json_array_size(all); i++)
		if (!strcmp(text_of(json_array_get(all, i), "name"),
		    j->item->name.text))
			return json_object_get(json_array_get(all, i),
				"variants");
	return NULL;
}

/* The operator as the variant computes it, where that is with other sums. */
static const struct ir_operator *changed(struct session *s, struct job *j,
	const json_t *variant)
{
	const json_t *kernels = json_object_get(variant, "groups");
	struct ir_operator *o;
	bool other = false;

	if (!use_partition(s, j, kernels))
		return NULL;
	o = ir_copy(s->a, j->op);
	for (int g = 0; g < j->partition->n_groups; g++)
		other |= change(s, j, g, json_array_get(kernels, (size_t)g), o);
	return other ? o : NULL;
}

/* Of the variants for all sizes any may serve, which do not count beside one for
 * this shape. */
bool reference_arithmetic(struct session *s, const json_t *plan,
	struct job *j, const struct ir_operator **out)
{
	const char *hash = arena_printf(s->a, "%016llx",
		(unsigned long long)j->hash);
	const json_t *all = variants_of(plan, j);
	bool own = false;

	*out = NULL;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *v = json_array_get(all, i);
		const struct ir_operator *o;
		bool general = is_general(v);

		if (!is_for(j, v) || (general && own))
			continue;
		if (!general && strcmp(text_of(v, "hash"), hash))
			return session_fail(s, EXIT_USER, "'%s' of the plan "
				"is another operator than the source's",
				j->item->name.text);
		if (!general && !own)
			*out = NULL;
		own |= !general;
		o = changed(s, j, v);
		*out = o ? o : *out;
	}
	return true;
}
