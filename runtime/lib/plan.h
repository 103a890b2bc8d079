/* SPDX-License-Identifier: MIT */
/* What a plan is when it was read: operators, of each its tensors and variants,
 * of each variant the steps that run. */
#ifndef WPK_RUNTIME_LIB_PLAN_H
#define WPK_RUNTIME_LIB_PLAN_H

#include "runtime/lib/library.h"
#include "runtime/lib/map.h"
#include "runtime/lib/field.h"

/* What is worked out for a shape may lie on the stack while a call runs. */
enum {
	TENSORS_MOST = 64, SIZES_MOST = 64, LETS_MOST = 64, SLOTS_MOST = 512,
	STEPS_MOST = 64, ARGS_MOST = 128, MAPS_MOST = 16
};

/* ---- operand.c: tensors as an operator wants them ---- */

struct operand {
	const char *name, *shape;
	bool output, constant;
	DLDataType type;
	size_t align;
};

/* Logical dimension "dim" divided by "div", then modulo "mod" unless that is 0;
 * outermost first. */
struct phys {
	int dim;
	int64_t div, mod;
	struct number extent, stride;
};

/* How an operand lies in memory, for one variant. "plain": each dimension lies
 * there as one, so that strides tell all; else a caller's tensor has the physical
 * dimensions, "n_extents" of them. */
struct geometry {
	bool plain;
	int rank, n_phys, n_extents;
	struct number *dims, elements;
	struct phys *phys;
};

/* What a caller's tensor must be like, at some sizes. "dense": what no strides
 * stand for is right. */
struct placed {
	int n;
	bool dense;
	size_t bytes;
	int64_t extents[WPK_RANK], strides[WPK_RANK];
};

bool operand_read(struct reading *r, const json_t *v, struct operand *t);
bool geometry_read(struct reading *r, const json_t *v, struct geometry *g);
/* Of dimension "i" of a caller's tensor. */
const struct number *geometry_extent(const struct geometry *g, int i);
const struct number *geometry_stride(const struct geometry *g, int i);
/* False where some number does not fit into 64 bits. "values" are those of the
 * names. */
bool geometry_place(const struct operand *t, const struct geometry *g,
	const int64_t *values, struct placed *out);
/* Does the caller's tensor, of the right number of dimensions, fit? Without
 * "data" its address is not looked at. */
enum wpk_status operand_check(const struct wpk_context *c,
	const struct operand *t, const struct placed *p, const DLTensor *x,
	bool data, struct wpk_error *e);

/* ---- variant.c: ways to compute an operator ---- */

enum arg_kind { ARG_TENSOR, ARG_WORKSPACE, ARG_PREPARED, ARG_I32, ARG_I64 };

/* "slot": of the offset or the scalar. "map": what is passed is not the address
 * of what lies there but this map of it. */
struct arg {
	enum arg_kind kind;
	int tensor, slot;
	struct cached_map *map;
};

enum step_kind { STEP_LAUNCH, STEP_CLEAR, STEP_LIBRARY };

/* Grids, offsets and bytes are slots. "early": the launch may begin before the kernel
 * before it has ended. */
struct step {
	enum step_kind kind;
	const char *kernel;
	wpk_cu function;
	int grid[3];
	unsigned threads, cluster[3];
	bool early;
	size_t shared;
	struct arg *args;
	int n_args;
	int offset, bytes;
	struct library_call *call;
};

struct steps {
	struct step *v;
	int n;
};

/* Made for the sizes "sizes", or "general": for all at which "conditions" hold.
 * Numbers are over the operator's sizes and then the "lets"; what steps and
 * memory take is in "slots". "over": by output, the input in whose memory it may lie,
 * or -1. "rank": smaller is tried first, then what stands
 * earlier in the plan, at "place". */
struct variant {
	const char *target, *tuned, *by;
	int share, rank, place;
	bool general;
	int64_t sizes[SIZES_MOST];
	struct geometry *tensors;
	int over[TENSORS_MOST];
	struct number *lets, *conditions, *slots;
	int n_lets, n_conditions, n_slots;
	int workspace, prepared;
	size_t scratch;			/* behind the workspace: of libraries */
	struct steps prepare, steps;
};

