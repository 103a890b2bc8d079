/* SPDX-License-Identifier: MIT */
/* Options that name operators and sizes, for whoever makes jobs of them. */
#ifndef WPK_COMPILER_DRIVER_JOBS_H
#define WPK_COMPILER_DRIVER_JOBS_H

#include "driver/directives.h"
#include "driver/session.h"
#include "ir/lower.h"

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
