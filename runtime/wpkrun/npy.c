/* SPDX-License-Identifier: MIT */
/* NumPy's files: a magic, a version, a header that is a Python dictionary, and
 * the elements. Nobody vouches for what is read: every length is checked against
 * the file's, and what is not understood is refused. */
#include "runtime/wpkrun/wpkrun.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PREFIX = 8, HEADER_MOST = 1 << 16, ALIGN = 64 };

static const char magic[6] = "\x93NUMPY";

/* What stands for a type in a file; types that NumPy does not know are the
 * unsigned integers of their width. */
static const struct type_row {
	const char *name;
	DLDataType type;
	char kind;
	int bytes;
	const char *descr;
} types[] = {
	{ "f64", { kDLFloat, 64, 1 }, 'f', 8, "<f8" },
	{ "f32", { kDLFloat, 32, 1 }, 'f', 4, "<f4" },
	{ "f16", { kDLFloat, 16, 1 }, 'f', 2, "<f2" },
	{ "bf16", { kDLBfloat, 16, 1 }, 'u', 2, "<u2" },
	{ "e4m3", { WPK_DL_E4M3, 8, 1 }, 'u', 1, "|u1" },
	{ "e5m2", { WPK_DL_E5M2, 8, 1 }, 'u', 1, "|u1" },
	{ "i64", { kDLInt, 64, 1 }, 'i', 8, "<i8" },
	{ "i32", { kDLInt, 32, 1 }, 'i', 4, "<i4" },
	{ "i16", { kDLInt, 16, 1 }, 'i', 2, "<i2" },
	{ "i8", { kDLInt, 8, 1 }, 'i', 1, "|i1" },
	{ "i4", { kDLInt, 4, 1 }, 'u', 1, "|u1" },
	{ "u64", { kDLUInt, 64, 1 }, 'u', 8, "<u8" },
	{ "u32", { kDLUInt, 32, 1 }, 'u', 4, "<u4" },
	{ "u16", { kDLUInt, 16, 1 }, 'u', 2, "<u2" },
	{ "u8", { kDLUInt, 8, 1 }, 'u', 1, "|u1" },
	{ "u4", { kDLUInt, 4, 1 }, 'u', 1, "|u1" },
	{ "bool", { WPK_DL_BOOL, 8, 1 }, 'b', 1, "|b1" },
};

static const struct type_row *row_of(DLDataType t)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!memcmp(&types[i].type, &t, sizeof t))
			return &types[i];
	return NULL;
}

const char *npy_descr(DLDataType type)
{
	const struct type_row *r = row_of(type);

	return r ? r->descr : "none";
}

const char *npy_type_name(DLDataType type)
{
	const struct type_row *r = row_of(type);

	return r ? r->name : "of a type that no file has";
}

/* Programs that know bf16 and fp8 write them as so many bytes of anything. */
bool npy_fits(const struct npy *x, DLDataType type)
{
	const struct type_row *r = row_of(type);
	bool named = type.code == kDLFloat || type.code == kDLInt ||
		type.code == kDLUInt || type.code == WPK_DL_BOOL;

	return r && x->bytes == r->bytes && (x->kind == r->kind ||
		(x->kind == 'V' && !named) ||
		(x->kind == 'i' && type.bits == 4 && type.code == kDLInt));
}

__attribute__((format(printf, 2, 3)))
static const char *refuse(char why[200], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 200, fmt, ap);
	va_end(ap);
	return why;
}

/* ---- the header ---- */

struct header {
	const char *p;
	struct npy *x;
	char *why;
	bool descr, order, shape;
};

static void skip_space(struct header *h)
{
	while (isspace((unsigned char)*h->p))
		h->p++;
}

static bool take(struct header *h, char c)
{
	skip_space(h);
	if (*h->p != c)
		return false;
	h->p++;
	return true;
}

/* A quoted word of at most 15 letters. */
static bool take_text(struct header *h, char out[16])
{
	char quote;
	size_t n = 0;

	skip_space(h);
	quote = *h->p;
	if (quote != '\'' && quote != '"')
		return false;
	for (h->p++; *h->p && *h->p != quote; h->p++)
		if (n < 15)
			out[n++] = *h->p;
		else
			return false;
	out[n] = 0;
	return take(h, quote);
}

