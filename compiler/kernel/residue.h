/* SPDX-License-Identifier: MIT */
/* What is known of a value modulo something. */
#ifndef WPK_COMPILER_KERNEL_RESIDUE_H
#define WPK_COMPILER_KERNEL_RESIDUE_H

#include "kernel/kernel.h"

/* rest (mod modulus); modulus 0: exactly rest; 1: nothing known. */
struct residue {
	int64_t modulus, rest;
};

/* Of an expression, and of the offset in elements of a place. */
struct residue residue_of(const struct kx *e);
struct residue residue_offset(const struct k_place *p);

/* True if no value of that residue is a multiple of "n". */
bool residue_never(struct residue r, int64_t n);

#endif
