/* SPDX-License-Identifier: MIT */
/* JSON that the driver writes: memory is the only thing that could fail. */
#ifndef WPK_COMPILER_DRIVER_JSON_H
#define WPK_COMPILER_DRIVER_JSON_H

#include <assert.h>
#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"

/* Both take "value" over. */
static inline void json_put(json_t *object, const char *key, json_t *value)
{
	int failed = json_object_set_new(object, key, value);

	assert(!failed);
	(void)failed;
}

static inline void json_append(json_t *array, json_t *value)
{
	int failed = json_array_append_new(array, value);

	assert(!failed);
	(void)failed;
}

/* ---- json.c ---- */

/* Names of files need not be UTF-8, as JSON is: bytes beyond ASCII of a text that
 * is not are written as \xff. NULL becomes null. */
json_t *json_text(struct arena *a, const char *s);

/* ---- map.c ---- */

struct k_map;

/* What the driver is told of a tensor map but for the tensor's address, in
 * cuda.h's numbers. */
json_t *json_map(const struct k_map *m);

#endif
