/* SPDX-License-Identifier: MIT */
/* Reading JSON that nobody vouches for: what is missing, of another type or out
 * of range is told with its path in the document. */
#ifndef WPK_RUNTIME_LIB_FIELD_H
#define WPK_RUNTIME_LIB_FIELD_H

#include "runtime/lib/lib.h"
#include "runtime/lib/number.h"

/* The first failure is kept: "status" and "e". After it nothing more is read, and
 * what functions below give is the least there is. "names" are what expressions may
 * use; "pool" is where texts and expressions go. */
struct reading {
	struct pool *pool;
	struct number_names names;
	struct wpk_error *e;
	enum wpk_status status;
	char where[200];
};

/* A word and what it stands for. */
struct field_word {
	const char *name;
	int value;
};

/* WPK_E_PLAN, "operators[0].variants[2]: FMT"; false. */
bool field_fails(struct reading *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same of another status. */
bool field_fails_as(struct reading *r, enum wpk_status status, const char *fmt,
	...) __attribute__((format(printf, 3, 4)));
bool field_no_memory(struct reading *r);
/* Goes into "key", into its element "i" unless that is negative; gives what to
 * pass to field_leave(). */
size_t field_enter(struct reading *r, const char *key, int i);
void field_leave(struct reading *r, size_t was);

/* ---- members: null counts as missing ---- */

/* The member, or NULL. */
const json_t *field_member(const json_t *object, const char *key);
/* NULL where there is none, which is a failure unless it "may" be missing. */
const json_t *field_object(struct reading *r, const json_t *object,
	const char *key, bool may);
/* The array, of at most "most"; NULL and a failure where it is none. */
const json_t *field_array(struct reading *r, const json_t *object,
	const char *key, int most, int *n);
int64_t field_int(struct reading *r, const json_t *object, const char *key,
	int64_t least, int64_t most);
/* "otherwise" where there is none. */
int64_t field_int_or(struct reading *r, const json_t *object, const char *key,
	int64_t least, int64_t most, int64_t otherwise);
/* The numbers of an array of "n", or where "n" is 0, of at most "room", into
 * "to"; how many. */
int field_ints(struct reading *r, const json_t *object, const char *key, int n,
	int room, int64_t least, int64_t most, int64_t *to);
double field_real_or(struct reading *r, const json_t *object, const char *key,
	double otherwise);
/* Missing: false. */
bool field_flag(struct reading *r, const json_t *object, const char *key);
/* In the pool; "" after a failure. */
const char *field_text(struct reading *r, const json_t *object,
	const char *key);
/* The same, or NULL where there is none. */
const char *field_text_or_null(struct reading *r, const json_t *object,
	const char *key);
/* The word's value in a table that ends with NULL; "otherwise" (NULL: none) is
 * what a missing one means. */
int field_word(struct reading *r, const json_t *object, const char *key,
	const char *otherwise, const struct field_word *words);
/* Of what is no member: an integer, or an expression; "what" is its key, for
 * messages. */
bool field_number(struct reading *r, const json_t *v, const char *what,
	struct number *out);

#endif
