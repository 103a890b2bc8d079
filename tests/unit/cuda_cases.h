/* SPDX-License-Identifier: MIT */
/* Small programs for tests: built with few words, emitted, searched. */
#ifndef WPK_TESTS_UNIT_CUDA_CASES_H
#define WPK_TESTS_UNIT_CUDA_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cuda/cuda.h"

static inline struct kx *n(struct arena *a, int64_t v)
{
	return kx_int(a, v);
}

static inline struct kx *f(struct arena *a, double v)
{
	return kx_float(a, v, T_F32);
}

static inline int tensor(struct arena *a, struct program *p, const char *name,
	enum p_role role, enum dtype t, int64_t elements, int align)
{
	vec_push(a, &p->tensors, (struct p_tensor){ .name = name,
		.role = role, .type = t, .elements = elements,
		.align = align, .shape = "[n]" });
	return p->tensors.n - 1;
}

/* Launches "k" on the tensors in order, and lays the program out. */
static inline void launch(struct arena *a, struct program *p, struct kernel *k,
	int64_t x, int64_t y)
{
	struct p_step s = { .kind = P_LAUNCH, .kernel = k,
		.grid = { x, y, 1 }, .n_args = k->globals.n };

	s.args = ARENA_ARRAY(a, (size_t)s.n_args + 1, int);
	for (int i = 0; i < s.n_args; i++)
		s.args[i] = i;
	s.n_scalars = k->scalars.n;
	s.scalar_args = ARENA_ARRAY(a, (size_t)s.n_scalars + 1, int64_t);
	for (int i = 0; i < s.n_scalars; i++)
		s.scalar_args[i] = 7 + i;
	kernel_layout(k);
	vec_push(a, &p->steps, s);
	program_layout(p);
}

static inline const char *emit(struct arena *a, struct program *p,
	const char *target)
{
	struct cuda_unit u = cuda_unit_of(a, "ops.wpk", "1.0",
		target_named(target), p);
	const char *why = program_verify(a, p, target_named(target));
	struct str s;

	if (why)
		fail_msg("%s", why);
	str_init(&s, a);
	cuda_emit(&u, &s);
	return str_text(&s);
}

static inline void says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in\n%s", part, text);
}

static inline void silent(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in\n%s", part, text);
}

#endif
