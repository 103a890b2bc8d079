/* SPDX-License-Identifier: MIT */
/* One run of wpkc: options, sources, and its operators on their way from
 * syntax to programs. Passed to every part of the driver; nothing is global. */
#ifndef WPK_COMPILER_DRIVER_SESSION_H
#define WPK_COMPILER_DRIVER_SESSION_H

#include "base/diag.h"
#include "cuda/cuda.h"
#include "driver/options.h"
#include "front/front.h"
#include "ir/ir.h"
#include "search/record.h"
#include "search/search.h"
#include "sketch/sketch.h"

/* What the groups of an operator share out: the schedule's directives and
 * requires, and --set. */
enum shared { SHARED_DIRECTIVES, SHARED_REQUIRES, SHARED_SETTINGS, N_SHARED };

/* How far a sketch came that does not serve, the nearest last: another was
 * asked for, it does not compute such a group, does not honour some directive
 * at all, does not take one as it stands, has no legal point. */
enum refusal {
	REFUSED_OTHER, REFUSED_GROUP, REFUSED_DIRECTIVE, REFUSED_VALUE,
	REFUSED_POINTS
};

/* A sketch for one group, with its space; "why" where there is none: "refusal"
 * says how near it was, "at" what stands in the way, if that is in the source. */
struct candidate {
	const struct sketch *sketch;
	struct task task;
	struct space *space;
	bool *open;			/* of each gene: before --set */
	bool unpriced;			/* no model knows its cost; and it is */
	double least;			/* seconds: no point of it takes less */
	double margin;			/* taken where others take longer, so
					 * many times; 1 of others */
	const char *why;
	enum refusal refusal;
	struct span at;
	const char *nearest;		/* why the point that came farthest is */
	int stage;			/* illegal, and how far: problem.c */
	int made;			/* kernels, to see if a point is legal */
	uint64_t left[N_SHARED];	/* bits of what other groups take */
	const struct general *general;	/* the job's */
	const struct ir_partition *partition;	/* the plan's */
	int cut;			/* and its number: cuts_find() */
	struct general_tasks *tasks;	/* where "general" is set */
	struct known_points *known;	/* there: problem.c */
};

/* What was chosen for a group: candidate, genes, and how that is known. */
struct choice {
	const struct candidate *candidate;	/* NULL: nothing yet */
	int *genes;
	double seconds;
	const char *measured;		/* "model", or from the lock */
	const char *verified;		/* "emulation", "none" */
	const char *pinned;		/* JSON of a library's algorithm, or NULL */
};

struct part {
	struct candidate *candidates;
	int n;
	struct choice choice;
	struct result **results;	/* of --tune, one a candidate, or NULL */
};

/* One way to cut the operator into kernels; or a file written by hand, which is
 * one kernel as far as the compiler can see. "hash" is the operator's, and the
 * file's. "heads" by group: the directive kernel(...) that names it, or -1.
 * "schedule" is the job's without what the plan honours by itself. "misfit" and
 * "why" are of those that are no plans of the job, which plans.c reports. "seconds" by
 * the model, of the best known choices; INFINITY if some group has none or if
 * they are not known. */
struct plan {
	struct ir_cut cut;
	int which;			/* of the cuts */
	const struct task_file *file;	/* or NULL */
	uint64_t hash;
	struct ir_operator *op;
	struct ir_partition *partition;
	const struct schedule *schedule;
	int *heads;
	bool misfit;			/* the schedule asks for other kernels */
	const char *why;		/* output "out" cannot lie where */
	int out;			/* in_place() says; or NULL */
	struct part *parts;		/* one a group */
	const char *text;
	double seconds;
};

/* What code is for, and the GPU whose costs are predicted; "named" is what the
 * user or the lock called that, or NULL; "sister": code for the target is made
 * for other GPUs as well; "share": the part of the GPU in percent, 0: all. */
struct place {
	const struct target *target;
	const struct gpu *gpu;
	const char *named;
	bool sister;
	int share;
};

/* One operator at one shape on one target. "reference" is what lowering
 * made of it, the judge; "op" what the passes made of that, the thing compiled. */
