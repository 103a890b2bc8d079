/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_DRIVER_OPTIONS_H
#define WPK_COMPILER_DRIVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"

enum exit_code {
	EXIT_DONE = 0, EXIT_USER = 1, EXIT_NO_CANDIDATE = 2, EXIT_FROZEN = 3,
	EXIT_UNVERIFIED = 4, EXIT_INTERNAL = 5
};

enum emit {
	EMIT_IR = 1, EMIT_SPACE = 2, EMIT_SCHED = 4, EMIT_KERNEL = 8,
	EMIT_CU = 16, EMIT_PTX = 32, EMIT_HEADER = 64, EMIT_MANIFEST = 128
};

/* What a plan's modules are for. */
enum modules { MODULES_GPU = 1, MODULES_EMU = 2 };

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* --set and --shape: "name" = "value", as given. */
struct setting {
	const char *name, *value;
};

typedef VEC(const char *) string_list;

/* --limits: seconds of a compiler, of a candidate's measuring and of a worker's
 * start, bytes of a compiler; 0: not given. */
struct limits {
	double compile, run, start, memory;
};

struct options {
	const char *input;		/* "-": standard input */
	const char *output, *header, *plan, *calls;
	unsigned modules;		/* MODULES_..., 0: not given */
	const char *dep_file;
	string_list dep_targets;
	bool dep;
	unsigned emit;			/* EMIT_..., 0: EMIT_CU */
	const char *gpu;		/* the first of gpus, or NULL */
	string_list gpus, targets, ops, dirs;
	VEC(struct setting) settings, shapes;
	const char *tune, *measure;	/* "measure" NULL: not given */
	int share;			/* percent, 0: not given */
	bool share_mps;
	struct limits limits;
	const char *candidates, *db;
	bool no_db, resume;
	int trials, effort;	/* 0: not given */
	double seconds;
	uint64_t seed;
	const char *lock;
	bool no_lock, frozen;
	bool check, check_gpu, test, no_verify;
	unsigned check_how;		/* bits of enum check_how */
	int jobs;
	int side;			/* searches side by side, 0: not given */
	enum color color;
	bool quiet, verbose, verify_passes;
};

/* What the command line asks for besides compiling. */
enum asked { ASKED_COMPILE, ASKED_TEXT, ASKED_NOTHING };

/* Read the command line and its @response files. ASKED_TEXT: "text" is to be
 * printed (--help, --version, --list); ASKED_NOTHING: "text" is an error. */
enum asked options_read(struct arena *a, int argc, char **argv,
	struct options *o, struct str *text);

/* One that was given and says nothing without --tune, or NULL. */
const char *options_of_search(const struct options *o);

/* Short help, with examples. */
void options_help(struct str *out);

/* The table of options, for the test that man wpkc has them all: one option
 * a line. */
void options_list(struct str *out);

/* ---- lists.c ---- */

/* What --list=WHAT prints, but for the options; false if there is no such
 * list. */
bool lists_print(const char *what, struct str *out);

/* What --emit takes, a line each. */
void options_emits(struct str *out);

/* ---- explain.c ---- */

/* All codes of diagnostics with a line each. */
void explain_list(struct str *out);
/* What "code" means, with examples; false if there is none such. */
bool explain_code(const char *code, struct str *out);

#endif
