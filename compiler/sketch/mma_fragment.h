/* SPDX-License-Identifier: MIT */
/* Fragments of mma.sync in registers, from tiles in shared memory.
 *
 * PTX ISA, "Matrix Fragments for mma": of an instruction's results thread t has
 * columns 2 (t % 4) and the next, in row t / 4 and, of 16, row t / 4 + 8. Of the
 * left factor it has the same rows, of the right one column t / 4, and along the
 * reduction the 4 bytes number t % 4 of each 16; 8 bytes of f64. */
#ifndef WPK_COMPILER_SKETCH_MMA_FRAGMENT_H
#define WPK_COMPILER_SKETCH_MMA_FRAGMENT_H

#include "kernel/intrin.h"
#include "sketch/stage.h"

/* How a factor comes from shared memory: by ldmatrix, transposed or not, or
 * element by element. */
enum mma_load { MMA_LDMATRIX, MMA_TRANSPOSED, MMA_ELEMENTS };

/* Of factors of type "tile", whose tile has the reduction contiguous or not. */
enum mma_load mma_load_of(enum dtype tile, bool k_inner);

/* One factor's: "value" [instructions][registers]. The caller sets what comes
 * before "n". Thread "lane" asks ldmatrix for the 16 bytes number "turn" of row
 * "row", or, transposed, of step "row" for those from "turn" on. */
struct fragment {
	struct arena *a;
	struct kernel *kernel;
	const struct stager *g;
	const struct mma_row *form;	/* the instruction */
	enum mma_load load;
	bool right;
	struct kx *lane;
	int n, each, regs;	/* instructions; rows or columns and registers
				 * of each */
	struct k_buffer *value;
	struct kx *row, *turn;
};

/* For "mine" rows or columns of the tile from "first" on: registers, and what
 * addresses have in common. */
void fragment_create(struct fragment *x, struct k_block *b, struct kx *first,
	int mine);
/* Registers like x->value. */
struct k_buffer *fragment_registers(const struct fragment *x,
	const char *suffix);
/* At step "kk" of the chunk in stage "slot", all. */
void fragment_load(const struct fragment *x, struct k_block *b, struct kx *slot,
	struct kx *kk);
/* By ldmatrix, 16 rows or columns from x's own "from" on, into registers from "to"
 * on. */
void fragment_load_16(const struct fragment *x, struct k_block *b,
	struct kx *slot, struct kx *kk, struct kx *from, struct k_place to);

#endif