struct job {
	const char *name;
	const struct ast_item *item;
	const struct place *place;
	int share;			/* whose schedule it has; the place's,
					 * or for want of one the nearest */
	const struct task_file *files;	/* of variant("...") */
	int n_files;
	bool file_pinned;		/* by the schedule: the only way */
	struct ir_operator *reference, *op;
	struct ir_partition *partition;
	const char *launcher;		/* where several jobs share one: its name */
	const char *family;		/* the same, but if a job is called so */
	const struct ir_size *sizes;	/* what its launcher takes: open sizes */
	int n_sizes;
	const struct general *general;	/* for all sizes; NULL: for these */
	const char *when;		/* of which of them; NULL: any */
	const int64_t *const *cases;	/* sizes at which it is checked then */
	int n_cases;
	bool optional;			/* others serve without it */
	bool dropped;			/* it was, and nothing computes it */
	const struct schedule *schedule;
	enum p_overlap overlap;		/* of its launches, as that says */
	uint64_t hash;
	struct part *parts;		/* one a group */
	struct plan *plans;		/* the present one is the above */
	int n_plans, plan;
	const struct task_file *file;	/* the present plan's, or NULL */
	int trials;			/* of a tune block, 0: none */
	double seconds;
	uint64_t seed;			/* of a test block, 0: --seed's */
	const char *not_against;	/* judges that it names in vain */
	struct program *program;
};

typedef VEC(struct job) job_list;

struct directives_file;

struct session {
	struct arena *a;
	struct options *o;
	struct diag *d;
	struct ast_unit *unit;
	struct front_files files;
	const char *const *import_dirs;
	struct place *places;		/* oldest target first */
	int n_places;
	struct job *jobs;
	int n_jobs;
	struct job *others;		/* chosen and built, of other shares: */
	int n_others;			/* a plan alone has these */
	struct lock *lock;
	const char *lock_path;		/* NULL: no lock */
	bool lock_existed;
	const char *nvcc;		/* NULL: none found */
	int turns;			/* of checks on the GPU, or 0: check.h */
	const volatile int *stop;	/* set by SIGINT */
	/* Of --jobs: how many searches this is one of, 0: the only one; the
	 * candidates of them all, in memory that they share, or NULL. */
	int side_by_side;
	int *counted;
	struct measuring_tally *tally;	/* of candidates measured, or NULL */
	struct measuring *measuring;	/* NULL: the model says what things cost */
	const char *how;		/* "model", "gpu", "emu": of costs */
	struct known *known;		/* the database of what is measured, */
	int64_t run;			/* and the run there, 0: not begun */
	bool brief;			/* nobody asks what else there was: what
					 * cannot be the best is not looked at */
	int argc;			/* as called */
	char **argv;
	bool tty;
	enum exit_code code;
};

/* Report to standard error, "wpkc: error: ...", and remember "code". Returns
 * false, for "return session_fail(...)". */
bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A line for people, unless -q. */
void session_say(const struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- places.c ---- */

/* s->places as options and the lock ask for. */
void places_choose(struct session *s);

/* ---- main.c ---- */

/* Places, imports, lock and source of the options, and if it "writes", that it
 * can; false after an error. */
bool session_open(struct session *s, bool writes);
/* Print what s->d holds; errors make the exit code. */
void session_diagnose(struct session *s);
/* Standard output is written, or that is an error; returns the exit code. */
int session_end(struct session *s);

/* ---- lockfile.c ---- */

/* s->lock as the file says; empty where there is none. False after an error. */
bool lockfile_read(struct session *s);
/* Keep other runs from writing the lock until released; -1 where the file
 * system cannot, and then the last to write wins. Releasing gives false. */
int lockfile_wait(const struct session *s);
bool lockfile_release(int turn);
/* What others wrote since the lock was read, with what this run found for its
 * own jobs in the place of theirs. */
bool lockfile_merge(struct session *s);

/* ---- jobs.c ---- */

/* Lower the operators that options and tune blocks ask for. Errors in s->d or
 * reported; false then. */
bool jobs_create(struct session *s);
/* The same, each at the sizes that the source or --shape gives, and at no
 * others. */
bool jobs_create_at_sizes(struct session *s);
/* The same for the file's test blocks, in jobs_tests.c. */
bool jobs_create_tests(struct session *s);

/* ---- candidates.c ---- */

/* What "name" of --set is called for the whole job: NAME of "OP:NAME" or of what
 * is for all; NULL: it is for another, or for one kernel. */
const char *candidates_setting(const struct job *j, const char *name);

/* "sketch" for a group, bound to the schedule and to --set; "named": the lock
 * asks for it. */
void candidates_try(struct session *s, const struct job *j, int group,
	const struct sketch *sketch, bool named, struct candidate *c);
/* Every sketch for every group, so bound. False when a group has none or a
 * directive is taken by no group. */
bool candidates_find(struct session *s, struct job *j);
/* Does the sketch take the directive in some form, or is it others' to honour? Of
 * in_place() a kernel that does not both read and write there knows nothing. */
bool candidate_honours(const struct candidate *c, const char *directive);
/* Does some sketch serve the group? */
bool candidates_serve(const struct part *p);
/* Why one of these was false, as errors; false. */
bool candidates_report(struct session *s, struct job *j);

/* ---- packing.c ---- */

/* Tunables of what the task's group packs, two a statement at most, into "v"; how
 * many. */
int packing_tunables(struct arena *a, const struct task *t, struct tunable *v);
/* May the directive speak of these? */
bool packing_honours(const struct task *t, const struct sched_directive *d);
/* Leave of a schedule's choice what holds of the plan; false, with the candidate's
 * reason and no space, where that is none of it. */
bool packing_keep(struct session *s, struct candidate *c);

/* ---- problem.c ---- */

/* NULL if the point is legal at every size the job is for, or why not. */
const char *problem_refuses(struct candidate *c, struct arena *a,
	const int *genes);
/* What a search is given: it starts from the sketch's own points and the
 * schedule's seeds. */
struct problem problem_of(struct session *s, struct candidate *c);
/* The point chosen without a search and its predicted seconds; NULL if no
 * point is legal, and the candidate then has no space any more. */
int *problem_default(struct session *s, struct candidate *c, double *seconds);
/* What the model sees of a point, which is legal. */
void problem_features(const struct candidate *c, struct arena *a,
	const int *genes, struct features *f);

/* ---- problem_look.c ---- */

/* Once more in the same way from "genes" with each of the numbers that have few
 * values the other way, which many others follow, as tiles do whether blocks persist:
 * "genes" becomes what is better. Not for a job for all sizes, whose starts are many
 * as it is. */
void problem_look_around(struct session *s, struct candidate *c, int *genes,
	double *seconds);
/* Better "genes" by a short look that begins there, or where that is illegal, at
 * a point that differs in one or two genes, and at the sketch's own; false if
 * none of these is legal. For all sizes, where a test of legality is dear, only
 * what must be is changed. */
bool problem_look(struct session *s, struct candidate *c, int *genes,
	double *seconds);

/* ---- choices.c ---- */

/* Choose without tuning: the best of a short look by the model. False if some group
 * has none, or, in brief, once all together cannot take less than "bar" seconds. */
bool choices_make(struct session *s, struct job *j, double bar);
/* Is the gene one that some locks and records were written before there was, and
 * left to them? They mean its first value. */
bool choices_newer(const struct candidate *c, int gene);
/* Choose what the lock says; false if it has no (usable) entry, "*why" then
 * NULL or the reason. */
bool choices_from_lock(struct session *s, struct job *j, const char **why);
/* One value a tunable. */
void choices_values(const struct choice *c, struct arena *a, int *values);
/* The job's operator as the choices compute it, where some compute other sums
 * than its own; else NULL. */
const struct ir_operator *choices_arithmetic(struct arena *a,
	const struct job *j);
/* The chosen schedule as text in the language. */
const char *choices_schedule(struct arena *a, const struct job *j);
/* Steps from these numbers on are "group"'s. */
void choices_mark(struct program *p, int group, int steps, int prepare);
/* Build, lay out and verify the program of the choices made; the first tells in
 * "*why" what is wrong with it, or NULL. */
struct program *choices_try(struct session *s, struct arena *a,
	const struct job *j, const char **why);
struct program *choices_program(struct session *s, struct arena *a,
	const struct job *j);

/* ---- slice.c ---- */

/* "50 % of ", or nothing for all of it. */
const char *slice_text(struct arena *a, int share);
/* A slice of the GPU as if it were one. */
const struct gpu *slice_gpu(struct arena *a, const struct gpu *g, int share);
/* Choose what the lock says for the job's share, or where it says nothing of that
 * for the nearest, and tell; with --frozen for that share alone. False if there
 * is none, "*why" then as choices_from_lock() has it. */
bool slice_choose(struct session *s, struct job *j, const char **why);
/* The other shares that the lock has the job's operator for, as text, or NULL. */
const char *slice_known(struct session *s, const struct job *j);
/* s->others as the lock has them. False after an error. */
bool slice_others(struct session *s);

/* ---- cuts.c ---- */

/* The ways to cut operators into kernels that a schedule (or NULL) and --set
 * leave, into "out"; how many. */
enum { CUTS_MOST = 32 };
int cuts_find(const struct session *s, const struct schedule *schedule,
	struct ir_cut *out);
/* Does either speak of packing? */
bool cuts_pack(const struct session *s, const struct schedule *schedule);
/* What they want packed and no plan of the job packs, as errors; false if there is
 * nothing of the kind. */
bool cuts_report(struct session *s, const struct job *j);

/* ---- plans.c ---- */

/* The distinct partitions of the job's operator, which is split; the first is
 * in use. False, with errors, if none is as the schedule says. */
bool plans_make(struct session *s, struct job *j);
/* Make a plan the job's own. */
void plan_use(struct job *j, int plan);
/* The kernels of a plan: "acc, y; k". */
const char *plan_kernels(struct arena *a, const struct plan *p);
/* The statements of a group: "acc, y". */
const char *plan_kernel(struct arena *a, const struct ir_operator *o,
	const struct ir_group *g, const char *between);
/* Is it kernel(...), with which a kernel's part of a schedule begins? */
bool plan_is_head(const struct sched_directive *d);
/* The sketch that kernel(...) asks for, or NULL. */
const char *plan_sketch(const struct job *j, int group);

/* ---- plans_in_place.c ---- */

/* A plan that is as the schedule says, but for in_place(): for -v. */
void plan_explain_in_place(const struct session *s, const struct plan *p);
/* There is none but such, of "all": why, as an error; false. */
bool plans_report_in_place(struct session *s, const struct job *j,
	struct plan *const *all, int n);

/* ---- plans_choose.c ---- */

/* Does the group prepare what never changes between calls? */
bool plan_prepares(const struct job *j, int group);
/* Make a plan the job's own, with candidates and an untuned choice, by
 * choices_make(); false if some group has none. */
bool plan_choose(struct session *s, struct job *j, int plan, double bar);
/* Is it a file that a tune block names, whose cost nobody knows? */
bool plan_competes(const struct job *j, int plan);
/* Candidates and an untuned choice for every plan, in brief for those that may be the
 * best; which is in use, or the first, and false, if none serves. */
bool plans_prefer(struct session *s, struct job *j);
/* The same with errors; a job that is optional is dropped instead. */
bool plans_find(struct session *s, struct job *j);
/* Forget the jobs that were dropped. */
void jobs_forget(struct session *s);
/* Use the best by what the plans' "seconds" are now. */
void plans_rank(struct job *j);

/* ---- contenders.c ---- */

/* A line for each file written by hand that competes and is not taken because
 * nobody knows what it costs. */
void contenders_tell(struct session *s, const struct job *j);
/* Is the plan a file's that a search measures? */
bool contenders_measured(const struct session *s, const struct job *j,
	int plan);
/* After the searches: the files that were measured against what is chosen, each
 * as a whole; the one to take is in use. A line for each that is not. */
void contenders_contest(struct session *s, struct job *j);
/* Those of these files that no search measures, as jobs of their own, chosen and
 * built. */
job_list contenders_list(struct session *s);
/* Prove each, and say what came of it. */
void contenders_prove(struct session *s);
/* What --emit=space says of them. */
void contenders_print_space(struct session *s, const struct job *j,
	struct str *out);

/* ---- refusals.c ---- */

/* Why no sketch serves the group, the nearest first. */
void refusals_report(struct session *s, const struct job *j, int group);
/* Every sketch of the group, serving or not: for -v. */
void refusals_explain(const struct session *s, const struct job *j, int group);

/* ---- share.c ---- */

/* The part of the job's schedule that is for the group: what stands behind its
 * kernel(...), and before all of them. */
const struct schedule *share_of(struct session *s, const struct job *j,
	int group);
/* Bind candidate "c" by "bind" to as much of the job's schedule as it takes:
 * all of it where the operator has one group. */
void share_bind(struct session *s, const struct job *j, struct candidate *c,
	struct space *(*bind)(struct session *, const struct job *,
		struct candidate *, const struct schedule *));
/* Sketches of a group that miss a directive another one takes do not apply. */
void share_within(struct session *s, const struct job *j, struct part *p);
/* False where a directive or setting is taken by no group; reported if asked
 * for. */
bool share_among(struct session *s, const struct job *j, bool report);

/* ---- tune.c ---- */

/* Search every job, prove the winners, record them in s->lock. */
bool tune_jobs(struct session *s);

/* ---- side.c ---- */

/* Search all jobs side by side, --jobs at a time. What they found is in their
 * parts, as after a search of one; s->measuring is open for finals then, unless
 * the model serves or all was stopped. False after an error. */
bool side_search(struct session *s, double seconds);

/* ---- prove.c ---- */

struct proof {
	enum verdict verdict;		/* V_MEASURED: nothing is wrong */
	bool emulated;			/* checked against the reference */
	bool hopeless;			/* nvcc is broken: no candidate will do */
	const char *text;		/* what was checked, or what is wrong */
};

/* Bytes of stack that a kernel of the operator may have. */
int prove_stack(const struct ir_operator *o);
/* Assemble (where there is an nvcc) and emulate the job's program, a general one
 * at several sizes. */
struct proof prove(struct session *s, struct arena *a, const struct job *j,
	const struct program *p);
/* Emulate the launcher of the job at one of these sizes. */
int prove_cases(const struct job *j);
struct proof prove_case(struct session *s, struct arena *a,
	const struct job *j, const struct program *p, int which);
/* The same of a contender, whose program no launcher calls. */
struct proof prove_contender(struct session *s, struct arena *a,
	const struct job *j);

/* ---- workers.c ---- */

/* Run "work" for 0..n-1 in child processes, as many at a time as -j, the
 * processors and make's job server allow; what it wrote into "out" comes back
 * as texts[i], NULL if it crashed or s->stop came first. */
void workers_run(struct session *s, int n,
	void (*work)(void *ctx, int i, struct str *out), void *ctx,
	const char **texts);
/* The same, "most" at a time, for work that ends in good order on SIGINT, as
 * wpkc does, and gets that in place of SIGTERM. */
void workers_run_most(struct session *s, int most, int n,
	void (*work)(void *ctx, int i, struct str *out), void *ctx,
	const char **texts);

/* ---- emit.c ---- */

/* Write what --emit, -o, -H, -MD and the lock ask for. */
bool emit_outputs(struct session *s);
/* Could they be written? Asked before the work is done. */
bool emit_possible(struct session *s);
/* Is what was read kept? Asked when it is known what that is, and before. */
bool emit_keeps(struct session *s);
/* The file of one program alone, and of all that the job's launcher chooses
 * from. */
struct cuda_unit emit_program(const struct session *s, struct arena *a,
	const struct job *j, const struct program *p);
struct cuda_unit emit_launcher(const struct session *s, struct arena *a,
	const struct job *j);

/* ---- handwritten.c ---- */

/* j->files: the one that the job's schedule names by variant("..."), or those
 * of its tune blocks. False after an error. */
bool handwritten_load(struct session *s, struct job *j,
	const struct directives_file *tuned, int n_tuned);

/* ---- manifest.c ---- */

/* "file" is its name beside the plan; "arch" as wpk-plan(5) has it. */
struct module {
	const char *file, *arch;
	struct str code;
};

typedef VEC(struct module) module_list;

/* What the unit holds, as JSON, with a plan's modules; NULL: it is none. */
void manifest_print(const struct session *s, const struct cuda_unit *u,
	const module_list *modules, struct str *out);

/* ---- checks.c ---- */

/* --check: every job's program against the reference. */
bool checks_run(struct session *s);
/* --test: the same for test blocks, as TAP. */
bool checks_test(struct session *s);

#endif
