/* SPDX-License-Identifier: MIT */
/* Between those who make a list of jobs. */
#ifndef WPK_COMPILER_DRIVER_JOBS_H
#define WPK_COMPILER_DRIVER_JOBS_H

#include "driver/job.h"

/* ---- jobs.c ---- */

/* Schedules for one shape name it, as tune blocks do: they are shapes of "tune"
 * then. */
void jobs_add_scheduled(struct session *s, const struct making *m,
	struct directives_tune *tune);
/* A general kernel for each shape of "tune" that leaves sizes open, one for each
 * schedule that says when, and one for all other sizes, which is "optional". */
bool jobs_add_general(struct session *s, struct making m,
	const struct directives_tune *tune, bool optional, job_list *jobs);

/* ---- jobs_options.c: options that name operators and sizes ---- */

/* Does --op leave it in? */
bool jobs_wanted(const struct session *s, const char *name);
bool jobs_among(const char *const *names, const char *name);
/* --shape's sizes, of which each operator takes those it has. */
bool jobs_option_shape(struct session *s, struct directives_shape *out);
/* False, with an error, where the operator leaves open a size that "shape" does
 * not give. */
bool jobs_all_given(struct session *s, const struct lower_item *it,
	const struct directives_shape *shape);
/* False, with an error, where --op or --shape names what none of the items is or
 * leaves open; the same of --set, once there are jobs. */
bool jobs_options_known(struct session *s, const struct lower_item *items,
	int n);
bool jobs_settings_known(struct session *s);

#endif
