/* SPDX-License-Identifier: MIT */
/* Between the files of wpkrun, which runs, checks and times the operators of a
 * source or a plan. A source becomes a plan by wpkc, a child process; what is
 * right says "wpkc reference", another. Everything of a run lies in one pool and
 * in one private folder. The device's calls are the global "cuda", as in the
 * worker (runtime/worker/cuda.h): this is one process with one device.
 *
 * From the command line to results:
 *
 *	options		what is asked for
 *	device		the GPU or the emulator, and a stream of it
 *	document	a plan as JSON: what libwpk does not tell of it
 *	subject		one operator at given sizes: its tensors and how they lie
 *	inputs		of a subject, as they lie in memory, and what must come
 *			of them: from "wpkc reference", .npy files, or a seed
 *	buffers		one set of all its tensors on the device
 *	contender	one way to compute it, which can be launched on a set */
#ifndef WPK_RUNTIME_WPKRUN_WPKRUN_H
#define WPK_RUNTIME_WPKRUN_WPKRUN_H

#include "runtime/lib/lib.h"
#include "runtime/worker/cuda.h"
#include "runtime/worker/worker.h"

/* As DESIGN.md, 6. */
enum exit_code {
	EXIT_DONE = 0, EXIT_USER = 1, EXIT_NOTHING_SERVES = 2,
	EXIT_FROZEN = 3, EXIT_UNVERIFIED = 4, EXIT_INTERNAL = 5
};

/* ---- main.c ---- */

/* A run. "code" is what it ends with; the first that is not 0 stays. */
struct session {
	const struct options *o;
	struct pool pool;
	struct wpk_context *context;
	wpk_cu stream;
	bool emulated;
	const char *device;	/* "NVIDIA H200", "emulator" */
	int sms;
	int share;		/* percent of the device, 100: all */
	const char *share_by;	/* "a green context", "" */
	const char *folder;	/* private, or NULL */
	enum exit_code code;
};

/* "wpkrun: error: ..." on standard error; false. */
bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same of what libwpk says. */
bool session_fail_wpk(struct session *s, const char *what,
	const struct wpk_error *e);
/* A line for people, unless -q. */
void session_say(const struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* In the pool; never NULL: without memory the program ends. */
void *session_take(struct session *s, size_t n, size_t size);
char *session_print(struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- options.c ---- */

/* "name" of "value" or "file". */
struct pair {
	const char *name, *value;
};

/* Who else computes it; bits of "against". */
enum against {
	AGAINST_REF = 1, AGAINST_CUDNN = 2, AGAINST_CUBLASLT = 4,
	AGAINST_NONE = 8
};

/* How --time measures; what is 0 is replaced by what the protocol asks for.
 * "off": how far a clock may leave its usual place, as a part of it.
 * "cold_bytes": of all sets together. "flops": operations of one pass; "peak":
 * operations a second that the device is good for; 0: not known. Of a library's
 * "algorithms" at most so many are tried, those that take longer than "build_s"
 * to make are passed over, and the best "finalists" are timed fully. */
struct bench_options {
	int blocks, sets, finalists, algorithms;
	double replay_s, warm_s, block_s, off, build_s;
	double flops, peak;
	size_t cold_bytes;
};

/* "compiler": words for wpkc. "sizes": of --shape. */
struct options {
	const char *file;
	bool is_plan;
	const char *const *operators;
	int n_operators;
	const char **compiler;
	int n_compiler;
	struct pair *sizes, *in, *out;
	int n_sizes, n_in, n_out;
	const char *source, *save;
	bool emulated, device_given;	/* --device */
	int device, share;
	uint64_t seed;
	unsigned against;		/* 0: not given */
	const char *samples;		/* NULL, a number or "all" */
	bool fresh, json, quiet, verbose;
	bool time;			/* --time: bench.c */
	struct bench_options bench;
};

enum asked { ASKED_RUN, ASKED_TEXT, ASKED_NOTHING };

/* ASKED_TEXT: it was printed; ASKED_NOTHING: an error was. */
enum asked options_read(struct session *s, int argc, char **argv,
	struct options *o);

/* ---- subject.c: an operator at sizes ---- */

/* Logical dimension "dim" divided by "div", then modulo "mod" unless that is 0. */
struct place {
	int dim;
	int64_t div, mod, extent, stride;
};

/* How a tensor lies, outermost first; numbers in elements. "plain": dimensions
 * lie there whole, so that a caller's tensor has the logical ones; else it has
 * those of "places". "shape" and "strides" are the caller's "n_shape". */
struct layout {
	int rank, n_places, n_shape;
	int64_t dims[WPK_RANK];
	struct place places[WPK_RANK];
	bool plain;
	int64_t elements;
	int64_t shape[WPK_RANK], strides[WPK_RANK];
};

struct subject_tensor {
	const char *name, *dtype;	/* "f16" */
	bool output, constant;
	DLDataType type;
	size_t bytes, align;
	struct layout layout;
};

/* "sizes": the operator's open ones with their values; "shape" tells them,
 * "M=64,K=256", or is "". Inputs come first. */
struct subject {
	const char *name, *shape;
	const struct wpk_operator *op;
	struct pair *sizes;
	int64_t *values;
	int n_sizes;
	struct subject_tensor *tensors;
	int n, n_inputs;
};

/* What an operator's call must move at least, each tensor once. */
size_t subject_bytes(const struct subject *x);

/* ---- buffers.c: tensors on the device ---- */

/* One set: "list" is what libwpk takes. Behind each tensor lies a margin. */
struct buffers {
	const struct subject *x;
	wpk_cu_pointer *base;
	DLTensor *tensors;
	const DLTensor **list;
};

/* NULL, reported. Inputs are copied from "data" (by tensor; NULL: all stay as
 * they are). */
struct buffers *buffers_create(struct session *s, const struct subject *x,
	const void *const *data);
void buffers_destroy(struct buffers *b);

/* ---- contender.c: ways to compute a subject ---- */

/* "name" as in --against, or "woodpecker"; "needs.by" says who serves it. Each
 * set has prepared operands of its own, for it may have other constants; all
 * share the workspace. */
struct contender {
	const char *name;
	const struct subject *x;
	const struct wpk_operator *op;
	struct wpk_needs needs;
	struct buffers *const *sets;
	int n_sets;
	struct wpk_memory *memory;	/* by set */
	wpk_cu_pointer workspace, *prepared;
};

/* Takes memory and prepares constant operands of each set; NULL, reported. The
 * sets must outlive it. */
struct contender *contender_create(struct session *s, const char *name,
	const struct subject *x, const struct wpk_operator *op,
	struct buffers *const *sets, int n_sets);
/* Queues one computation of set "set"; may be captured into a graph. */
enum wpk_status contender_launch(const struct contender *c, int set,
	wpk_cu stream, struct wpk_error *e);
void contender_destroy(struct contender *c);

/* ---- bench.c: --time ---- */

/* "algorithm": of a library's enumeration; negative: the best. "v[0]" is the
 * plan's own, proved right if that was asked for. Adds what it
 * finds to "line" (the JSON of this subject), and tells people, unless --json.
 * "data" are inputs by tensor; it makes the sets of buffers it wants. False,
 * reported, where it cannot be timed. */
struct rival {
	const char *name;
	const struct wpk_operator *op;
	int algorithm;
};

bool bench(struct session *s, const struct subject *x,
	const void *const *data, const struct rival *v, int n, json_t *line);

#endif
