/* SPDX-License-Identifier: MIT */
/* Between the files of this folder: text under way. */
#ifndef WPK_COMPILER_CUDA_EMIT_H
#define WPK_COMPILER_CUDA_EMIT_H

#include "cuda/cuda.h"
#include "kernel/intrin.h"
#include "kernel/names.h"

/* One file's device text. "out" is where statements go, "depth" tabs deep.
 * "places" has a bit for each of the unit's targets in whose code the kernel
 * being printed has its body; "used" and "mma" collect the device functions
 * that what was printed so far calls, and where; "maps": some kernel takes
 * tensor maps. "shared_align" is one for all kernels, as C++ asks. "unrolled":
 * the variables of the loops around that are. */
struct used_mma {
	const struct ks *s;
	unsigned places;
};

struct emit {
	struct arena *a;
	struct str *out;
	int depth;
	const struct cuda_unit *unit;
	unsigned places;
	const struct kernel *kernel;
	struct names names;
	unsigned used[N_INTRINS];
	VEC(struct used_mma) mma;
	bool maps;
	int shared_align;
	VEC(const struct k_var *) unrolled;
};

/* ---- layout.c: lines and comments ---- */

/* "text" at "depth" tabs and a newline, broken where that reads best if it is
 * longer than 80 columns. */
void emit_line(struct str *out, int depth, const char *text);
/* Text that cannot end or break a comment. */
const char *emit_harmless(struct arena *a, const char *text);
/* One comment, its words filled into lines. */
void emit_comment(struct arena *a, struct str *out, int depth,
	const char *text);

/* ---- name.c ---- */

const char *emit_c_type(enum dtype t);		/* of a variable */

/* ---- constant.c ---- */

void emit_int(struct str *out, int64_t v, enum dtype t);
void emit_float(struct str *out, double v, enum dtype t);
/* A vector of "bytes" whose elements of type "t" are all "v". */
void emit_fill(struct str *out, enum dtype t, int bytes, double v);

/* ---- expr.c ---- */

/* Precedence of C++, higher binds tighter. */
enum {
	P_ANY, P_SELECT = 3, P_OR, P_AND, P_BIT_OR, P_BIT_XOR, P_BIT_AND,
	P_EQUAL, P_LESS, P_SHIFT, P_ADD, P_MUL, P_UNARY, P_POSTFIX
};

void emit_x(struct emit *m, struct str *out, const struct kx *e, int least);
void emit_call(struct emit *m, struct str *out, int intrin,
	struct kx *const *args);
/* The C type is unsigned though the IR's isn't: thread and block indices. */
bool emit_is_unsigned(const struct kx *e);
/* As emit_x, but int where it would be unsigned. */
void emit_signed(struct emit *m, struct str *out, const struct kx *e,
	int least);

/* ---- element.c ---- */

void emit_element(struct emit *m, struct str *out, const struct k_buffer *b,
	struct kx *const *index);

/* ---- stmt.c, copy.c ---- */

void emit_block(struct emit *m, const struct k_block *b);
/* "prints as one line that needs no braces". */
bool emit_is_simple(const struct ks *s);
void emit_copy(struct emit *m, const struct ks *s);

/* ---- device.c ---- */

const char *emit_mma_name(struct arena *a, const struct ks *s);
/* "{%from, ...}" of n operands; "constraint(array[0]), ...". */
const char *emit_operands(struct arena *a, int from, int n);
const char *emit_bindings(struct arena *a, const char *constraint,
	const char *array, int n);
/* The device functions in use, with those they call. */
void emit_device(struct emit *m, struct str *out);

/* ---- wgmma.c ---- */

/* Without its number of columns. */
const char *emit_wgmma_name(struct arena *a, const struct ks *s);
void emit_wgmma(struct emit *m, struct str *out, const struct ks *s);

/* ---- map.c ---- */

/* The type of tensor maps. */
void emit_map_type(struct str *out);

/* ---- kernel.c ---- */

void emit_kernel(struct emit *m, const struct kernel *k, const char *name);

#endif
