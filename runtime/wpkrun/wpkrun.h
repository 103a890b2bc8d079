/* SPDX-License-Identifier: MIT */
/* Between the files of wpkrun, which runs, checks and times the operators of a
 * source or a plan. A source becomes a plan by wpkc, a child process; what is
 * right says "wpkc reference", another. What lasts lies in the run's pool, files
 * in one private folder. The device's calls are the global "cuda", as in the
 * worker (runtime/worker/cuda.h): this is one process with one device.
 *
 * From the command line to results:
 *
 *	options		what is asked for
 *	device		the GPU or the emulator, and a stream of it
 *	plan		loaded by libwpk, made of a source where need be
 *	subject		one operator at given sizes: its tensors and how they lie
 *	inputs		what a subject reads, as it lies in memory, and what must
 *			come of it: from "wpkc reference", .npy files, or a seed
 *	buffers		one set of all its tensors on the device
 *	contender	one way to compute it, which can be launched on a set */
#ifndef WPK_RUNTIME_WPKRUN_WPKRUN_H
#define WPK_RUNTIME_WPKRUN_WPKRUN_H

#include "runtime/lib/lib.h"
#include "runtime/worker/cuda.h"

/* As those of wpkc. */
enum exit_code {
	EXIT_DONE = 0, EXIT_USER = 1, EXIT_NOTHING_SERVES = 2,
	EXIT_FROZEN = 3, EXIT_UNVERIFIED = 4, EXIT_INTERNAL = 5
};

/* A run. "code" is what it ends with; the first that is not 0 stays. "lost": a
 * kernel spoiled the device, so nothing more runs. */
struct session {
	const struct options *o;
	struct pool pool;
	struct wpk_context *context;
	void *driver;
	wpk_cu stream;
	bool emulated, lost;
	const char *share_by;	/* of a slice: "a green context", else "" */
	const char *folder;	/* private, or NULL */
	enum exit_code code;
};

/* ---- session.c ---- */

/* "wpkrun: error: ..." on standard error; false. */
bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same of what libwpk says, with "what" before it unless that is NULL. */
bool session_fail_wpk(struct session *s, const char *what,
	const struct wpk_error *e);
