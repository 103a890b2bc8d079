/* SPDX-License-Identifier: MIT */
/* Source files and positions in them: byte offsets everywhere, turned into
 * lines and columns only when a message is printed. */
#include "base/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/vec.h"

static void index_lines(struct arena *a, struct source *s)
{
	VEC(uint32_t) lines = {0};

	vec_push(a, &lines, 0);
	for (size_t i = 0; i < s->len; i++)
		if (s->text[i] == '\n')
			vec_push(a, &lines, (uint32_t)i + 1);
	s->lines = lines.v;
	s->n_lines = lines.n;
}

struct source *source_from_text(struct arena *a, const char *path,
	const char *text, size_t len)
{
	struct source *s = ARENA_NEW(a, struct source);

	s->path = arena_strdup(a, path);
	s->text = arena_alloc(a, len + 2);
	memcpy(s->text, text, len);
	s->len = len;
	index_lines(a, s);
	return s;
}

static const char *reject_nul(struct arena *a, const struct source *s)
{
	const char *p = memchr(s->text, '\0', s->len);
	int line, col;

	if (!p)
		return NULL;
	source_place(s, (uint32_t)(p - s->text), &line, &col);
	return arena_printf(a, "has a NUL byte at line %d", line);
}

static struct source *read_stream(struct arena *a, const char *path, FILE *f,
	const char **why)
{
	VEC(char) text = {0};
	struct source *s;
	char buf[16384];
	size_t n;

	while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
		if ((size_t)text.n + n > SOURCE_LIMIT) {
			*why = "larger than 100 MB";
			return NULL;
		}
		while ((size_t)text.cap < (size_t)text.n + n)
			text.v = vec_grow(a, text.v, text.n, &text.cap, 1);
		memcpy(text.v + text.n, buf, n);
		text.n += (int)n;
	}
	if (ferror(f)) {
		*why = strerror(errno);
		return NULL;
	}
	s = source_from_text(a, path, text.n ? text.v : "", (size_t)text.n);
	*why = reject_nul(a, s);
	return *why ? NULL : s;
}

struct source *source_read(struct arena *a, const char *path, const char **why)
{
	struct source *s;
	struct stat st;
	FILE *f = fopen(path, "r");

	if (!f) {
		*why = strerror(errno);
		return NULL;
	}
	if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
		*why = strerror(EISDIR);
		s = NULL;
	} else {
		s = read_stream(a, path, f, why);
	}
	fclose(f);
	return s;
}

void source_place(const struct source *s, uint32_t offset, int *line, int *col)
{
	int lo = 0, hi = s->n_lines - 1;

	while (lo < hi) {
		int mid = (lo + hi + 1) / 2;

		if (s->lines[mid] <= offset)
			lo = mid;
		else
			hi = mid - 1;
	}
	*line = lo + 1;
	*col = 1;
	for (uint32_t i = s->lines[lo]; i < offset && i < s->len; i++)
		*col += ((unsigned char)s->text[i] & 0xc0) != 0x80;
}

const char *source_line(const struct source *s, int line, size_t *len)
{
	const char *p = s->text + s->lines[line - 1];
	const char *end = memchr(p, '\n', s->len - s->lines[line - 1]);

	*len = end ? (size_t)(end - p) : s->len - s->lines[line - 1];
	return p;
}

struct span span_join(struct span x, struct span y)
{
	if (!x.src)
		return y;
	if (x.src != y.src)
		return x;
	if (y.lo < x.lo)
		x.lo = y.lo;
	if (y.hi > x.hi)
		x.hi = y.hi;
	return x;
}
