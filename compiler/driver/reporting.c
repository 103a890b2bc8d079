/* SPDX-License-Identifier: MIT */
/* wpkc report: records into one page. */
#include "driver/reporting.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "driver/command.h"
#include "driver/output.h"
#include "search/db.h"
#include "report/report.h"

static const char help[] =
	"usage: wpkc report [-o FILE.html] [RECORDS]...\n\n"
	"Draws what searches found as one page of HTML that needs nothing but\n"
	"itself: tuning curves, rooflines, the best of each sketch, what became\n"
	"of candidates, and what to type for the best points. Records are tuning\n"
	"databases, or JSON lines as wpkdb export writes them; '-' is standard\n"
	"input or output. Without any, those of your own database.\n\n"
	"  -o FILE              write there (default: report.html)\n"
	"  --help               this text\n";

struct reporting {
	struct arena *a;
	const char *output;
	struct record_lines lines;
	int files;
};

static bool complain(const char *text)
{
	command_complain("report", text);
	return false;
}

static bool add_records(struct reporting *r, const char *path)
{
	const char *why = record_lines_read(r->a, path, &r->lines);

	r->files++;
	return !why || complain(why);
}

static bool own_records(struct reporting *r)
{
	const char *path = db_user_path(r->a);

	if (!path || access(path, F_OK))
		return complain(arena_printf(r->a, "no records: there is no "
			"database '%s'; wpkc report --help tells", path ? path :
			""));
	return add_records(r, path);
}

static bool read_arguments(struct reporting *r, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *v = argv[i];

		if (!strncmp(v, "-o", 2)) {
			r->output = v[2] ? v + 2 : ++i < argc ? argv[i] : NULL;
			if (!r->output)
				return complain("-o wants a file");
		} else if (v[0] == '-' && v[1]) {
			return complain(arena_printf(r->a, "unknown option '%s'; "
				"there are -o and --help", v));
		} else if (!add_records(r, v)) {
			return false;
		}
	}
	return r->files || own_records(r);
}

static const char *write_page(struct reporting *r)
{
	struct outputs o;
	struct str out;

	str_init(&out, r->a);
	report_print(r->a, &r->lines, &out);
	outputs_init(&o, r->a);
	outputs_add(&o, r->output, &out);
	return outputs_commit(&o);
}

int report_main(struct arena *a, int argc, char **argv)
{
	struct reporting r = { .a = a, .output = "report.html" };
	const char *why;
	int code;

	if (command_helps(argc, argv, help, &code))
		return code;
	if (!read_arguments(&r, argc, argv))
		return EXIT_USER;
	why = write_page(&r);
	if (why)
		complain(why);
	return why ? EXIT_USER : EXIT_DONE;
}