/* A line for people on standard error, unless -q. */
void session_say(const struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Zeroed, in the pool, or the program ends: nothing here is worth less. */
void *session_take(struct session *s, size_t n, size_t size);
char *session_print(struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* malloc'ed and zeroed, for what is large and goes soon; ends the program
 * likewise. */
void *large_take(struct session *s, size_t bytes);

/* ---- options.c ---- */

/* "name" = "value", or of a file. */
struct pair {
	const char *name, *value;
};

struct pair_list {
	struct pair *v;
	int n;
};

struct word_list {
	const char **v;
	int n;
};

/* Who else computes what is run; bits of "against". */
enum against {
	AGAINST_REF = 1, AGAINST_CUDNN = 2, AGAINST_CUBLASLT = 4,
	AGAINST_NONE = 8
};

enum where { WHERE_ANY, WHERE_GPU, WHERE_EMU };

/* How --time measures; what is 0 is replaced by what the protocol asks for.
 * "off": how far a clock may leave its usual place, as a part of it.
 * "cold_bytes": of all sets together. "flops": operations of one pass; "peak":
 * operations a second that the device is good for; 0: not known. Of a library's
 * "algorithms" at most so many are tried, none after "library_s", those that take
 * longer than "build_s" to make are passed over, and the best "finalists" are
 * timed fully. */
struct bench_options {
	int blocks, sets, finalists, algorithms;
	double replay_s, warm_s, block_s, off, build_s, library_s;
	double flops, peak;
	size_t cold_bytes;
};

/* "compiler": words for wpkc, among them those of "shape" as they were given.
 * "device": the GPU's number. */
struct options {
	const char *file;
	struct word_list operators, compiler, include;
	struct pair_list shape, in, out;
	const char *source, *save;
	enum where where;
	int device, share;
	uint64_t seed;
	unsigned against;		/* 0: not given */
	const char *samples;		/* NULL: wpkc's */
	bool fresh, json, quiet, verbose;
	bool time, rivals;		/* --time, --time=rivals */
	struct pair_list algorithms;	/* by library */
	struct bench_options bench;
};

enum asked { ASKED_RUN, ASKED_TEXT, ASKED_NOTHING };

/* ASKED_TEXT: it was printed; ASKED_NOTHING: an error was. */
enum asked options_read(struct session *s, int argc, char **argv,
	struct options *o);
/* The value of "name", or NULL. */
const char *pair_value(const struct pair_list *l, const char *name);

/* ---- folder.c ---- */

/* A private folder in TMPDIR, in s->folder: it goes when this process ends,
 * whatever ends it, and so do the programs it waits for. */
bool folder_open(struct session *s);
void folder_close(struct session *s);
/* Removes a folder in it, with all it holds. */
void folder_drop(const char *path);
/* Runs argv (NULL-ended); its outputs are this program's, or "*text" gets what it
 * prints, malloc'ed. Its exit status, 127 where it could not be started. */
int folder_run(const char *const *argv, char **text);

/* ---- device.c ---- */

/* Context and stream, as --device and --share say. */
bool device_open(struct session *s);
void device_close(struct session *s);
/* A sentence with the name of the driver's status "status". */
bool device_fails(struct session *s, int status, const char *what);
/* Has this process no use of the device any more? A library's codes do not say. */
static inline bool device_is_lost(const struct wpk_error *e)
{
	return e->status == WPK_E_CUDA && cuda_is_lost(e->cuda);
}
/* What is beside this program: its path in the build tree, or where it is
 * installed; NULL where it is in neither. */
const char *device_beside(struct session *s, const char *built,
	const char *installed);

/* ---- plan.c ---- */

/* A plan that can be run, by whom it is made ("woodpecker" or as in --against),
 * and the source that says what is right, or NULL. */
struct plan {
	const char *name, *path, *source;
	struct wpk_plan *plan;
};

/* The file's, or what wpkc makes of it; false, reported. */
bool plan_open(struct session *s, struct plan *p);
/* The same made by library "against", of a source. */
bool plan_open_rival(struct session *s, enum against against, struct plan *p);
void plan_close(struct plan *p);
/* wpkc's path. */
const char *plan_compiler(struct session *s);

/* ---- layout.c ---- */

/* Logical dimension "dim" divided by "div", then modulo "mod" unless that is 0. */
struct layout_place {
	int dim;
	int64_t div, mod, extent, stride;
};

/* How a tensor lies, outermost first; strides in elements, of which memory holds
 * "elements". "shape" and "strides" are those of a caller's tensor, which has
 * "n_shape" dimensions: the logical ones where each lies there whole, else the
 * places. */
struct layout {
	int rank, n_places, n_shape;
	int64_t dims[WPK_RANK];
	struct layout_place places[WPK_RANK];
	int64_t elements;
	int64_t shape[WPK_RANK], strides[WPK_RANK];
};

/* Between memory and elements row by row, or column by column ("fortran"), of
 * "bits" each; those of 4 bits are two a byte in memory, and one a byte in
 * "rows". False without memory. */
bool layout_scatter(const struct layout *l, int bits, bool fortran,
	const void *rows, void *memory);
bool layout_gather(const struct layout *l, int bits, const void *memory,
	void *rows);

/* ---- npy.c ---- */

/* An array of an .npy file. "kind" and "bytes" of an element, as in its descr:
 * f, i, u, b, V. */
struct npy {
	char kind;
	int bytes, rank;
	bool fortran;
	int64_t shape[WPK_RANK];
	int64_t elements;
	void *data;			/* NULL: only the header was read */
};

/* NULL, or what is wrong with the file: a phrase in "why". */
const char *npy_read(const char *path, bool data, struct npy *out,
	char why[200]);
void npy_free(struct npy *x);
const char *npy_write(const char *path, DLDataType type, int rank,
	const int64_t *shape, const void *data, char why[200]);
/* Does the array's element type fit a tensor's? */
bool npy_fits(const struct npy *x, DLDataType type);
/* "<f4", as files of such tensors have it. */
const char *npy_descr(DLDataType type);
/* "f16" */
const char *npy_type_name(DLDataType type);

/* ---- subject.c: an operator at sizes ---- */

/* "over": the input that an output may lie over, or -1. */
struct subject_tensor {
	const char *name;
	int over;
	bool output, constant;
	DLDataType type;
	size_t bytes, align;
	struct layout layout;
};

/* "sizes": the operator's open ones; "shape" tells them, "M=64,K=256", or is "".
 * "title" is for files and lines. Inputs come first. */
struct subject {
	const char *name, *shape, *title;
	const struct wpk_operator *op;
	const char **sizes;
	int64_t *values;
	int n_sizes;
	struct subject_tensor *tensors;
	int n, n_inputs;
};

struct subject_list {
	struct subject *v;
	int n;
};

/* The operators that are asked for, each at the sizes of --shape or of --in, else
 * at all that the plan has kernels for. False, reported. */
bool subjects_find(struct session *s, const struct plan *p,
	struct subject_list *out);
/* The tensor of that name, or NULL. */
const struct subject_tensor *subject_named(const struct subject *x,
	const char *name, int *i);
/* What a call moves at least, each tensor once. */
size_t subject_bytes(const struct subject *x);

/* ---- inputs.c ---- */

enum { SETS = 2 };

struct task;

/* Sets of inputs by tensor, NULL for outputs. All are run on the first "n_run"; one
 * more is for the winners among a library's algorithms. "task"
 * (runtime/worker/worker.h) has the same and what must come of them; NULL where
 * nobody knows, and then the tensors are "own", malloc'ed. */
struct inputs {
	const struct subject *x;
	const void **sets[SETS];
	int n_sets, n_run;
	struct task *task;
	bool own;
};

bool inputs_open(struct session *s, const struct plan *p,
	const struct subject *x, struct inputs *in);
/* Elements of memory by "seed": floats in [-1, 1], small integers, such that are
 * likely to be indices of whatever has any. */
void inputs_fill(const struct subject_tensor *t, uint64_t seed, void *memory);
void inputs_close(struct inputs *in);

/* ---- buffers.c: tensors on the device ---- */

/* Memory between margins, which hold what it is poisoned with. "base" 0: none. */
struct block {
	wpk_cu_pointer base, at;
	size_t bytes;
};

bool block_take(struct session *s, size_t bytes, size_t align,
	struct block *out);
/* Fills the margins with "poison", and if "inside", what is between them. */
bool block_fill(struct session *s, const struct block *b, int poison,
	bool inside);
/* Do the margins hold it still? False after an error. */
bool block_check(struct session *s, const struct block *b, int poison,
	bool *whole);

/* One set: "list" is what libwpk takes. */
struct buffers {
	const struct subject *x;
	struct block *blocks;
	DLTensor *tensors;
	const DLTensor **list;
};

/* NULL, reported. Inputs are copied from "data", by tensor. "in_place": outputs lie
 * over the inputs that they may lie over. */
struct buffers *buffers_create(struct session *s, const struct subject *x,
	const void *const *data, bool in_place);
/* Inputs as they were; false, reported. */
bool buffers_restore(struct session *s, struct buffers *b,
	const void *const *data);
void buffers_destroy(struct buffers *b);

/* ---- contender.c: ways to compute a subject ---- */

/* "needs.by" says who serves it. Each set has prepared operands of its own, for
 * it may have other constants; all share the workspace. "workspace" and
 * "prepared" are what was allocated, of which "memory", by set, is a part. */
struct contender {
	const char *name;
	const struct subject *x;
	const struct wpk_operator *op;
	struct wpk_needs needs;
	struct buffers *const *sets;
	int n_sets;
	struct wpk_memory *memory;
	wpk_cu_pointer workspace, *prepared;
};

/* Takes memory and prepares constant operands of each set; NULL, reported. The
 * workspace has "more" bytes than the operator says. The sets must outlive it. */
struct contender *contender_create(struct session *s, const char *name,
	const struct subject *x, const struct wpk_operator *op,
	struct buffers *const *sets, int n_sets, size_t more);
/* The workspace as a block. */
struct block contender_workspace(const struct contender *c);
/* Queues one computation of set "set"; may be captured into a graph. */
enum wpk_status contender_launch(const struct contender *c, int set,
	wpk_cu stream, struct wpk_error *e);
void contender_destroy(struct contender *c);

/* ---- bench.c: --time ---- */

/* One who computes the subject. "algorithm": of a library's enumeration, or its
 * name; NULL: the best. "why" it takes no part, or NULL; "op" may then be NULL. */
struct rival {
	const char *name;
	const struct wpk_operator *op;
	const char *algorithm;
	bool own;
	const char *why;
};

/* Times them side by side and tells it, a line each. Ratios are to the first
 * where that is the plan's own. Sets of buffers are made of the first inputs. False,
 * reported, where nothing can be timed. */
bool bench(struct session *s, const struct subject *x,
	const struct inputs *in, const struct rival *v, int n);

/* ---- verify.c ---- */

/* What came of running a subject. "verdict": verified, ran (nobody knows what is
 * right), wrong, fault. */
struct verdict {
	const char *verdict, *message, *by;
	bool general, in_place;		/* and in place, too */
	int64_t compared;
	double error;			/* the greatest, in parts of its bound */
	size_t workspace, prepared;
};

/* Runs it on all sets; false, reported, where it could not be run. Outputs of the
 * first set are left in "outputs", by tensor, malloc'ed. */
bool verify(struct session *s, const char *name, const struct wpk_operator *op,
	const struct subject *x, const struct inputs *in, struct verdict *v,
	void **outputs);
/* On the last set alone, with so much more workspace. What is wrong is nobody's
 * exit code. */
bool verify_fresh(struct session *s, const char *name,
	const struct wpk_operator *op, const struct subject *x,
	const struct inputs *in, size_t more, struct verdict *v);

/* ---- save.c ---- */

/* Are the names of --in and --out those of tensors? Said before anything runs. */
bool save_possible(struct session *s, const struct subject_list *all);
/* Outputs for --out, and all tensors of the first set for --save. */
bool save(struct session *s, const struct subject *x, const struct inputs *in,
	void *const *outputs);

/* ---- tell.c ---- */

/* What every line of JSON says of its subject, to be added to; and printing it,
 * which drops it. */
json_t *tell_object(const struct session *s, const struct subject *x);
void tell_json(json_t *line);
/* One line of a contender: for people, or JSON. */
void tell(struct session *s, const struct subject *x, const char *name,
	const struct verdict *v);

#endif
