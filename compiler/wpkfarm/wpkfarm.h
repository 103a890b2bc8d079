/* SPDX-License-Identifier: MIT */
/* Between the files of wpkfarm, which tunes the operators of some sources on
 * the GPUs of several machines, one MPI rank a GPU.
 *
 * Whole operators are handed out, not candidates. Rank 0 (hub.c) lists the
 * operators, gives each to a rank that is free, and merges what comes back into
 * the lock; every other rank (rank.c) runs plain "wpkc --tune --op=NAME" with its
 * own GPU, which starts the same wpkworker as ever. Reasons: searches of
 * different operators have nothing to say to each other, so that one message
 * each way an operator is all there is; compilers run on the machine whose GPU
 * they feed; whatever a candidate does, it does to a child of a child of the
 * rank; and a rank that is lost costs one search, which another rank repeats.
 * Where there are more ranks than operators, the others search the same ones
 * from other seeds, and the fastest result counts.
 *
 * MPI is used for messages alone, which never wait for anybody (post.c), since
 * the other side may be gone: who is silent for --patience is taken for dead. */
#ifndef WPK_COMPILER_WPKFARM_WPKFARM_H
#define WPK_COMPILER_WPKFARM_WPKFARM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "driver/options.h"

/* ---- options.c ---- */

/* The command line. "search" are the words for each search, "final" those for
 * the compilation at the end; "o" is all of them as wpkc reads them. */
struct farm_options {
	string_list files, search, final;
	struct options o;
	double patience;
};

/* As options_read() of wpkc. */
enum asked farm_options_read(struct arena *a, int argc, char **argv,
	struct farm_options *f, struct str *text);

/* ---- tasks.c ---- */

enum task_state { TASK_WAITS, TASK_RUNS, TASK_DONE, TASK_FAILED };

/* One search: of operator "op" of a source, with a seed of its own. "rank" has
 * it; "tries" were begun. */
struct task {
	int file;
	const char *op;
	unsigned long seed;
	enum task_state state;
	int rank, tries;
};

struct tasks {
	struct task *v;
	int n, operators;
};

/* The operators there are to tune, each once; false after an error, told. */
bool tasks_find(struct arena *a, const struct farm_options *f,
	struct tasks *t);
/* More of them, so that "ranks" have something to do. */
void tasks_multiply(struct arena *a, struct tasks *t, int ranks);
/* What wpkc is called with for it, but for what the rank knows better: words
 * with a NUL behind each, the source first. */
void tasks_words(const struct farm_options *f, const struct task *t,
	double seconds, struct str *out);

/* ---- post.c ---- */

/* Up to rank 0, and down from it. */
enum post_way { POST_UP, POST_DOWN };

enum post_kind {
	/* up */
	POST_HELLO,		/* '1'/'0': takes work; 'm': by the model, for
				 * want of a GPU, else '-'; who, why not */
	POST_BEAT,		/* still there; also down */
	POST_RESULT,		/* task, status, lock, what wpkc said */
	POST_RECORDS,		/* what was measured, as wpkdb exports it */
	POST_BYE,
	/* down */
	POST_TASK,		/* number, words */
	POST_STOP,		/* end the search with what there is */
	POST_END,		/* no more will come */
	POST_LEAVE		/* "1": all are there to leave MPI together */
};

struct post;

/* "local" is the number on this machine of this rank among those that work,
 * of "locals"; "host" is the machine's name. */
struct post *post_open(struct arena *a, int *argc, char ***argv);
int post_rank(const struct post *p);
int post_size(const struct post *p);
int post_local(const struct post *p);
int post_locals(const struct post *p);
const char *post_host(const struct post *p);
/* Is on its way, or never comes: nobody waits. */
void post_send(struct post *p, enum post_way way, int to, enum post_kind kind,
	const char *text, size_t n);
/* A message that has come; false: there is none. "text" lives in "a". */
struct post_message {
	int from;
	enum post_kind kind;
	const char *text;
	size_t n;
};
bool post_take(struct post *p, enum post_way way, struct arena *a,
	struct post_message *m);
/* Ends the process. Leaving MPI in good order waits for all ranks. */
void post_close(struct post *p, bool together, int code)
	__attribute__((noreturn));

/* ---- signals.c ---- */

/* What somebody wants: to end with what there is, or at once. */
enum wish { WISH_NOTHING, WISH_FINISH, WISH_END };

void signals_begin(void);
enum wish signals_wish(void);
double signals_now(void);
/* A hundredth of a second. */
void signals_pause(void);

/* ---- run.c: wpkc or wpkdb as a child ---- */

/* "said" is the file for what it says, NULL: it speaks for itself. */
struct run {
	int pid;		/* 0: none */
	const char *said;
};

bool run_start(struct run *r, const char *const *argv, const char *said);
/* False while it runs; else the exit code, 128 + signal. */
bool run_ended(struct run *r, int *code);
void run_signal(const struct run *r, int sig);
/* Ends it and waits. */
void run_kill(struct run *r);
/* The program, or NULL. */
const char *run_wpkc(struct arena *a);

/* ---- rank.c ---- */

struct rank;

struct rank *rank_open(struct arena *a, struct post *p,
	const struct farm_options *f);
/* Does what there is to do, without waiting; false when all is over, with
 * "*together" as post_close() has it. */
bool rank_step(struct rank *r, bool *together);
/* No process and no file is left. */
void rank_close(struct rank *r);

/* ---- results.c ---- */

/* Locks of all sources, as far as this run has come. */
struct results;

struct results *results_open(struct arena *a, const struct farm_options *f);
const char *results_path(const struct results *r, int file);
/* A stanza or more of source "file" into its lock; NULL or what is wrong. "*better"
 * says whether it counts: another rank may have been faster. */
const char *results_add(struct results *r, int file, const char *lock,
	bool *better);

/* ---- records.c ---- */

/* What a rank still has to send of what it measures. */
struct outbox;

/* Temporary files go to "folder". */
struct outbox *outbox_open(struct arena *a, struct post *p,
	const struct farm_options *f, const char *folder);
/* Does what there is to do, without waiting: now and then, while it is
 * "searching". */
void outbox_step(struct outbox *o, bool searching, double now);
/* All that there is now is to be sent; is it? */
void outbox_fill(struct outbox *o);
bool outbox_sent(const struct outbox *o);
void outbox_close(struct outbox *o);

/* What came of it, on its way into rank 0's database. */
struct inbox;

struct inbox *inbox_open(struct arena *a, const struct farm_options *f);
void inbox_put(struct inbox *b, const char *text, size_t n);
/* Does what there is to do, without waiting. Why nothing is stored from here on,
 * once; else NULL. */
const char *inbox_step(struct inbox *b);
bool inbox_stored(const struct inbox *b);
/* How many records were new. */
int inbox_close(struct inbox *b);

/* ---- hub.c ---- */

/* Everything that rank 0 does; the exit code. "own" (or NULL) is the rank that
 * works in this very process. */
int hub_run(struct arena *a, struct post *p, const struct farm_options *f,
	struct tasks *t, struct rank *own, bool *together);

#endif
