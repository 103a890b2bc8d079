/* SPDX-License-Identifier: MIT */
/* Kernel IR to CUDA text. Device text includes nothing; host text is
 * extern "C" and launches through cudaLaunchKernelEx, so that the whole file
 * is also C++ for the emulator. */
#ifndef WPK_COMPILER_CUDA_CUDA_H
#define WPK_COMPILER_CUDA_CUDA_H

#include "base/str.h"
#include "kernel/kernel.h"
#include "schedule/target.h"

/* One way to compute an operator: "program", for devices that run code for
 * "target", and of these for "gpu" (NULL: all of them). "share": kernels alone, for
 * contexts with another share of the device, in percent, than launchers are for
 * (0), who cannot ask what they have. */
struct cuda_variant {
	const struct target *target;
	const struct program *program;
	const struct gpu *gpu;
	int share;
};

/* What one launcher does. "face" is the program whose tensors and sizes are
 * those of the operator; of the variants the launcher takes the first that the
 * device runs and that serves the sizes. */
struct cuda_operator {
	const char *name;	/* as in the source */
	const struct program *face;
	struct cuda_variant *variants;
	int n;
	bool chooses;		/* not: one variant, for every device and call */
};

/* A GPU that code for a target has variants of its own for. */
struct cuda_gpu {
	const struct target *target;
	const struct gpu *gpu;
};

/* One .cu file. "source" is the .wpk's file name without its directory,
 * "version" wpkc's; "targets" from old to new; "gpus" those of targets that
 * have several, in the order given. */
struct cuda_unit {
	const char *source, *version;
	struct cuda_operator *operators;
	int n;
	const struct target **targets;
	int n_targets;
	struct cuda_gpu *gpus;
	int n_gpus;
};

/* The unit of "n" variants. Those of one launcher are one operator, newest
 * target first and else in the order given: what serves fewer sizes must come
 * before what serves more, for the last is the operator's face. Where all of a
 * target's are for one GPU, they serve every device that runs them. */
struct cuda_unit cuda_unit(struct arena *a, const char *source,
	const char *version, const struct cuda_variant *v, int n);
/* A unit of one program. */
struct cuda_unit cuda_unit_of(struct arena *a, const char *source,
	const char *version, const struct target *t, const struct program *p);

/* The .cu text, and the header for its launchers ("guard" from the output's
 * name). Same unit, same bytes. */
void cuda_emit(const struct cuda_unit *u, struct str *out);
/* Device text alone, of the unit's first variant and those of its launches that
 * are "group"'s: what NVRTC compiles. Nothing stands in it that is not compiled,
 * so that what differs in launching alone has the same text. */
void cuda_emit_launched(const struct cuda_unit *u, int group, struct str *out);
void cuda_emit_header(const struct cuda_unit *u, const char *guard,
	struct str *out);

/* C that fills the array "table" of libwpk's struct wpk_compiled with the unit's
 * launchers, which "header" declares. */
void cuda_emit_calls(const struct cuda_unit *u, const char *header,
	const char *table, struct str *out);

/* A name legal in C, C++ and CUDA: "x", or "x_" where it is reserved. */
const char *cuda_name(struct arena *a, const char *name);
/* The same for a launcher, which must also not be a function that the C and
 * CUDA libraries declare. */
const char *cuda_symbol(struct arena *a, const char *name);

/* Launcher's C prototype without the semicolon:
 *	cudaError_t c2(long long N, const float *x, const float *w, float *y,
 *		const void *prepared, size_t prepared_bytes,
 *		void *workspace, size_t workspace_bytes, cudaStream_t stream)
 * open sizes first; prepared only where some input is constant. It follows from
 * the source alone, so that tuning breaks no caller. */
void cuda_prototype(const struct cuda_operator *o, struct str *out);
bool cuda_has_prepared(const struct cuda_operator *o);
/* Is the program's tensor "i" constant, an argument of NAME_prepare? */
bool cuda_prepares(const struct cuda_operator *o, int i);

/* For manifests: the name of a step's kernel, that of the launcher's argument
 * for tensor "i" of the face, that of a size or let of "p", and an expression
 * over these in C. */
const char *cuda_kernel_name(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s);
const char *cuda_argument(struct arena *a, const struct cuda_operator *o,
	int i);
const char *cuda_variable(struct arena *a, const struct cuda_operator *o,
	const struct program *p, const struct k_var *size);
const char *cuda_number(struct arena *a, const struct cuda_operator *o,
	const struct program *p, const struct kx *e);

/* What cuda.h calls the type of a map's elements, its swizzle and what it
 * promotes to: CU_TENSOR_MAP_... by number. */
int cuda_map_type(const struct k_map *m);
int cuda_map_swizzle(const struct k_map *m);
int cuda_map_promotion(const struct k_map *m);

/* What a C++ compiler must define to take the text as a device that runs
 * "t"'s code does: "-D__CUDA_ARCH__=900"; the second may be NULL. */
void cuda_device_macros(struct arena *a, const struct target *t,
	const char *out[2]);
/* The same for a device that is "g" by its name and size. */
void cuda_gpu_macros(struct arena *a, const struct gpu *g,
	const char *out[2]);

#endif
