/* SPDX-License-Identifier: MIT */
/* nvcc as a child process. Text goes in through a file in a private folder;
 * what comes back is PTX, or what ptxas reports of registers, spills, stack
 * and shared memory. A broken or missing nvcc is a sentence, never a crash. */
#include "driver/toolchain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/source.h"
#include "driver/child.h"
#include "driver/paths.h"

const char *toolchain_nvcc(struct arena *a)
{
	const char *nvcc = getenv("NVCC"), *home = getenv("CUDA_HOME");

	if (nvcc && *nvcc)
		return strchr(nvcc, '/') ? nvcc : paths_program(a, nvcc);
	if (home && (nvcc = paths_executable(arena_printf(a, "%s/bin/nvcc",
	    home))))
		return nvcc;
	nvcc = paths_program(a, "nvcc");
	return nvcc ? nvcc : paths_executable("/usr/local/cuda/bin/nvcc");
}

/* "sm_90a" -> "arch=compute_90a,code=sm_90a": nvcc's -arch shorthand also runs
 * a plain compute_90 pass, which rejects sm_90a's instructions. */
static const char *gencode(struct arena *a, const struct target *t, bool ptx)
{
	return arena_printf(a, "-gencode=arch=compute_%s,code=%s_%s",
		t->name + 3, ptx ? "compute" : "sm", t->name + 3);
}

/* The line that says what is wrong, without the temporary folder. */
static const char *first_message(struct arena *a, const struct child *c,
	const char *folder)
{
	const char *text = str_text(&c->err), *line, *p;
	size_t n;

	if (c->stopped)
		return "nvcc: stopped";
	if (c->timed_out)
		return "nvcc: out of time";
	if (c->status == 127)
		return "nvcc: cannot be started";
	line = strstr(text, "error");
	line = line ? line : text;
	while (line > text && line[-1] != '\n')
		line--;
	n = strcspn(line, "\n");
	line = arena_strndup(a, line, n);
	p = strstr(line, folder);
	if (p)
		line = p + strlen(folder) + 1;
	if (!*line)
		return arena_printf(a, "nvcc: failed with status %d", c->status);
	return arena_printf(a, "nvcc: %s", line);
}

static int number_before(const char *text, const char *mark)
{
	const char *p = strstr(text, mark);

	while (p && p > text && p[-1] == ' ')
		p--;
	while (p && p > text && p[-1] >= '0' && p[-1] <= '9')
		p--;
	return p ? atoi(p) : 0;
}

static int number_after(const char *text, const char *mark)
{
	const char *p = strstr(text, mark);

	return p ? atoi(p + strlen(mark)) : 0;
}

static void worst(int *to, int v)
{
	if (v > *to)
		*to = v;
}

static void read_report(struct arena *a, const char *text,
	struct toolchain_report *out)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		const char *line = arena_strndup(a, text, n);

		worst(&out->registers, number_after(line, "Used "));
		worst(&out->spill_bytes, number_before(line,
			"bytes spill stores"));
		worst(&out->stack_bytes, number_before(line,
			"bytes stack frame"));
		worst(&out->shared_bytes, number_before(line, "bytes smem"));
		if (!out->advisory && strstr(line, "(C7"))
			out->advisory = line;
		text += n + (text[n] == '\n');
	}
}

/* One run of nvcc, on "n" bytes of "text" that lie as "source" in a folder of its
 * own. */
struct run {
	struct arena *a;
	const char *nvcc, *text;
	size_t n;
	const struct target *t;
	double seconds;
	const char *folder, *source;
};

/* NULL, or what nvcc says; more of it is in "c". */
static const char *run(const struct run *r, const char *const *argv,
	struct child *c)
{
	if (!child_write_file(r->source, r->text, r->n))
		return arena_printf(r->a, "nvcc: cannot write a temporary file: "
			"%s", strerror(errno));
	child_run(r->a, argv, NULL, 0, r->seconds, c);
	return c->status || c->timed_out ? first_message(r->a, c, r->folder) :
		NULL;
}