static bool take_word(struct header *h, const char *word)
{
	size_t n = strlen(word);

	skip_space(h);
	if (strncmp(h->p, word, n))
		return false;
	h->p += n;
	return true;
}

static const char *read_descr(struct header *h)
{
	char text[16], *end;
	long bytes;

	if (!take_text(h, text))
		return refuse(h->why, "its elements are no plain numbers");
	if (text[0] == '>' && strcmp(text + 2, "1"))
		return refuse(h->why, "its numbers are big-endian, '%s'", text);
	h->x->kind = text[0] ? text[1] : 0;
	bytes = text[0] && text[1] ? strtol(text + 2, &end, 10) : 0;
	if (!strchr("<>|=", text[0]) || bytes < 1 || bytes > 8 || *end ||
	    !h->x->kind || !strchr("fiubV", h->x->kind))
		return refuse(h->why, "its elements are '%s', which no tensor "
			"has", text);
	h->x->bytes = (int)bytes;
	return NULL;
}

static const char *read_order(struct header *h)
{
	h->x->fortran = take_word(h, "True");
	return h->x->fortran || take_word(h, "False") ? NULL :
		refuse(h->why, "its fortran_order is neither True nor False");
}

static const char *read_shape(struct header *h)
{
	struct npy *x = h->x;

	if (!take(h, '('))
		return refuse(h->why, "its shape is no tuple");
	for (x->rank = 0; !take(h, ')'); x->rank++) {
		char *end;

		if (x->rank == WPK_RANK)
			return refuse(h->why, "it has more than %d dimensions",
				WPK_RANK);
		errno = 0;
		if (!isdigit((unsigned char)*h->p))
			return refuse(h->why, "its shape is no tuple of "
				"numbers");
		x->shape[x->rank] = strtoll(h->p, &end, 10);
		h->p = end + (*end == 'L');
		if (errno)
			return refuse(h->why, "its shape is out of range");
		if (!take(h, ',') && (skip_space(h), *h->p != ')'))
			return refuse(h->why, "its shape is no tuple of "
				"numbers");
	}
	return NULL;
}

static const char *read_item(struct header *h)
{
	static const struct key {
		const char *name;
		const char *(*read)(struct header *h);
		size_t seen;
	} keys[] = {
		{ "descr", read_descr, offsetof(struct header, descr) },
		{ "fortran_order", read_order, offsetof(struct header, order) },
		{ "shape", read_shape, offsetof(struct header, shape) },
	};
	char text[16];

	if (!take_text(h, text) || !take(h, ':'))
		return refuse(h->why, "its header is no dictionary");
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		bool *seen = (bool *)((char *)h + keys[i].seen);

		if (strcmp(keys[i].name, text))
			continue;
		if (*seen)
			return refuse(h->why, "its header has '%s' twice",
				text);
		*seen = true;
		return keys[i].read(h);
	}
	return refuse(h->why, "its header has '%s', which no .npy file has",
		text);
}

static const char *read_header(const char *text, struct npy *x, char *why)
{
	struct header h = { .p = text, .x = x, .why = why };
	int64_t bytes;

	if (!take(&h, '{'))
		return refuse(why, "its header is no dictionary");
	while (!take(&h, '}')) {
		const char *wrong = read_item(&h);

		if (wrong)
			return wrong;
		if (!take(&h, ',') && (skip_space(&h), *h.p != '}'))
			return refuse(why, "its header is no dictionary");
	}
	skip_space(&h);
	if (*h.p)
		return refuse(why, "its header goes on behind the dictionary");
	if (!h.descr || !h.order || !h.shape)
		return refuse(why, "its header lacks descr, fortran_order or "
			"shape");
	x->elements = 1;
	for (int i = 0; i < x->rank; i++)
		if (__builtin_mul_overflow(x->elements, x->shape[i],
		    &x->elements))
			return refuse(why, "its shape is out of range");
	if (__builtin_mul_overflow(x->elements, x->bytes, &bytes))
		return refuse(why, "its shape is out of range");
	return NULL;
}

/* ---- files ---- */

/* The header's length, 0 where the file does not tell. */
static size_t header_length(FILE *f, const unsigned char prefix[PREFIX])
{
	unsigned char n[4] = { 0 };
	size_t width = prefix[6] == 1 ? 2 : 4;

	if (fread(n, 1, width, f) != width)
		return 0;
	return n[0] | (size_t)n[1] << 8 | (size_t)n[2] << 16 |
		(size_t)n[3] << 24;
}

