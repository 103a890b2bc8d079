/* SPDX-License-Identifier: MIT */
/* Private to the schedule room: what space.c, bind.c and print.c share. */
#ifndef WPK_COMPILER_SCHEDULE_PRIVATE_H
#define WPK_COMPILER_SCHEDULE_PRIVATE_H

#include "schedule/space.h"

/* ---- space.c ---- */

/* A size's value, or "smem_max"; false if there is none of that name. */
bool space_size_named(const struct space *s, const char *name, int64_t *v);

/* "v" as the language writes it. */
void space_print_value(const char *const *words, int v, struct str *out);

/* The name of gene "i", or of tunable i - n_genes. */
const char *space_name(const struct space *s, int i);

#endif
