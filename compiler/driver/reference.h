/* SPDX-License-Identifier: MIT */
/* wpkc reference: inputs of operators, and what must come of them, for who runs
 * kernels elsewhere. */
#ifndef WPK_COMPILER_DRIVER_REFERENCE_H
#define WPK_COMPILER_DRIVER_REFERENCE_H

#include <jansson.h>

#include "driver/session.h"

int reference_main(struct arena *a, int argc, char **argv);

/* ---- reference_plan.c ---- */

/* A plan that wpkc wrote, or NULL with "*why". */
json_t *reference_plan(struct arena *a, const char *path, const char **why);
/* Its targets are the run's. */
bool reference_targets(struct arena *a, const json_t *plan,
	struct options *o);
/* "*out": the job's operator as the plan computes it, where that is another
 * arithmetic than its own, else NULL. False, reported, where the plan's operator
 * is another. */
bool reference_arithmetic(struct session *s, const json_t *plan,
	struct job *j, const struct ir_operator **out);

#endif
