/* SPDX-License-Identifier: MIT */
/* Reading JSON that nobody vouches for: what is missing, of another type or out
 * of range is told with its path in the document. */
#ifndef WPK_RUNTIME_LIB_FIELD_H
#define WPK_RUNTIME_LIB_FIELD_H

#include "runtime/lib/lib.h"
#include "runtime/lib/number.h"

/* The first failure is kept: "status" and "e". After it every function below
 * fails. "names" are what expressions may use. */
struct reading {
	struct pool *pool;
	struct number_names names;
	struct wpk_error *e;
	enum wpk_status status;
	char where[200];
};

/* "operators[0].variants[2]: FMT"; false. */
bool field_fails(struct reading *r, enum wpk_status status, const char *fmt,
	...) __attribute__((format(printf, 3, 4)));
bool field_no_memory(struct reading *r);
/* Goes into "key", into its element "i" unless that is negative; gives what to
 * pass to field_leave(). */
size_t field_enter(struct reading *r, const char *key, int i);
void field_leave(struct reading *r, size_t was);

bool field_int(struct reading *r, const json_t *object, const char *key,
	int64_t lo, int64_t hi, int64_t *out);
/* "otherwise" where there is none. */
bool field_int_or(struct reading *r, const json_t *object, const char *key,
	int64_t lo, int64_t hi, int64_t otherwise, int64_t *out);
/* In the pool. */
bool field_text(struct reading *r, const json_t *object, const char *key,
	const char **out);
/* The same, or NULL where there is none or it is null. */
bool field_text_or_null(struct reading *r, const json_t *object,
	const char *key, const char **out);
/* The array, of at most "most"; NULL and a failure where it is none. */
const json_t *field_array(struct reading *r, const json_t *object,
	const char *key, int most, int *n);
/* An integer, or an expression; "what" is its key, for messages. */
bool field_number(struct reading *r, const json_t *v, const char *what,
	struct number *out);

#endif
