/* SPDX-License-Identifier: MIT */
/* A check on a GPU: the emitted text, compiled by nvcc behind
 * runtime/gpu/main.cu, takes the emulator's jobs and reports its time. It runs
 * whole; of large operators some rows are compared, evenly spread. */
#include <stdlib.h>
#include <string.h>

#include "driver/check_parts.h"
#include "driver/child.h"
#include "driver/paths.h"

static const double default_work = 4e9;

int64_t check_gpu_every(const struct check *c)
{
	double limit = c->r->work > 0 ? c->r->work : default_work, work = 0;

	for (int i = 0; i < c->n_tensors; i++) {
		const struct check_tensor *t = &c->tensors[i];
		const struct ir_tensor *ir = &c->r->op->tensors[t->ir];

		if (t->output)
			work += (double)ir->elements *
				ir_eval_cost(c->r->op, t->ir);
	}
	return work > limit ? (int64_t)(work / limit) | 1 : 1;
}

/* With its PTX, so that a newer GPU than the target's runs it too. */
enum check_verdict check_gpu_compile(struct check *c, const char *folder,
	const char *source, const char *program)
{
	const char *main_file = paths_find(c->a, PATHS_GPU_MAIN);
	const char *arch = c->r->target->name + 3;
	const char *const argv[] = { c->r->nvcc, arena_printf(c->a,
		"-gencode=arch=compute_%s,code=[sm_%s,compute_%s]", arch,
		arch, arch),
		"-std=c++17", "-O2", "-o", program, source, main_file, NULL };
	struct child run;

	(void)folder;
	if (!main_file)
		return check_end(c, CHECK_UNAVAILABLE,
			"not verified: gpu/main.cu was not found");
	child_run(c->a, argv, NULL, 0, check_seconds(c), &run);
	if (check_stopped())
		return CHECK_STOPPED;
	if (run.timed_out)
		return check_end(c, CHECK_TIMEOUT, "nvcc took too long");
	if (run.status == 0)
		return CHECK_VERIFIED;
	str_puts(&c->detail, str_text(&run.err));
	return check_end(c, CHECK_FAULT, "nvcc does not compile it");
}

const char *check_gpu_lacks(struct check *c, const char *report)
{
	const char *why = strstr(report, " none ");

	if (strstr(report, " memory "))
		return "not verified: the GPU does not have the memory: check at "
			"smaller sizes, or with -j 1";
	return !why ? "not verified: no GPU" : arena_printf(c->a,
		"not verified: no GPU: %.*s", (int)strcspn(why + 6, "\n"),
		why + 6);
}

static double number_after(const char *text, const char *mark)
{
	const char *p = strstr(text, mark);

	return p ? strtod(p + strlen(mark), NULL) : 0;
}

void check_gpu_read(struct check *c, const char *report)
{
	const char *device = strstr(report, " device ");
	const char *time = strstr(report, " time ");

	if (device && !strstr(report, " fault ")) {
		device += strlen(" device ");
		c->out->device = arena_strndup(c->a, device,
			strcspn(device, ",\n"));
	}
	if (time) {
		c->out->cold = number_after(time, " cold ");
		c->out->hot = number_after(time, " hot ");
	}
}
