/* SPDX-License-Identifier: MIT */
/* Measuring what a search proposes, in place of the model: the driver's side of
 * search/measure.h. Candidates become texts and plans, operators become inputs
 * and samples of what is right, verdicts become records. */
#ifndef WPK_COMPILER_DRIVER_MEASURING_H
#define WPK_COMPILER_DRIVER_MEASURING_H

#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "driver/session.h"
#include "search/measure.h"
#include "search/record.h"

/* A point that was tried first of those with its verdict, for the summary. */
struct measuring_first {
	int number;
	const char *message, *again;
};

/* Of a run: what became of its candidates, and of each verdict the first. */
struct measuring_tally {
	struct measuring_first first[N_VERDICTS];
	int counts[N_VERDICTS];
};

/* "data" is of the job at hand. "number" counts candidates over the whole run;
 * "log" (or NULL) gets a line for each. */
struct measuring {
	struct session *s;
	struct arena *a;
	struct measure *m;
	const char *how, *folder;
	const char *gpu;		/* for records */
	int folder_fd;
	struct jobserver *make;
	sigset_t before;		/* signals, to be let through again */
	void (*on_pipe)(int);
	bool held;
	bool full;			/* the folder, so that compilers failed */
	int share;
	const struct job *job;
	const struct measuring_data *data;
	const char *sent;		/* the problem that the worker has */
	double *best;			/* of a group of a plan of a job: */
	const struct job *best_of;
	int plan, group;
	double found;			/* of its plans searched so far */
	int number;
	FILE *log;
};

/* Is there a GPU, as far as one can see without asking it? */
bool measuring_has_gpu(void);
/* Can files written by hand be measured? On a GPU it takes nvcc, which compiles
 * launchers too. */
#define MEASURING_NO_NVCC "its launcher is host code, which takes nvcc"
bool measuring_takes_files(const struct session *s);
/* Compilers that run at once. */
int measuring_compilers(const struct session *s);
/* The file of --candidates made anew, for several to write; false, reported. */
bool measuring_clear_log(struct session *s);
/* What --measure asks for, in s->measuring; NULL there where the model serves.
 * False after an error. */
bool measuring_open(struct session *s);
/* No worker is left. */
void measuring_end(struct measuring *g);
/* No process and no file is left; may be called again, and with nothing open. */
void measuring_close(struct session *s);
/* Is all to end? Closes then, and lets the signal through. */
bool measuring_stopped(struct measuring *g);

/* ---- measuring_search.c ---- */

/* "p", the problem of "c", which is among those of the job's group, measured.
 * False, reported, where it cannot be. */
bool measuring_problem(struct session *s, struct job *j, int group,
	struct candidate *c, struct problem *p);

/* Did workers fail for good? Reported then. */
bool measuring_failed(struct session *s);

/* Finalists, best first by what was measured of each alone; the incumbent is
 * that of genes "untuned" (or NULL). Puts the one to take first. */
struct finalist {
	const struct candidate *candidate;
	const int *genes;
	double seconds;
	const char *how;		/* "model" where it was not measured */
	const char *pinned;		/* of a library's algorithm, or NULL */
};

void measuring_finals(struct session *s, struct job *j, int group,
	struct finalist *v, int n);
/* The job with one choice and another, each as a whole, the incumbent first; the
 * place of the one to take, or -1 where nothing came of it, and "out" is then as
 * it was. */
int measuring_contest(struct session *s, const struct job *j,
	const struct job *v, int n, struct measure_result *out);

/* ---- measuring_data.c ---- */

/* Tensors with their inputs; of a general job at "sizes", which "frame" has.
 * "plain" is the problem as it is for all who compute the operator's own sums,
 * once it was asked for. */
struct measuring_data {
	const struct ir_operator *op;
	const struct program *frame;
	const int64_t *sizes;
	int n_sets;
	const void ***p;		/* [set][tensor id] */
	json_t *tensors;
	int *input_fds;
	VEC(int) fds;
	const char *plain;
};

const struct measuring_data *measuring_data(struct measuring *g,
	const struct job *j);
/* The problem for candidates like the job's choice, as text. */
const char *measuring_data_problem(struct measuring *g,
	const struct measuring_data *d, const struct job *j);
void measuring_data_close(const struct measuring_data *d);

/* ---- measuring_plan.c ---- */

/* The job's program with the choices made, to be measured by the steps of
 * "group"; -1: all. */
void measuring_plan(struct measuring *g, struct arena *a, const struct job *j,
	const struct program *p, int group, struct measure_made *out);

/* ---- measuring_record.c ---- */

/* The command that makes the job with the group at this point again; as it is
 * chosen where "group" is -1. */
const char *measuring_again(const struct session *s, struct arena *a,
	const struct job *j, int group, const struct candidate *c,
	const int *genes);

/* The operator's sizes: "M=4 N=16". */
const char *measuring_shape(struct arena *a, const struct ir_operator *o);
/* A point before anything is known of it: its key, its values, its features. */
void measuring_describe(struct measuring *g, struct arena *a,
	const struct job *j, int group, const struct candidate *c,
	const int *genes, struct record *r);
/* What became of a point: its record is kept, its line written. */
void measuring_record(struct measuring *g, const struct job *j, int group,
	const struct candidate *c, const int *genes, double predicted,
	const struct measure_result *r);

/* Counts of verdicts, and of each failure the first, with what makes it again. */
void measuring_tell(struct session *s);

#endif
