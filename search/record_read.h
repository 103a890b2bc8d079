/* SPDX-License-Identifier: MIT */
/* Records as text: JSON, one object a line, the fields of search/record.h by
 * name. Hashes are strings of hexadecimal digits, "point" an object of names
 * with their values, "verdict" a name. Fields more tell where in a search a
 * record stands and what it was of. Fields that are not known are passed
 * over. */
#ifndef WPK_SEARCH_RECORD_READ_H
#define WPK_SEARCH_RECORD_READ_H

#include "base/vec.h"
#include "search/record.h"

/* "run" and "strategy": of the search, "" if unknown; "candidate": its number
 * in the run, from 1, 0 if unknown. "source": the .wpk file; "command": what to
 * type for just that candidate; "" if unknown. "number": of the line, 0 of a
 * database's. */
struct record_line {
	struct record record;
	const char *run, *strategy, *source, *command;
	int candidate;
	int number;
};

struct record_lines {
	VEC(struct record_line) lines;
};

/* Add the records of "path", a tuning database or a file of lines ("-": standard
 * input), to "out". NULL, or a sentence with the file's name, and the line's
 * number where it is one line that is wrong. */
const char *record_lines_read(struct arena *a, const char *path,
	struct record_lines *out);

/* The same of lines "text", which stand in the file "name". */
const char *record_lines_parse(struct arena *a, const char *name,
	const char *text, struct record_lines *out);

/* Could a kernel take so many seconds? What lies beyond is no time. */
bool record_is_duration(double seconds);

/* ---- record_db.c ---- */

bool record_is_db(const char *path);
const char *record_db_read(struct arena *a, const char *path,
	struct record_lines *out);

#endif
