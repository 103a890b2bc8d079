/* SPDX-License-Identifier: MIT */
/* Indices that batches choose, such as the expert whose weights a block of rows
 * takes: of all that a block computes each is one number. */
#ifndef WPK_COMPILER_SKETCH_CHOICE_H
#define WPK_COMPILER_SKETCH_CHOICE_H

#include "sketch/computed.h"

/* An operand's choices as they are in one batch: "at" each index, "inside" whether
 * all of them are there, NULL: always. What is not inside is 0. */
struct chosen {
	struct kx *at[CHOICES_MAX];
	struct kx *inside;
};

/* Reads what chooses in batch c->batch, in "b"; "name" is the operand's. */
struct chosen choice_read(struct computed *c, struct k_block *b,
	const struct operand *op, const char *name);
/* Do both operands have the same choices, of as many each? */
bool choices_alike(const struct operand *x, const struct operand *y);
/* How many elements they move the address by, in "type"; 0 where not inside. */
struct kx *choice_address(struct arena *a, const struct operand *op,
	const struct chosen *x, enum dtype type);
/* Choice "i" as a coordinate of a map, beyond all edges where not inside. */
struct kx *choice_coordinate(struct arena *a, const struct chosen *x, int i);

/* Cycles that the first copy of a block waits for what chooses, of L2 mostly: an
 * estimate. */
double choice_chain(const struct operand *left, const struct operand *right);
/* Bytes of the operand's tensor that its batches cannot read, as each chooses one
 * part; 0 where there is nothing to choose. */
double choice_unread(const struct operand *op);

#endif
