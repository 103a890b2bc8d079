/* SPDX-License-Identifier: MIT */
/* Calls of vendor libraries in a file: their texts, which libwpk reads, and what
 * makes each ready once on every device, whichever thread comes first. On the
 * emulator, and where WPK_WITHOUT_LIBRARIES is defined, they are not supported:
 * what is beside them compiles without libwpk. */
#include <string.h>

#include "cuda/host.h"

enum { LINE = 78, DEVICES = 64 };

bool host_calls_library(const struct program *p)
{
	for (int i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].kind == P_LIBRARY)
			return true;
	return false;
}

bool library_in_operator(const struct cuda_operator *o)
{
	for (int i = 0; i < o->n; i++)
		if (!o->variants[i].share &&
		    host_calls_library(o->variants[i].program))
			return true;
	return false;
}

bool library_in_unit(const struct cuda_unit *u)
{
	for (int i = 0; i < u->n; i++)
		if (library_in_operator(&u->operators[i]))
			return true;
	return false;
}

/* ---- once a file ---- */

static const char without[] =
	"#if defined WPK_EMULATE || defined WPK_WITHOUT_LIBRARIES\n\n"
	"struct wpk_memory {\n"
	"\tvoid *workspace;\n"
	"\tsize_t workspace_bytes;\n"
	"\tvoid *prepared;\n"
	"\tsize_t prepared_bytes;\n"
	"};\n\n"
	"struct library_call {\n"
	"\tconst char *text;\n"
	"};\n\n"
	"static size_t library_workspace(struct library_call *)\n"
	"{\n"
	"\treturn 0;\n"
	"}\n\n"
	"static cudaError_t library_run(struct library_call *, void *const *,\n"
	"\tint, const struct wpk_memory *, size_t, cudaStream_t)\n"
	"{\n"
	"\treturn cudaErrorNotSupported;\n"
	"}\n\n"
	"#else\n\n"
	"#include <atomic>\n"
	"#include <mutex>\n\n"
	"#include <wpk.h>\n\n";

static const char support[] =
	"/* A call of a library, and where it is ready, by device. */\n"
	"struct library_call {\n"
	"\tconst char *text;\n"
	"\tstd::atomic<struct wpk_call *> ready[%d];\n"
	"};\n\n"
	"static cudaError_t library_make(const char *text, int device,\n"
	"\tstruct wpk_call **out)\n"
	"{\n"
	"\tstatic struct wpk_context *contexts[%d];\n"
	"\tstruct wpk_options options = {};\n\n"
	"\toptions.size = sizeof options;\n"
	"\toptions.device = device;\n"
	"\tif (!contexts[device] && wpk_context_create(&contexts[device],\n"
	"\t    &options, NULL) != WPK_OK)\n"
	"\t\treturn cudaErrorInitializationError;\n"
	"\tif (wpk_call_create(contexts[device], text, out, NULL) != WPK_OK)\n"
	"\t\treturn cudaErrorNotSupported;\n"
	"\treturn cudaSuccess;\n"
	"}\n\n"
	"static cudaError_t library_ready(struct library_call *call,\n"
	"\tstruct wpk_call **out)\n"
	"{\n"
	"\tstatic std::mutex making;\n"
	"\tint device;\n"
	"\tcudaError_t status = cudaGetDevice(&device);\n\n"
	"\tif (status != cudaSuccess)\n"
	"\t\treturn status;\n"
	"\tif (device >= %d)\n"
	"\t\treturn cudaErrorInvalidDevice;\n"
	"\t*out = call->ready[device].load(std::memory_order_acquire);\n"
	"\tif (*out)\n"
	"\t\treturn cudaSuccess;\n"
	"\tstd::lock_guard<std::mutex> alone(making);\n"
	"\t*out = call->ready[device].load(std::memory_order_relaxed);\n"
	"\tif (!*out)\n"
	"\t\tstatus = library_make(call->text, device, out);\n"
	"\tif (status == cudaSuccess)\n"
	"\t\tcall->ready[device].store(*out, std::memory_order_release);\n"
	"\treturn status;\n"
	"}\n\n"
	"static size_t library_workspace(struct library_call *call)\n"
	"{\n"
	"\tstruct wpk_call *ready;\n\n"
	"\treturn library_ready(call, &ready) == cudaSuccess ?\n"
	"\t\twpk_call_workspace(ready) : 0;\n"
	"}\n\n"
	"/* What the call takes lies behind \"own\" bytes of workspace. */\n"
	"static cudaError_t library_run(struct library_call *call,\n"
	"\tvoid *const *tensors, int n, const struct wpk_memory *m, size_t own,\n"
	"\tcudaStream_t stream)\n"
	"{\n"
	"\tstruct wpk_call *ready;\n"
	"\tcudaError_t status = library_ready(call, &ready);\n"
	"\tsize_t most = status == cudaSuccess ? wpk_call_workspace(ready) : 0;\n\n"
	"\tif (status != cudaSuccess)\n"
	"\t\treturn status;\n"
	"\tif (most && (!m->workspace || (size_t)m->workspace %% 256 ||\n"
	"\t    m->workspace_bytes < own + most))\n"
	"\t\treturn cudaErrorInvalidValue;\n"
	"\treturn wpk_call_run(ready, tensors, n, m, m->workspace ?\n"
	"\t\t(char *)m->workspace + own : NULL, stream, NULL) == WPK_OK ?\n"
	"\t\tcudaSuccess : cudaErrorUnknown;\n"
	"}\n\n";

void library_support(struct str *out)
{
	str_puts(out, without);
	str_printf(out, support, DEVICES, DEVICES, DEVICES);
	str_puts(out, "#endif\n\n");
}

/* ---- for each call ---- */

const char *library_name(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s)
{
	return arena_printf(a, "%s_%d", host_function(a, o, v, "call"),
		(int)(s - v->program->steps.v) + 1);
}

/* The text in lines, broken where JSON has a blank. */
static void put_text(const char *text, struct str *out)
{
	size_t n, at = 0;

	for (; *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (at && at + n > LINE)
			at = 0;
		str_puts(out, at ? " " : "\n");
		str_putn(out, text, n);
		at += n + 1;
	}
}

void library_calls(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, struct str *out)
{
	const struct program *p = v->program;

	for (int i = 0; i < p->steps.n; i++) {
		struct str text;

		if (p->steps.v[i].kind != P_LIBRARY)
			continue;
		str_init(&text, a);
		call_print(p, p->steps.v[i].call, &text);
		str_printf(out, "static struct library_call %s = { R\"(",
			library_name(a, o, v, &p->steps.v[i]));
		put_text(str_text(&text), out);
		str_puts(out, "\n)\" };\n\n");
	}
}

int64_t library_own(const struct program *p)
{
	enum { ALIGN = 256 };

	return (p->workspace + ALIGN - 1) / ALIGN * ALIGN;
}

/* What the most demanding of its calls takes, behind its own workspace. */
void library_needs(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, struct str *out)
{
	const struct program *p = v->program;

	emit_line(out, 0, arena_printf(a, "static size_t %s(void)",
		host_function(a, o, v, "launch_needs")));
	str_puts(out, "{\n\tsize_t most = 0, bytes;\n\n");
	for (int i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].kind == P_LIBRARY)
			str_printf(out, "\tbytes = library_workspace(&%s);\n"
				"\tmost = bytes > most ? bytes : most;\n",
				library_name(a, o, v, &p->steps.v[i]));
	str_printf(out, "\treturn %lld + most;\n}\n\n",
		(long long)library_own(p));
}