/* What "work" says, which is done in the folder; that is gone afterwards. */
static const char *in_folder(struct run *r,
	const char *(*work)(const struct run *r, void *out), void *out)
{
	const char *why;

	r->folder = child_folder(r->a);
	if (!r->folder)
		return arena_printf(r->a, "nvcc: no temporary folder: %s",
			strerror(errno));
	r->source = arena_printf(r->a, "%s/kernel.cu", r->folder);
	why = work(r, out);
	child_folder_remove(r->folder);
	return why;
}

/* The same, with signals held as long. */
static const char *held(struct run *r,
	const char *(*work)(const struct run *r, void *out), void *out)
{
	const char *why;
	sigset_t before;

	child_hold(&before);
	why = in_folder(r, work, out);
	child_release(&before);
	return why;
}

static const char *assemble(const struct run *r, void *ctx)
{
	struct toolchain_report *out = ctx;
	struct child c = { .status = 127 };
	const char *why;

	str_init(&c.err, r->a);
	why = run(r, (const char *const[]){ r->nvcc, gencode(r->a, r->t, false),
		"-DWPK_WITHOUT_LIBRARIES", "-cubin", "-Xptxas", "-v", "-o",
		arena_printf(r->a, "%s/kernel.cubin", r->folder), r->source,
		NULL }, &c);
	out->broken = why && !strstr(str_text(&c.err), r->source);
	if (why)
		return why;
	read_report(r->a, str_text(&c.err), out);
	out->broken = !out->registers;
	return out->broken ? "nvcc: says nothing of registers: is it nvcc?" :
		NULL;
}

const char *toolchain_compile(struct arena *a, const char *nvcc,
	const char *text, size_t n, const struct target *t, double seconds,
	struct toolchain_report *out)
{
	struct run r = { a, nvcc, text, n, t, seconds, NULL, NULL };

	*out = (struct toolchain_report){ .broken = true };
	return held(&r, assemble, out);
}

static const char *make_ptx(const struct run *r, void *ctx)
{
	const char *ptx = arena_printf(r->a, "%s/kernel.ptx", r->folder), *why;
	struct str *out = ctx;
	struct source *s;
	struct child c;

	why = run(r, (const char *const[]){ r->nvcc, gencode(r->a, r->t, true),
		"-DWPK_WITHOUT_LIBRARIES", "-ptx", "-o", ptx, r->source, NULL },
		&c);
	if (why)
		return why;
	s = source_read(r->a, ptx, &why);
	if (!s || !strstr(s->text, ".version"))
		return "nvcc: wrote no PTX: is it nvcc?";
	str_putn(out, s->text, s->len);
	return NULL;
}

const char *toolchain_ptx(struct arena *a, const char *nvcc, const char *text,
	size_t n, const struct target *t, double seconds, struct str *out)
{
	struct run r = { a, nvcc, text, n, t, seconds, NULL, NULL };

	return held(&r, make_ptx, out);
}

struct module_file {
	bool ptx;
	const char *path;
};

static const char *make_module(const struct run *r, void *ctx)
{
	const struct module_file *out = ctx;
	struct child c;

	return run(r, (const char *const[]){ r->nvcc, gencode(r->a, r->t,
		out->ptx), out->ptx ? "-ptx" : "-cubin",
		"-DWPK_WITHOUT_LIBRARIES", "-std=c++17", "-o", out->path,
		r->source, NULL }, &c);
}

const char *toolchain_module(struct arena *a, const char *nvcc,
	const char *text, size_t n, const struct target *t, bool ptx,
	double seconds, const char *out)
{
	struct run r = { a, nvcc, text, n, t, seconds, NULL, NULL };
	struct module_file file = { ptx, out };

	return in_folder(&r, make_module, &file);
}
