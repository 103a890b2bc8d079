/* SPDX-License-Identifier: MIT */
/* Between the files of the host's side, and what the device's side asks of
 * targets. */
#ifndef WPK_COMPILER_CUDA_HOST_H
#define WPK_COMPILER_CUDA_HOST_H

#include "cuda/emit.h"

/* ---- target.c ---- */

/* Bit i: the variant's kernels have bodies in code for the unit's target i. */
unsigned target_places(const struct cuda_unit *u,
	const struct cuda_operator *o, const struct cuda_variant *v);
/* "WPK_TARGET == 1 || WPK_TARGET == 3" */
const char *target_condition(struct arena *a, const struct cuda_unit *u,
	const char *name, unsigned places);
/* The definition of WPK_TARGET. */
void target_macro(struct arena *a, const struct cuda_unit *u,
	struct str *out);
/* wpk_target(), which asks for it. */
void target_query(struct str *out);

/* ---- gpu.c ---- */

/* wpk_gpu(), which asks which of a target's GPUs the device is. */
void gpu_query(const struct cuda_unit *u, struct str *out);
/* Its answer for the variant: "gpu == 2", or NULL where it serves all. */
const char *gpu_condition(struct arena *a, const struct cuda_unit *u,
	const struct cuda_variant *v);

/* ---- map.c ---- */

/* What encodes maps, as far as the unit's launches need it. */
void map_encoders(const struct cuda_unit *u, struct str *out);
/* The function that has map "i" of the step's kernel for a tensor's address,
 * and its name. */
void map_function(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s, int i,
	struct str *out);
const char *map_function_name(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s, int i);

/* ---- prototype.c ---- */

/* The variant's own function for "role", "launch" or "prepare": "c2_launch",
 * of several targets "c2_launch_sm_90a". */
const char *host_function(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const char *role);
/* Names of the parameters, for "p"'s sizes, lets and tensors, apart from the
 * functions' own. */
struct names host_names(struct arena *a, const struct cuda_operator *o,
	const struct program *p);
bool host_has_workspace(const struct program *p);
/* The step that calls a hand-written file, or NULL. */
const struct p_step *host_file(const struct program *p);
/* Does a variant call a file or a library? Then workspace is what its query
 * says. */
bool host_asks(const struct cuda_operator *o);
bool host_has_prepared(const struct program *p);
bool host_prepares(const struct program *p, int tensor);

/* A function as its prototype says it ("typed") or as it is called: the
 * launcher or what prepares, the operator's or (v) a variant's. Calls use the
 * names of the operator's own parameters. */
struct call {
	const struct cuda_operator *o;
	const struct cuda_variant *v;
	bool typed, preparing;
};

/* What stands between the parentheses. */
void host_parameters(const struct call *c, struct str *out);
void host_prepare_prototype(const struct cuda_operator *o, struct str *out);
/* "long long M, long long N" or "void". */
const char *host_size_parameters(struct arena *a,
	const struct cuda_operator *o);

/* ---- file.c ---- */

/* The hand-written files that variants call, each once, in namespaces. */
void emit_files(struct arena *a, const struct cuda_unit *u, struct str *out);
/* Its launcher ("what" "") or a function beside it ("_workspace"), as others
 * call it. */
const char *file_function(struct arena *a, const struct p_step *s,
	const char *what);

/* ---- library.c ---- */

bool host_calls_library(const struct program *p);
bool library_in_operator(const struct cuda_operator *o);
bool library_in_unit(const struct cuda_unit *u);
/* What all calls of a file share. */
void library_support(struct str *out);
/* The variant's calls as variables, their names, and its query for workspace. */
void library_calls(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, struct str *out);
const char *library_name(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s);
void library_needs(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, struct str *out);
/* Bytes of workspace before those of calls. */
int64_t library_own(const struct program *p);

/* ---- host.c ---- */

/* The functions of one variant: its launcher and what prepares for it. */
void emit_variant(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, struct str *out);

/* ---- number.c ---- */

/* A number of a program in C, over names of its sizes and lets; where there
 * is no expression, the literal. */
const char *host_number(struct arena *a, const struct names *n,
	const struct kx *open, int64_t fixed);
/* A condition, to stand beside others that must hold. */
const char *host_condition(struct arena *a, const struct names *n,
	const struct kx *e);
/* The lets that "text" mentions, and those they need, as constants. */
void host_lets(struct arena *a, const struct names *n,
	const struct program *p, const char *text, struct str *out);

/* ---- dispatch.c ---- */

/* The functions of one operator. */
void emit_operator(struct arena *a, const struct cuda_unit *u,
	const struct cuda_operator *o, struct str *out);
/* Bytes of workspace or prepared operands where no size is open: the most that
 * any variant takes. */
int64_t host_most(const struct cuda_operator *o, bool prepared);
/* Does any variant take some, whatever the sizes? */
bool host_has_bytes(const struct cuda_operator *o, bool prepared);

#endif
