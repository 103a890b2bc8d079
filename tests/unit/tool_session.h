/* SPDX-License-Identifier: MIT */
/* What tools that go wpkc's ways without its main program have in common. */
#ifndef WPK_TESTS_UNIT_TOOL_SESSION_H
#define WPK_TESTS_UNIT_TOOL_SESSION_H

#include "driver/session.h"

/* The source that s->o names, and its jobs; false after an error. */
bool tool_load(struct session *s);
/* A legal point; false if there is none among so many. */
bool tool_random_point(const struct candidate *c, const struct problem *p,
	int tries, struct rng *r, int *genes);

#endif
