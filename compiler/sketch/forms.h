/* SPDX-License-Identifier: MIT */
/* Affine forms over flattened axes: how a tile's row or column number becomes
 * addresses and padded indices. Used by every tiled sketch. */
#ifndef WPK_COMPILER_SKETCH_FORMS_H
#define WPK_COMPILER_SKETCH_FORMS_H

#include "ir/ir.h"
#include "kernel/kernel.h"

enum { FORMS_MAX = 6, RUNS_MAX = 12 };

/* Neighbouring axes that all forms step through at constant strides. */
struct run {
	int64_t extent;
	int64_t common;		/* what it is a multiple of from call to call */
	int64_t coef[FORMS_MAX];
};

/* A flattened list of axes, outermost first, as the fewest runs. */
struct flat {
	int64_t extent;		/* product of the axes' extents */
	bool open;		/* which differs from call to call */
	struct run runs[RUNS_MAX];
	int n_runs;
};

/* Flatten "axes" for the "n_forms" forms; false if more than RUNS_MAX runs are
 * needed. No axis at all gives extent 1 and no run. */
bool flat_make(const struct ir_operator *o, const int *axes, int n,
	const struct ir_affine *forms, int n_forms, struct flat *out);

/* The runs' values at flattened index "at", bound to variables of "b". */
void flat_decode(struct arena *a, struct k_block *b, const struct flat *f,
	const char *name, struct kx *at, struct kx **runs);

/* The flattened axes' contribution to form "form" at "at". */
struct kx *flat_form(struct arena *a, struct k_block *b, const struct flat *f,
	const char *name, struct kx *at, int form);

/* A flattened index as a sum: each part is a multiple of its span, which those
 * behind it do not reach together, so that digits within a span are theirs. */
enum { PARTS_MAX = 3 };
struct near {
	struct kx *part[PARTS_MAX];
	int64_t span[PARTS_MAX];
	int n;
};
struct near near_at(struct kx *at);
/* "in" more, less than "span", of which "x" is a multiple. */
struct near near_in(struct near x, int64_t span, struct kx *in);

/* Values of the axes themselves at flattened index "at", into env[axis]. */
void flat_axes_near(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const int *axes, int n, struct near at,
	struct kx **env);
void flat_axes(struct arena *a, struct k_block *b, const struct ir_operator *o,
	const int *axes, int n, struct kx *at, struct kx **env);

/* 0 <= v < size, as one comparison. */
struct kx *form_inside(struct arena *a, struct kx *v, int64_t size);

/* The innermost run, behind one of "pack" neighbours that share an element, if they
 * are several; NULL: there is none. */
const struct run *flat_moving(const struct flat *f, int pack);

/* The longest vector of at most "limit" elements (a power of two) that form 0
 * steps through contiguously along the innermost run while no other form
 * changes; 1 if there is none. */
int flat_vector(const struct flat *f, int n_forms, int limit);

/* The most of limit, limit/2, .. 1 that divides form 0's strides of all runs,
 * the innermost left out where vectors run along it. */
int flat_alignment(const struct flat *f, int limit, bool along);

#endif