static const char *read_data(FILE *f, struct npy *x, char *why)
{
	size_t bytes = (size_t)x->elements * (size_t)x->bytes;
	long at = ftell(f);
	struct stat st;

	if (fstat(fileno(f), &st) || at < 0 || !S_ISREG(st.st_mode))
		return refuse(why, "it is no plain file");
	if ((uint64_t)st.st_size - (uint64_t)at != bytes)
		return refuse(why, "it has %lld bytes of elements, and its "
			"header tells of %zu", (long long)st.st_size - at,
			bytes);
	x->data = malloc(bytes ? bytes : 1);
	if (!x->data)
		return refuse(why, "it is too large for memory");
	return fread(x->data, 1, bytes, f) == bytes ? NULL :
		refuse(why, "it cannot be read");
}

static const char *read_file(FILE *f, bool data, struct npy *x, char *why)
{
	unsigned char prefix[PREFIX];
	const char *wrong;
	size_t n;
	char *text;

	if (fread(prefix, 1, PREFIX, f) != PREFIX ||
	    memcmp(prefix, magic, sizeof magic))
		return refuse(why, "it is no .npy file");
	if (prefix[6] < 1 || prefix[6] > 3 || prefix[7])
		return refuse(why, "it is of version %d.%d, and 1.0 to 3.0 "
			"are known", prefix[6], prefix[7]);
	n = header_length(f, prefix);
	if (!n || n > HEADER_MOST)
		return refuse(why, "its header is %s", n ? "too long" :
			"missing");
	text = calloc(n + 1, 1);
	if (!text)
		return refuse(why, "no memory");
	wrong = fread(text, 1, n, f) != n || strlen(text) != n ?
		refuse(why, "its header is cut off") :
		read_header(text, x, why);
	free(text);
	return wrong || !data ? wrong : read_data(f, x, why);
}

const char *npy_read(const char *path, bool data, struct npy *out,
	char why[200])
{
	FILE *f = fopen(path, "rb");
	const char *wrong;

	*out = (struct npy){ 0 };
	if (!f)
		return refuse(why, "%s", strerror(errno));
	wrong = read_file(f, data, out, why);
	fclose(f);
	if (wrong)
		npy_free(out);
	return wrong;
}

void npy_free(struct npy *x)
{
	free(x->data);
	x->data = NULL;
}

/* ---- writing ---- */

enum { HEADER_ROOM = 512 };

static size_t put_header(char out[HEADER_ROOM], DLDataType type, int rank,
	const int64_t *shape)
{
	size_t n = PREFIX + 2, all;

	n += (size_t)snprintf(out + n, HEADER_ROOM - n, "{'descr': '%s', "
		"'fortran_order': False, 'shape': (", npy_descr(type));
	for (int i = 0; i < rank; i++)
		n += (size_t)snprintf(out + n, HEADER_ROOM - n, "%lld%s",
			(long long)shape[i], i + 1 < rank ? ", " :
			rank == 1 ? "," : "");
	n += (size_t)snprintf(out + n, HEADER_ROOM - n, "), }");
	all = (n + 1 + ALIGN - 1) / ALIGN * ALIGN;
	memset(out + n, ' ', all - n);
	out[all - 1] = '\n';
	memcpy(out, magic, sizeof magic);
	out[6] = 1;
	out[7] = 0;
	out[8] = (char)((all - PREFIX - 2) & 255);
	out[9] = (char)((all - PREFIX - 2) >> 8);
	return all;
}

const char *npy_write(const char *path, DLDataType type, int rank,
	const int64_t *shape, const void *data, char why[200])
{
	const struct type_row *r = row_of(type);
	char header[HEADER_ROOM];
	size_t n = 1, head;
	FILE *f;
	bool ok;

	if (!r || rank > WPK_RANK)
		return refuse(why, "no .npy file holds such elements");
	for (int i = 0; i < rank; i++)
		n *= (size_t)shape[i];
	head = put_header(header, type, rank, shape);
	f = fopen(path, "wb");
	if (!f)
		return refuse(why, "%s", strerror(errno));
	ok = fwrite(header, 1, head, f) == head &&
		fwrite(data, (size_t)r->bytes, n, f) == n;
	ok &= !fclose(f);
	return ok ? NULL : refuse(why, "%s", strerror(errno));
}
