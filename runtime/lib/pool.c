/* SPDX-License-Identifier: MIT */
/* Memory that goes together. */
#include "runtime/lib/lib.h"

#include <stdlib.h>
#include <string.h>

struct pool_piece {
	struct pool_piece *before;
	max_align_t memory[];
};

void *pool_take(struct pool *p, size_t n, size_t size)
{
	struct pool_piece *piece;

	if (size && n > (SIZE_MAX / 2 - sizeof *piece) / size)
		return NULL;
	piece = calloc(1, sizeof *piece + n * size);
	if (!piece)
		return NULL;
	piece->before = p->last;
	p->last = piece;
	return piece->memory;
}

char *pool_text(struct pool *p, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = pool_take(p, n, 1);

	return copy ? memcpy(copy, s, n) : NULL;
}

void pool_free(struct pool *p)
{
	while (p->last) {
		struct pool_piece *piece = p->last;

		p->last = piece->before;
		free(piece);
	}
}
