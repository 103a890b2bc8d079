/* SPDX-License-Identifier: MIT */
/* Tensor maps: how a kernel's bulk copies see one of its tensors. */
#include <assert.h>

#include "kernel/kernel.h"

struct k_map *kernel_map(struct kernel *k, struct k_map m)
{
	struct k_map *out = ARENA_NEW(k->a, struct k_map);

	assert(m.of && m.rank >= 1 && m.rank <= K_MAP_RANK);
	for (int i = 0; i < m.rank; i++)
		m.steps[i] = m.steps[i] ? m.steps[i] : 1;
	*out = m;
	vec_push(k->a, &k->maps, out);
	return out;
}

int64_t k_map_row_bytes(const struct k_map *m)
{
	int64_t elements = m->pixels ? m->channels : m->box[0];

	return elements * dtype_row(m->of->type)->bits / 8;
}

/* A step leaves elements out of a tile; im2col's are of its pixels, which are
 * counted without those in between. */
int64_t k_map_bytes(const struct k_map *m)
{
	int64_t rows = m->pixels ? m->pixels : 1;

	for (int i = 1; i < m->rank && !m->pixels; i++)
		rows *= (m->box[i] + m->steps[i] - 1) / m->steps[i];
	return rows * k_map_row_bytes(m);
}

/* A swizzle's pattern is of eight rows. */
int k_map_align(const struct k_map *m)
{
	return m->swizzle ? 8 * m->swizzle : 128;
}

int p_map_tensor(const struct p_step *s, const struct k_map *m)
{
	int i = 0;

	while (s->kernel->globals.v[i] != m->of)
		i++;
	return s->args[i];
}
