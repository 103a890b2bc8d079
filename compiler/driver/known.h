/* SPDX-License-Identifier: MIT */
/* What is known before a search that measures: the tuning database gives costs
 * of points that were measured before, and what is known of sister problems;
 * the model, with what it learned from records, speaks where there are none. And
 * it takes what is found out. */
#ifndef WPK_COMPILER_DRIVER_KNOWN_H
#define WPK_COMPILER_DRIVER_KNOWN_H

#include "driver/session.h"

struct known;

/* s->known: the database that --db, $WPK_DB or the user's home names; NULL with
 * --no-db and where nothing is measured. The first call begins a run, whose
 * candidates all are that are put, by later calls and in child processes too.
 * False after an error. */
bool known_open(struct session *s);
/* The run goes on, or is over. */
void known_close(struct session *s);
void known_end(struct session *s);

/* Gives "p", the measured problem of "c", what is known of it: p->known,
 * p->prior. "model" is the same by the model. */
void known_problem(struct session *s, const struct job *j, int group,
	const struct candidate *c, const struct problem *model,
	struct problem *p);
/* The record is stored when this returns its number within the run, from 1; 0:
 * it could not be. */
int known_put(struct known *k, const struct record *r);

#endif
