/* SPDX-License-Identifier: MIT */
/* From an operator at one shape, or at all, to a job. */
#ifndef WPK_COMPILER_DRIVER_JOB_H
#define WPK_COMPILER_DRIVER_JOB_H

#include "driver/directives.h"
#include "driver/session.h"
#include "ir/lower.h"

/* What to make a job of. "name" is the C symbol, NULL for the operator's name;
 * "launcher" as struct job has it. */
struct making {
	const struct ast_unit *unit;
	const struct lower_item *it;
	const struct directives_shape *shape;
	const struct place *place;
	const struct directives_tune *tune;	/* or NULL */
	const char *launcher, *name;
	const struct lower_also *also;		/* of a general one */
	int n_also;
	const char *when;
	const struct ast_item *block;		/* whose "when" it is, or NULL */
};

/* What one operator cannot be is no reason to leave out the others. */
bool job_goes_on(const struct session *s);
/* The passes of compiler/README.md, in order, up to plans. */
bool job_passes(struct session *s, struct ir_operator *o);
/* To lower it for all sizes: none is given. */
struct lower_request *job_open_request(struct session *s,
	const struct making *m);
/* A kernel for one shape. False after an error. */
bool job_make(struct session *s, const struct making *m, struct job *j);
/* One kernel for all sizes. The job's own sizes are the first witness's. */
bool job_make_general(struct session *s, const struct making *m, struct job *j);

#endif
