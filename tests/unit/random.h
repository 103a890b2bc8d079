/* SPDX-License-Identifier: MIT */
/* What random_tool makes operators of: axes, and inputs read at them. */
#ifndef WPK_TESTS_UNIT_RANDOM_H
#define WPK_TESTS_UNIT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "search/search.h"

enum { AXES = 8, DIMS = 8, WRITTEN = 20000, WORK = 300000, READS = 8 };

/* An axis: its index, the name of its size, its extent. Outer ones are the
 * output's, the others are reduced. */
struct axis {
	const char *index, *size;
	int extent;
};

/* One dimension of a tensor: what is declared, and how many that is. */
struct dim {
	const char *text, *index;
	int extent;
};

struct gen {
	struct arena *a;
	struct rng r;
	struct axis axes[AXES];
	int n, n_outer;
	bool floats;		/* or integers */
	int n_inputs;
	struct str inputs, lets, body, tail;
};

/* 0 to n - 1, each as likely. */
int below(struct gen *g, int n);
bool one_in(struct gen *g, int n);
/* One of these, NULL-ended. */
const char *pick(struct gen *g, const char *const *v);
#define PICK(g, ...) pick(g, (const char *const []){ __VA_ARGS__, NULL })

/* g->axes: so many of the output and of reductions, of a size that an
 * interpreter computes in no time. */
void make_axes(struct gen *g, int outer, int reduced);
/* The axis as one dimension. */
struct dim plain(const struct axis *x);
/* " layout(..)" in another order, or strides with gaps, or nothing. Equal
 * texts of dimensions are matched from the left, and so left alone. */
void put_order(struct gen *g, const struct dim *v, int n, struct str *out);
/* Declare an input; its name. */
const char *add_input(struct gen *g, const char *type, const struct dim *v,
	int n);
/* A new input read at the axes in "which": turned, shifted, joined, gathered
 * unless "straight". Infinity stays out of what is "finite". */
const char *read_input(struct gen *g, unsigned which, bool straight,
	bool finite);

#endif
