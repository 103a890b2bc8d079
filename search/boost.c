/* SPDX-License-Identifier: MIT */
/* XGBoost's C API as values: matrices in arenas come in, models and sentences
 * go out. Nothing of the library is left behind on any way out of a function
 * but the model that is returned. Every matrix and booster works with one
 * thread, so that equal input gives equal output. */
#include "search/boost.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/boost_api.h"

/* The first version that has all rows of BOOST_API. */
enum { MAJOR = 1, MINOR = 6 };

static const char *const file_names[] = {
	"libxgboost.so.0", "libxgboost.so", NULL
};

struct boost {
#define ROW(field, result, symbol, parameters) result (*field) parameters;
	BOOST_API(ROW)
#undef ROW
	char version_text[40];
};

struct boost_model {
	const struct boost *b;
	void *booster;
	int d;
};

/* ---- the library ---- */

struct symbol {
	const char *name;
	size_t at;
};

static const struct symbol symbols[] = {
#define ROW(field, result, symbol, parameters) \
	{ #symbol, offsetof(struct boost, field) },
	BOOST_API(ROW)
#undef ROW
};
enum { N_SYMBOLS = sizeof symbols / sizeof *symbols };

/* Its name that is missing in the library, or NULL. */
static const char *find_symbols(void *library, struct boost *b)
{
	for (int i = 0; i < N_SYMBOLS; i++) {
		void *p = dlsym(library, symbols[i].name);

		if (!p)
			return symbols[i].name;
		memcpy((char *)b + symbols[i].at, &p, sizeof p);
	}
	return NULL;
}

static void *open_library(struct arena *a, const char *file, const char **why)
{
	int how = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
	void *library = NULL;

	if (file && !*file) {
		*why = "WPK_XGBOOST is empty";
		return NULL;
	}
	if (file)
		library = dlopen(file, how);
	for (int i = 0; !file && !library && file_names[i]; i++)
		library = dlopen(file_names[i], how);
	if (!library && file)
		*why = arena_printf(a, "WPK_XGBOOST: %s", dlerror());
	else if (!library)
		*why = arena_printf(a, "%s was not found", file_names[0]);
	return library;
}

/* Why the library, opened from "file", will not do; or NULL. */
static const char *unfit(struct arena *a, void *library, struct boost *b)
{
	const char *missing = find_symbols(library, b);
	int major = 0, minor = 0, patch = 0;

	if (missing && b->version)
		b->version(&major, &minor, &patch);
	if (missing && major)
		return arena_printf(a, "XGBoost %d.%d.%d has no %s: %d.%d or "
			"later is needed", major, minor, patch, missing, MAJOR,
			MINOR);
	if (missing)
		return arena_printf(a, "the library has no %s: it is not "
			"XGBoost %d.%d or later", missing, MAJOR, MINOR);
	b->version(&major, &minor, &patch);
	if (major < MAJOR || (major == MAJOR && minor < MINOR))
		return arena_printf(a, "XGBoost %d.%d.%d is too old: %d.%d or "
			"later is needed", major, minor, patch, MAJOR, MINOR);
	snprintf(b->version_text, sizeof b->version_text, "%d.%d.%d", major,
		minor, patch);
	if (b->configure("{\"verbosity\": 0}"))
		return "XGBoost does not let itself be configured";
	return NULL;
}

const struct boost *boost_open(struct arena *a, const char **why)
{
	void *library = open_library(a, getenv("WPK_XGBOOST"), why);
	struct boost *b = ARENA_NEW(a, struct boost);

	if (!library)
		return NULL;
	*why = unfit(a, library, b);
	if (!*why)
		return b;
	dlclose(library);
	return NULL;
}

const char *boost_version(const struct boost *b)
{
	return b->version_text;
}

/* The first line of what XGBoost says, without the place in its source: a
 * trace of its stack follows. */
static const char *sentence(struct arena *a, const struct boost *b,
	const char *what)
{
	const char *said = b->last_error(), *end, *place;

	end = said + strcspn(said, "\n");
	place = strstr(said, ": ");
	if (*said == '[' && place && place < end)
		said = place + 2;
	return arena_printf(a, "XGBoost cannot %s: %.*s", what,
		(int)(end - said), said);
}

/* ---- training ---- */

static bool set_params(const struct boost *b, void *booster,
	const struct boost_params *p)
{
	char depth[24], rate[32], rows[32], columns[32], leaf[32], seed[24];
	const char *const pairs[][2] = {
		{ "nthread", "1" }, { "objective", "reg:squarederror" },
		{ "base_score", "0" }, { "tree_method", "hist" },
		{ "max_bin", "64" },
		{ "max_depth", depth }, { "eta", rate },
		{ "subsample", rows }, { "colsample_bytree", columns },
		{ "min_child_weight", leaf }, { "seed", seed },
		{ "verbosity", "0" },
	};

	snprintf(depth, sizeof depth, "%d", p->depth);
	snprintf(rate, sizeof rate, "%.9g", p->rate);
	snprintf(rows, sizeof rows, "%.9g", p->rows);
	snprintf(columns, sizeof columns, "%.9g", p->columns);
	snprintf(leaf, sizeof leaf, "%.9g", p->leaf);
	snprintf(seed, sizeof seed, "%" PRIu32, (uint32_t)(p->seed >> 1
		& 0x7fffffff));
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (b->set(booster, pairs[i][0], pairs[i][1]))
			return false;
	return true;
}

static void *matrix_of(const struct boost *b, const struct boost_data *data)
{
	uint64_t n = (uint64_t)data->n;
	void *m = NULL;

	if (b->matrix_create(data->x, n, (uint64_t)data->d, NAN, &m, 1))
		return NULL;
	if (!(data->y && b->matrix_set(m, "label", data->y, n)) &&
	    !(data->weight && b->matrix_set(m, "weight", data->weight, n)))
		return m;
	b->matrix_free(m);
	return NULL;
}

static bool grow(const struct boost *b, void *booster, void *matrix,
	const struct boost_params *p)
{
	if (!set_params(b, booster, p))
		return false;
	for (int i = 0; i < p->trees; i++)
		if (b->update(booster, i, matrix))
			return false;
	return true;
}

static struct boost_model *model_of(struct arena *a, const struct boost *b,
	void *booster, int d)
{
	struct boost_model *m = ARENA_NEW(a, struct boost_model);

	*m = (struct boost_model){ b, booster, d };
	return m;
}

struct boost_model *boost_train(struct arena *a, const struct boost *b,
	const struct boost_data *data, const struct boost_params *p,
	const char **why)
{
	void *matrix, *booster = NULL;
	bool ok;

	*why = "there is nothing to learn from";
	if (data->n < 1 || data->d < 1)
		return NULL;
	matrix = matrix_of(b, data);
	ok = matrix && !b->create(&matrix, 1, &booster) &&
		grow(b, booster, matrix, p);
	*why = ok ? NULL : sentence(a, b, "learn");
	if (matrix)
		b->matrix_free(matrix);
	if (!ok && booster)
		b->free(booster);
	return ok ? model_of(a, b, booster, data->d) : NULL;
}

void boost_destroy(struct boost_model *m)
{
	if (m && m->booster)
		m->b->free(m->booster);
	if (m)
		m->booster = NULL;
}

int boost_columns(const struct boost_model *m)
{
	return m->d;
}

/* ---- prediction ---- */

static const char predict_how[] = "{\"type\": 0, \"training\": false, "
	"\"iteration_begin\": 0, \"iteration_end\": 0, "
	"\"strict_shape\": false}";

bool boost_predict(struct arena *a, const struct boost_model *m,
	const float *x, int n, float *out, const char **why)
{
	struct boost_data data = { .x = x, .n = n, .d = m->d };
	const struct boost *b = m->b;
	const uint64_t *shape;
	const float *values;
	uint64_t dims;
	void *matrix;
	bool ok;

	if (n < 1)
		return true;
	matrix = matrix_of(b, &data);
	ok = matrix && !b->predict(m->booster, matrix, predict_how, &shape,
		&dims, &values);
	if (!ok)
		*why = sentence(a, b, "predict");
	if (ok && (dims != 1 || shape[0] != (uint64_t)n)) {
		*why = "XGBoost predicts another number of rows than asked";
		ok = false;
	}
	if (ok)
		memcpy(out, values, (size_t)n * sizeof *out);
	if (matrix)
		b->matrix_free(matrix);
	return ok;
}
