/* SPDX-License-Identifier: MIT */
/* A loaded candidate's steps, queued on a set of tensors: launches by the driver,
 * calls of libraries, launchers of files written by hand. */
#include "runtime/worker/gpu.h"

#include <stdint.h>
#include <stdlib.h>

#include "runtime/worker/launcher.h"
#include "runtime/worker/library.h"

enum { ARGS_MOST = 128, MAPS_MOST = 32 };

static wpk_cu_pointer place_of(const struct loaded *of, const struct arg *a,
	wpk_cu_pointer set)
{
	return a->kind == ARG_TENSOR ? set + gpu.offsets[a->value] :
		(a->kind == ARG_WORKSPACE ? of->workspace : of->prepared) +
		(size_t)a->value;
}

/* What a launch has beyond its grid, in "v"; how many. */
static unsigned attributes(const struct step *s, bool early,
	struct wpk_cu_attribute *v)
{
	unsigned n = 0;

	if (s->cluster[0] * s->cluster[1] * s->cluster[2] > 1)
		v[n++] = (struct wpk_cu_attribute){ WPK_CU_ATTRIBUTE_CLUSTER,
			{ 0 }, { .cluster = { s->cluster[0], s->cluster[1],
				s->cluster[2] } } };
	if (early)
		v[n++] = (struct wpk_cu_attribute){ WPK_CU_ATTRIBUTE_EARLY,
			{ 0 }, { .early = 1 } };
	return n;
}

static int launch_step(const struct loaded *of, const struct step *s,
	wpk_cu function, bool early, wpk_cu_pointer set)
{
	struct wpk_cu_attribute more[2];
	struct wpk_cu_launch l = { { s->grid[0], s->grid[1], s->grid[2] },
		{ s->threads, 1, 1 }, (unsigned)s->shared, gpu.stream, more,
		attributes(s, early, more) };
	struct wpk_cu_map maps[MAPS_MOST];
	long long values[ARGS_MOST];
	void *args[ARGS_MOST + 1];
	int n_maps = 0, status = 0;

	args[s->n_args < ARGS_MOST ? s->n_args : ARGS_MOST] = NULL;
	if (s->n_args > ARGS_MOST)
		return WPK_CU_INVALID_VALUE;
	for (int i = 0; i < s->n_args && !status; i++) {
		const struct arg *a = &s->args[i];
		bool number = a->kind == ARG_I32 || a->kind == ARG_I64;

		values[i] = number ? a->value :
			(long long)place_of(of, a, set);
		args[i] = a->map ? (void *)&maps[n_maps] : &values[i];
		if (a->map)
			status = n_maps == MAPS_MOST ? WPK_CU_INVALID_VALUE :
				map_encode(&cuda, a->map, (wpk_cu_pointer)values[i],
				&maps[n_maps++]);
	}
	return status ? status : cuda.launch(&l, function, args, NULL);
}

struct placing {
	const struct loaded *of;
	wpk_cu_pointer set;
};

static wpk_cu_pointer place_at(void *ctx, int kind, long long value)
{
	const struct placing *p = ctx;
	const struct arg a = { .kind = (enum arg_kind)kind, .value = value };

	return place_of(p->of, &a, p->set);
}

/* The library's code is not the driver's: whether the context is lost, waiting
 * for what was launched will tell. */
static struct outcome call_step(const struct loaded *of,
	const struct library_call *call, wpk_cu_pointer set)
{
	struct placing p = { of, set };
	char text[400];
	const char *why = library_launch(call, place_at, &p, of->scratch,
		gpu.stream, text);

	return why ? gpu_fails("launch", "%s%s", why, "") : (struct outcome){ 0 };
}

/* In a graph that is captured, too, it launches as it likes. */
static struct outcome run_launcher(const struct loaded *of,
	const struct candidate *c, int step, wpk_cu_pointer set)
{
	void **tensors = calloc((size_t)gpu.task->n + 1, sizeof *tensors);
	int status;

	if (!tensors)
		return gpu_fails("launch", "no memory%s%s", "", "");
	for (int i = 0; i < gpu.task->n; i++)
		tensors[i] = (void *)(uintptr_t)(set + gpu.offsets[i]);
	status = launcher_run(of->launchers[step], tensors,
		(void *)(uintptr_t)of->workspace, c->workspace, gpu.stream);
	free(tensors);
	return gpu_judge(status, c->steps[step].file);
}

static bool belongs(const struct step *s, enum which which)
{
	return which == PREPARING ? s->prepare : !s->prepare &&
		(which == ALL || s->timed);
}

/* One that may begin early does so behind another of the same pass, or where it is
 * the program's first: what was launched for another pass is no part of it. */
struct outcome gpu_launch(const struct candidate *c, enum which which,
	wpk_cu_pointer set)
{
	const struct loaded *l = c->state;
	struct outcome o = { 0 };
	bool behind = true;

	for (int i = 0; i < c->n_steps && !o.verdict; i++) {
		const struct step *s = &c->steps[i];
		bool early = s->early && behind;

		if (!belongs(s, which)) {
			behind &= s->prepare;
			continue;
		}
		behind = true;
		if (s->kernel)
			o = gpu_judge(launch_step(l, s, l->functions[i], early, set),
				s->kernel);
		else if (s->library)
			o = call_step(l, l->calls[i], set);
		else if (s->file)
			o = run_launcher(l, c, i, set);
		else if (s->bytes)
			o = gpu_judge(cuda.fill(l->workspace + s->offset, 0,
				s->bytes, gpu.stream), "clearing");
	}
	return o;
}

struct outcome gpu_wait(const struct candidate *c)
{
	const char *name = "the kernel";

	for (int i = 0; i < c->n_steps; i++) {
		if (c->steps[i].library && c->steps[i].timed)
			name = "the library's call";
		if (c->steps[i].kernel && c->steps[i].timed)
			name = c->steps[i].kernel;
		if (c->steps[i].file && c->steps[i].timed)
			name = c->steps[i].file;
	}
	return gpu_judge(cuda.synchronize(gpu.stream), name);
}
