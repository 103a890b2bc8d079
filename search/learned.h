/* SPDX-License-Identifier: MIT */
/* The learned model: what the analytic one gets wrong is learned from records,
 * of other operators and GPUs and of the points measured so far. It ranks
 * candidates of one problem. */
#ifndef WPK_SEARCH_LEARNED_H
#define WPK_SEARCH_LEARNED_H

#include "search/boost.h"
#include "search/record.h"

struct learned;

/* For the problem that "focus" tells of: sketch and point may vary. "b" is the
 * library of trees; NULL: there is none, "why" says so, and the analytic model
 * alone predicts. */
struct learned *learned_create(const struct boost *b, const char *why,
	const struct record_key *focus, uint64_t seed);
void learned_destroy(struct learned *l);

/* Take what can be learned from "r", which need not live on. False if nothing
 * can: it has no time, or was measured by another "how" than the focus's. */
bool learned_add(struct learned *l, const struct record *r);
/* Learn anew, if enough was added since the last time or "now": cheap enough
 * to be asked after every batch. */
void learned_update(struct learned *l, bool now);

/* Seconds that "n" candidates of the focus will take. Of a record, the key, the
 * point and the features are read. Where no time can be predicted, for want of
 * an analytic estimate, numbers still rank: they are seconds but for a common
 * factor. INFINITY if the analytic model says that it cannot run. */
void learned_seconds(struct learned *l, const struct record *r, int n,
	double *out);
/* One line on what predictions rest on, valid until the next call. */
const char *learned_says(struct learned *l);

#endif
