/* SPDX-License-Identifier: MIT */
/* Private to the front end: the words that the language and its directives
 * know, as tables. */
#ifndef WPK_COMPILER_FRONT_NAMES_H
#define WPK_COMPILER_FRONT_NAMES_H

#include <stdbool.h>

/* KEYWORD(name, kind): reserved words, each a token of its own. */
#define NAMES_KEYWORDS(KEYWORD) \
	KEYWORD("edge", EDGE) KEYWORD("export", EXPORT) KEYWORD("fn", FN) \
	KEYWORD("for", FOR) KEYWORD("import", IMPORT) KEYWORD("in", IN) \
	KEYWORD("inf", INF) KEYWORD("let", LET) KEYWORD("op", OP) \
	KEYWORD("pad", PAD) KEYWORD("param", PARAM) \
	KEYWORD("require", REQUIRE) KEYWORD("schedule", SCHEDULE) \
	KEYWORD("step", STEP) KEYWORD("target", TARGET) KEYWORD("test", TEST) \
	KEYWORD("tune", TUNE) KEYWORD("when", WHEN) KEYWORD("where", WHERE) \
	KEYWORD("with", WITH)

/* Where a directive is legal. */
enum names_place { IN_SCHEDULE = 1, IN_TUNE = 2, IN_TEST = 4 };

/* What a directive's positional names mean, and what its keys do. A positional
 * argument that is no name (a number, a range, a set) is a value: which one of
 * a directive's own numbers it is, the sketches decide. */
enum names_subject {
	OF_NOTHING,	/* no positional arguments */
	OF_WORDS,	/* words of its own: tile(block, ..) */
	OF_AXES,	/* axes, fused ones included, or STATEMENT.AXIS */
	OF_SOME_AXES,	/* the same, or none: then of the whole kernel */
	OF_INPUTS,
	OF_TENSORS,	/* inputs, outputs, lets */
	OF_STATEMENTS,	/* lets and outputs */
	OF_REDUCTIONS,	/* STATEMENT.AXIS, or a statement for its reduction */
	OF_PLACE,	/* a statement, then the axis it is computed at */
	OF_ORDER,	/* a statement or axis, then axes */
	OF_STRING	/* a file */
};

enum names_keyed {
	BY_LIST,	/* the words in "keys" */
	BY_AXIS,	/* axes, and "keys" */
	BY_NEW_AXIS,	/* makes an axis of a set of axes */
	BY_SIZE,	/* symbolic sizes, and "keys" */
	BY_TUNABLE	/* tile.block.i, or a param */
};

/* A key and the words its value may use; NULL "name" ends a list. */
struct names_key {
	const char *name;
	const char *const *words;
};

/* "words" may stand as positional arguments. */
struct names_directive {
	const char *name;
	unsigned where;
	enum names_subject subject;
	enum names_keyed keyed;
	const char *const *words;
	const struct names_key *keys;
};

bool names_is_dtype(const char *word);
/* The dtype that other languages call "word", or NULL. */
const char *names_dtype_of(const char *word);
bool names_is_reducer(const char *word);

/* The directive of that name, or NULL. */
const struct names_directive *names_directive(const char *word);

/* Number of arguments of a builtin function, or -1 if there is none. */
int names_builtin_arity(const char *word);

/* Constants of the target that a require may use: smem_max, .. */
const char *const *names_target_constants(void);

/* Names of targets in ascending order, and the position of one, or -1. */
const char *const *names_archs(void);
int names_arch(const char *word);

/* Words that C or CUDA reserve: they get an underscore in emitted text. */
bool names_is_reserved(const char *word);

/* True if NULL-ended "list" has "word". */
bool names_has(const char *const *list, const char *word);

#endif
