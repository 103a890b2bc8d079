/* SPDX-License-Identifier: MIT */
/* Between the files of wpkworker, which compiles candidates (--compile) or runs
 * and times them (--device). README.md beside this has the protocol. A worker
 * is expendable: it does one thing at a time, says when it begins and what came
 * of it, ends itself when its time is up, and whoever started it starts another.
 * Its state is global, for it is one process with one device. */
#ifndef WPK_RUNTIME_WORKER_WORKER_H
#define WPK_RUNTIME_WORKER_WORKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/lib/map.h"

enum { PROTOCOL = 1 };

/* ---- line.c: JSON lines ---- */

/* The next request; NULL at the end of the input. What is no object is told and
 * passed over. */
json_t *line_read(void);
/* One object as one line, in one write; the object is dropped. */
void line_write(json_t *object);
/* {"id": ID, "verdict": VERDICT, "message": TEXT} */
json_t *line_verdict(long id, const char *verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Fields, or what to take where there is none of that type. */
double line_number(const json_t *object, const char *key, double otherwise);
const char *line_text(const json_t *object, const char *key);
double line_now(void);

/* ---- limits.c: time, memory, and nobody left behind ---- */

/* The group of its own that all it starts belongs to dies with the worker, with
 * whoever started it, and on SIGTERM. */
void limits_begin(void);
/* Address space of this process and those it starts, in bytes. */
void limits_memory(double bytes);
/* Unless limits_end() comes within "seconds", write "reply" and end the whole
 * group. The object is dropped. */
void limits_time(double seconds, json_t *reply);
void limits_end(void);

/* ---- task.c: the problem whose candidates are measured ---- */

enum element_class {
	ELEMENT_FLOAT, ELEMENT_SIGNED, ELEMENT_UNSIGNED, ELEMENT_BOOLEAN
};

/* How bits become a number. "finite": the greatest exponent is an ordinary one
 * and all ones is NaN (e4m3). */
struct element {
	enum element_class class;
	int bits, significand, emin;
	bool finite;
};

/* "holes": the layout has elements that nothing writes. */
struct tensor {
	const char *name;
	bool output, holes;
	size_t bytes, align;
	struct element type;
	int64_t elements;
};

/* What element "element" of an output must be, give or take "bound"; an infinite
 * one allows anything. Of integers of 64 bits "whole" is the value. The layout of a
 * file of samples. */
struct sample {
	int64_t element;
	union {
		double value;
		int64_t whole;
	};
	double bound;
};

/* One set of inputs ("p" by tensor) and what outputs must be for it. */
struct data {
	const void **p;
	const struct sample **samples;
	int64_t *n_samples;
};

struct task {
	long number;
	struct tensor *tensors;
	int n;
	struct data *sets;
	int n_sets;
	json_t *json;		/* names live there */
};

/* From a request; NULL with "*why". */
struct task *task_read(json_t *request, const char **why);
void task_free(struct task *t);
/* NULL, or what is wrong with outputs that two runs left, which poisoned them
 * with different bytes before ("second" NULL: there was one run). "scratch" has
 * room for a sentence. "*doubt": some element looks as if it were not written,
 * which a second run would tell. */
const char *task_compare(const struct task *t, const struct data *d,
	void *const *first, void *const *second, char scratch[400],
	bool *doubt);
int task_poison(int run);
/* Of outputs that are right, the greatest error in parts of its bound; "*n" grows
 * by the number of elements compared. */
double task_error(const struct task *t, const struct data *d,
	void *const *outputs, int64_t *n);

/* ---- candidate.c: what is to be run ---- */

enum arg_kind { ARG_TENSOR, ARG_WORKSPACE, ARG_PREPARED, ARG_I32, ARG_I64 };

/* "value": a tensor's number, an offset in bytes, or the scalar. "map": what is
 * passed is not the address of what lies there but this map of it. */
struct arg {
	enum arg_kind kind;
	long long value;
	struct map *map;
};

/* A launch, the call of a library, the launcher of a file written by hand, which
 * is module "module", or bytes of workspace to be cleared. "timed"
 * steps are what the candidate is measured by; those that "prepare" constant
 * operands run once. "early": the launch may begin before the one before it has
 * ended. */
struct step {
	const char *kernel;
	const json_t *library;	/* the step as it came */
	const char *file;	/* its name; all three NULL: clear */
	int module;
	unsigned grid[3], cluster[3], threads;
	size_t shared, offset, bytes;
	struct arg *args;
	int n_args;
	bool timed, prepare, early;
};

struct candidate {
	long id;
	const char **files;	/* modules, or the emulated program */
	int n_files;
	struct step *steps;
	int n_steps;
	size_t workspace, prepared;
	int shared;		/* the most a block may have */
	double limit;		/* seconds for all that is done with it */
	bool finalist;
	json_t *pinned;		/* of its timed call of a library, or NULL */
	void *state;		/* the device's */
};

/* NULL with "*why"; "json" must outlive it. */
struct candidate *candidate_read(const struct task *t, const json_t *json,
	const char **why);
void candidate_free(struct candidate *c);

/* ---- race.c: the protocol, on any device ---- */

/* "verdict" NULL: all is well so far. A device that is "lost" serves nobody any
 * more: the worker says what it has and ends. */
struct outcome {
	const char *verdict, *message;
	bool lost;
};

/* What a device does. "run" writes outputs (one pointer a tensor, as large as
 * the tensor) from inputs "d"; "time" gives seconds for one pass over the timed
 * steps, from a few launches or (thorough) from replays of a graph. */
struct device {
	const char *how;
	struct outcome (*open)(json_t *hello);
	struct outcome (*task)(const struct task *t);
	struct outcome (*load)(struct candidate *c);
	struct outcome (*run)(struct candidate *c, const struct data *d,
		int poison, void *const *outputs);
	struct outcome (*time)(struct candidate *c, bool thorough, double *s);
	void (*unload)(struct candidate *c);
	/* What may have changed: clocks, throttling. */
	void (*state)(json_t *reply);
	void (*close)(void);
};

/* "share" percent of GPU "number". */
const struct device *device_gpu(int number, int share, bool mps);
const struct device *device_emu(void);

/* Serve requests until the input ends; the exit code. */
int race_serve(const struct device *d);

/* ---- compile.c ---- */

int compile_serve(void);

/* ---- nvrtc.c ---- */

/* NULL and the library's version, or why there is none. */
const char *nvrtc_open(int *major, int *minor);
/* "text" for "arch" (sm_90a; compute_90 gives PTX) to file "out"; NULL or a
 * sentence. "*log" is
 * malloc'ed. */
const char *nvrtc_compile(const char *text, const char *arch, const char *out,
	char **log);

/* ---- child.c ---- */

/* Runs argv (NULL-ended) in this group with "input", "n" bytes, on its standard
 * input and both outputs in "*log" (malloc'ed, at most "most" bytes are kept);
 * its status as wait() has it, -1: it could not be started. */
int child_run(const char *const *argv, const char *input, size_t n,
	char **log, size_t most);

#endif
