/* SPDX-License-Identifier: MIT */
/* Between verify.c, check.c and the other verify_*.c. */
#ifndef WPK_COMPILER_KERNEL_VERIFY_H
#define WPK_COMPILER_KERNEL_VERIFY_H

#include "kernel/intrin.h"
#include "kernel/kernel.h"
#include "kernel/uniform.h"

/* A shared or register buffer: where it is first written, and the last moment
 * by which that must have been; 0: never. Moments count statements; a read in
 * a loop may follow a write later in the same loop. */
struct touched {
	const struct k_buffer *buffer;
	int written, needed;
};

/* "why" is the first fault, or NULL. "visible" are the variables declared so
 * far in open scopes; "outer_end" the moment the outermost open loop ends. */
struct check {
	struct arena *a;
	const struct kernel *k;
	const struct target *t;
	const struct uniform *uniform;
	const char *why;
	VEC(const struct k_var *) visible;
	VEC(struct touched) touched;
	int now, outer_end;
	enum level control;
	const struct ks *divergent;	/* what raised "control" last */
	int async, commits, waits;
};

void check_fail(struct check *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *verify_text(struct check *c, const struct kx *e);

/* ---- check.c: expressions and places ---- */

void verify_value(struct check *c, const struct kx *e);
void check_place(struct check *c, const struct k_place *p);
void check_read(struct check *c, const struct k_buffer *b);
void check_write(struct check *c, const struct k_buffer *b);
void check_intrinsic(struct check *c, int intrin, struct kx *const *args,
	int n);
/* "p" holds "bytes" at an address that is a multiple of them. */
void check_width(struct check *c, const struct k_place *p, int bytes);

/* ---- verify_map.c ---- */

void check_map(struct check *c, const struct k_map *m);
/* Operand "e", a map, of an intrinsic; then where its box lies. */
void check_map_operand(struct check *c, const struct intrin_row *r, char kind,
	const struct kx *e);
void check_box(struct check *c, const char *kinds, struct kx *const *args);

/* ---- verify_mma.c ---- */

/* "n" registers of type "t" are at "p". */
void check_registers(struct check *c, const struct k_place *p, enum dtype t,
	int n);
void check_mma(struct check *c, const struct ks *s);

/* ---- verify_async.c ---- */

/* Operands of an intrinsic, each of its kind. */
void check_operands(struct check *c, int intrin, struct kx *const *args, int n);

/* ---- verify.c ---- */

void check_together(struct check *c, enum level level, const char *what);

#endif
