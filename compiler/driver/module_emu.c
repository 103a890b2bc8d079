/* SPDX-License-Identifier: MIT */
/* A module of the emulated driver: emitted text, and behind it a table of its
 * kernels, compiled to a shared object that takes the emulator from
 * libwpkemu.so, into whose process it is loaded. A trailer at its end vouches
 * for its bytes (runtime/emu/wpk_emu_table.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "driver/child.h"
#include "driver/cxx.h"
#include "runtime/emu/wpk_emu_table.h"

static const double default_seconds = 120;

struct build {
	const char *folder, *header, *library, *source, *object;
	double seconds;
};

static void put_table(const char *const *kernels, int n, struct str *s)
{
	str_puts(s, "\nextern \"C\" __attribute__((visibility(\"default\"))) "
		"const wpk_emu_kernel\nwpk_emu_kernels[] = {\n");
	for (int i = 0; i < n; i++)
		str_printf(s, "\tWPK_EMU_KERNEL(%s),\n", kernels[i]);
	str_puts(s, "\tWPK_EMU_KERNELS_END\n};\n");
}

static void command(struct arena *a, const struct target *t,
	const struct gpu *gpu, const char *compiler, const struct build *b,
	struct cxx_command *k)
{
	static const char *const flags[] = { "-O2", "-fPIC", "-shared",
		"-fvisibility=hidden", "-DWPK_EMU_MODULE",
		"-ftrivial-auto-var-init=pattern", "-Wl,-z,defs", "-include" };

	cxx_begin(a, compiler, b->folder, k);
	cxx_push_text_flags(a, t, gpu, k);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		cxx_push(k, flags[i]);
	cxx_push(k, b->header);
	cxx_push(k, b->source);
	cxx_push(k, "-x");
	cxx_push(k, "none");
	cxx_push(k, b->library);
	cxx_push_libraries(k);
	cxx_push(k, "-o");
	cxx_push(k, b->object);
}

/* The line that says what is wrong, the compiler's or the linker's, without the
 * private folder. */
static const char *first_message(struct arena *a, const struct child *run,
	const char *folder)
{
	const char *text = str_text(&run->err), *line = strstr(text, "error");
	const char *lacks = strstr(text, "undefined reference"), *p;

	if (!line || (lacks && lacks < line))
		line = lacks ? lacks : text;
	while (line > text && line[-1] != '\n')
		line--;
	line = arena_strndup(a, line, strcspn(line, "\n"));
	p = strstr(line, folder);
	return p ? arena_printf(a, "%.*s%s", (int)(p - line), line,
		p + strlen(folder) + 1) : line;
}

static const char *compile(struct arena *a, const struct target *t,
	const struct gpu *gpu, const struct build *b)
{
	const char *const *names = cxx_names(a);
	struct child run = { .status = 127 };
	struct cxx_command k;

	for (; *names && run.status == 127; names++) {
		command(a, t, gpu, *names, b, &k);
		child_run(a, k.v, NULL, 0, b->seconds, &run);
	}
	if (run.stopped || run.timed_out)
		return run.stopped ? "stopped" : "the C++ compiler took too "
			"long over the text";
	if (run.status == 127)
		return "no C++ compiler was found";
	return run.status ? first_message(a, &run, b->folder) : NULL;
}

/* ---- the file ---- */

/* The shared object and behind it room for the trailer; NULL with errno set. */
static char *read_object(struct arena *a, const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p = NULL;
	long size;

	if (f && !fseek(f, 0, SEEK_END) && (size = ftell(f)) > 0 &&
	    !fseek(f, 0, SEEK_SET)) {
		*n = (size_t)size;
		p = arena_alloc(a, *n + sizeof(struct wpk_emu_trailer));
		if (fread(p, 1, *n, f) != *n)
			p = NULL;
	}
	if (f)
		fclose(f);
	return p;
}

static void put_trailer(char *p, size_t n)
{
	struct wpk_emu_trailer t = { WPK_EMU_MARK, n, wpk_emu_sum(p, n) };

	memcpy(p + n, &t, sizeof t);
}

/* Beside "out" first, so that what is there is whole. */
static const char *write_module(struct arena *a, const char *object,
	const char *out)
{
	const char *beside = arena_printf(a, "%s.%ld", out, (long)getpid());
	size_t n = 0;
	char *p = read_object(a, object, &n);

	if (!p)
		return arena_printf(a, "what the C++ compiler wrote cannot be "
			"read: %s", strerror(errno));
	put_trailer(p, n);
	if (child_write_file(beside, p, n + sizeof(struct wpk_emu_trailer)) &&
	    !rename(beside, out))
		return NULL;
	p = strerror(errno);
	unlink(beside);
	return arena_printf(a, "%s: %s", out, p);
}

static const char *build_in(struct arena *a, const struct target *t,
	const struct gpu *gpu, const char *text, const char *const *kernels,
	int n, const char *out, struct build *b)
{
	const char *why;
	struct str s;

	str_init(&s, a);
	str_puts(&s, text);
	put_table(kernels, n, &s);
	b->source = arena_printf(a, "%s/module.cu", b->folder);
	b->object = arena_printf(a, "%s/module.so", b->folder);
	if (!child_write_file(b->source, str_text(&s), s.n))
		return arena_printf(a, "no temporary file: %s",
			strerror(errno));
	why = compile(a, t, gpu, b);
	return why ? why : write_module(a, b->object, out);
}

bool emu_module(struct arena *a, const struct target *t, const struct gpu *gpu,
	const char *text, const char *const *kernels, int n, double seconds,
	const char *out, const char **why)
{
	struct build b = {
		.header = cxx_emulator_file(a, PATHS_EMU_HEADER),
		.library = cxx_emulator_file(a, PATHS_EMU_DRIVER),
		.seconds = seconds > 0 ? seconds : default_seconds };
	sigset_t before;

	if (!b.header || !b.library) {
		*why = b.header ? "the emulated driver (libwpkemu.so) was not "
			"found" : "the emulator's header was not found";
		return false;
	}
	child_hold(&before);
	b.folder = child_folder(a);
	*why = b.folder ? build_in(a, t, gpu, text, kernels, n, out, &b) :
		arena_printf(a, "no temporary folder: %s", strerror(errno));
	if (b.folder)
		child_folder_remove(b.folder);
	child_release(&before);
	return !*why;
}
