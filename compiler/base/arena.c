/* SPDX-License-Identifier: MIT */
/* Arena allocation: chunks that grow by doubling, bump-allocated, freed
 * together. The one place of the compiler that calls malloc. Under
 * AddressSanitizer every allocation is followed by a poisoned gap, so that
 * overruns inside an arena show. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* GCC has the macro, clang the question. */
#if !defined(__SANITIZE_ADDRESS__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#define GAP 16
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GAP 0
#endif

enum { ALIGN = 16, FIRST = 8192, LARGEST = 1 << 20 };

struct chunk {
	struct chunk *next;
	size_t size, used;
	_Alignas(ALIGN) char data[];
};

struct arena {
	struct chunk *chunks;
	size_t next_size;
};

static void out_of_memory(void)
{
	fputs("wpkc: out of memory\n", stderr);
	exit(5);
}

struct arena *arena_create(void)
{
	struct arena *a = calloc(1, sizeof *a);

	if (!a)
		out_of_memory();
	a->next_size = FIRST;
	return a;
}

static void free_chunks(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		UNPOISON(c->data, c->size);
		free(c);
		c = next;
	}
}

/* The newest chunk, the largest, is kept for what comes next. */
void arena_reset(struct arena *a)
{
	if (!a->chunks)
		return;
	free_chunks(a->chunks->next);
	a->chunks->next = NULL;
	a->chunks->used = 0;
	POISON(a->chunks->data, a->chunks->size);
}

void arena_destroy(struct arena *a)
{
	if (!a)
		return;
	free_chunks(a->chunks);
	free(a);
}

size_t arena_bytes(const struct arena *a)
{
	size_t n = 0;

	for (const struct chunk *c = a->chunks; c; c = c->next)
		n += c->size;
	return n;
}

static struct chunk *grow(struct arena *a, size_t need)
{
	size_t size = need > a->next_size ? need : a->next_size;
	struct chunk *c;

	if (size > SIZE_MAX - sizeof *c)
		out_of_memory();
	c = malloc(sizeof *c + size);
	if (!c)
		out_of_memory();
	c->next = a->chunks;
	c->size = size;
	c->used = 0;
	POISON(c->data, c->size);
	a->chunks = c;
	if (a->next_size < LARGEST)
		a->next_size *= 2;
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct chunk *c = a->chunks;
	size_t need;
	void *p;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	need = (size + GAP + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!c || c->size - c->used < need)
		c = grow(a, need);
	p = c->data + c->used;
	c->used += need;
	UNPOISON(p, size);
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / 2 / size)
		out_of_memory();
	return arena_alloc(a, n * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	char most[256], *p;
	va_list again;
	size_t n;

	assert(fmt);
	if (!a)
		return (char *)"";
	va_copy(again, ap);
	n = (size_t)vsnprintf(most, sizeof most, fmt, ap);
	p = arena_alloc(a, n + 1);
	if (n < sizeof most)
		memcpy(p, most, n);
	else
		vsnprintf(p, n + 1, fmt, again);
	va_end(again);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}