struct wpk_plan;

bool variant_read(struct reading *r, struct wpk_plan *p,
	const struct wpk_operator *op, const json_t *json, struct variant *v);
/* Does it serve these sizes? Fills "names" behind them with the lets. */
bool variant_serves(const struct wpk_operator *op, const struct variant *v,
	int64_t *names);

/* ---- shape.c: what is worked out for some sizes, once ---- */

enum { SHAPES_MOST = 16 };

/* The variant that serves "sizes", with its numbers by slot, and what tensors and
 * memory it wants. "place": where it is remembered, or NULL. */
struct shape_place;
struct shape {
	struct shape_place *place;
	const struct variant *v;
	int64_t sizes[SIZES_MOST];
	int64_t *values;
	struct placed *tensors;
	size_t workspace, prepared;
};

/* Those that were met last, and the hash of each one's sizes. "users" of a place are
 * at work with its shape; FILLING (shape.c): it is about to have another. "used" is
 * the clock when it was last found, 0 for one that was never filled. */
struct shape_place {
	atomic_int users;
	_Atomic uint64_t used;
	struct shape shape;
};

struct shapes {
	struct shape_place *v;
	_Atomic uint64_t *hashes, clock;
	int n;
};

/* Room for the operator's shapes. */
bool shapes_create(struct pool *p, struct wpk_operator *op);
/* Bytes that a shape of the operator takes, beyond itself, and giving it "room"
 * for them. */
size_t shape_room(const struct wpk_operator *op);
void shape_give_room(const struct wpk_operator *op, struct shape *s,
	char *room);
/* The shape of the sizes that "names" begins with, from what is remembered or
 * worked out in "spare", whose "values" and "tensors" have room; NULL where
 * nothing serves them. To be left when it is used no more. */
const struct shape *shape_find(const struct wpk_operator *op, int64_t *names,
	struct shape *spare);
void shape_leave(const struct shape *s);

/* ---- module.c ---- */

/* The file's bytes and a zero behind them, malloc'ed; NULL with errno. */
char *file_read(const char *path, size_t *n);

/* Compiled code; loaded at most once, or "refused" by the driver. */
struct module {
	const char *file, *arch;
	wpk_cu handle;
	bool refused;
};

bool modules_read(struct reading *r, struct wpk_plan *p, const json_t *json);
/* The function "kernel" of a module for "target" that this device runs; NULL
 * where no module is for this device, which is no failure. */
bool module_function(struct reading *r, struct wpk_plan *p,
	const char *target, const char *kernel, wpk_cu *out);
void modules_unload(struct wpk_plan *p);
/* Can this device run what was made for "target"? "rank" gets smaller the more
 * special it is. */
bool target_serves(const struct wpk_context *c, const char *target, int *rank);

/* ---- plan.c ---- */

/* Where a size's value is read: an extent of a tensor; tensor -1: nowhere. */
struct size_place {
	int tensor, dim;
};

struct wpk_operator {
	const struct wpk_plan *plan;
	const char *name, *symbol;
	const char **sizes, **arguments;	/* the latter in expressions */
	struct size_place *places;
	int n_sizes;
	struct operand *tensors;
	int n_tensors, n_inputs;
	/* First those that this device runs. */
	struct variant *variants;
	int n_variants, n_all, most_slots;
	struct shapes *shapes;
	const struct wpk_compiled *compiled;
};

/* The input that output "i" may lie over whichever variant serves, or -1. */
int operator_over(const struct wpk_operator *op, int i);

struct wpk_plan {
	struct wpk_context *context;
	struct pool pool;
	const char *folder;		/* NULL: no modules */
	const char *said[N_LIBRARIES];	/* why calls are passed over */
	struct wpk_operator *operators;
	int n;
	struct module *modules;
	int n_modules;
	json_t *json;
};

#endif
