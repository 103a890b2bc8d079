/* SPDX-License-Identifier: MIT */
/* Modules: compiled code beside the plan, cubins for one kind of device, PTX for
 * all that are newer, or what the emulator runs. Loaded when a kernel of them is
 * looked up for the first time. */
#include "runtime/lib/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- targets ---- */

/* "sm_90a", "compute_80", "emu_90": 90, "*special" where a letter says that no
 * other device runs it; 0: none of these. */
static int version_of(const char *arch, bool *special)
{
	const char *digits = !strncmp(arch, "sm_", 3) ? arch + 3 :
		!strncmp(arch, "compute_", 8) ? arch + 8 :
		!strncmp(arch, "emu_", 4) ? arch + 4 : "";
	char *end = NULL;
	long n = *digits ? strtol(digits, &end, 10) : 0;

	*special = end && *end;
	return n > 0 && n < 1000 ? (int)n : 0;
}

bool target_serves(const struct wpk_context *c, const char *target, int *rank)
{
	int device = c->major * 10 + c->minor, version;
	bool special;

	version = version_of(target, &special);
	*rank = 2 * (1000 - version) - special;
	if (c->emulated)
		return version > 0;
	return special ? version == device : version && version <= device;
}

/* Code for a device runs on later ones of the same generation, PTX on all. */
static bool module_fits(const struct wpk_context *c, const struct module *m,
	const char *target)
{
	int device = c->major * 10 + c->minor, version;
	bool special;

	version = version_of(m->arch, &special);
	if (!version || !strchr(target, '_') || strcmp(strchr(m->arch, '_'),
	    strchr(target, '_')))
		return false;
	if (c->emulated || m->arch[0] == 'e')
		return c->emulated && m->arch[0] == 'e';
	if (special)
		return version == device;
	return m->arch[0] == 'c' ? version <= device : version <= device &&
		version / 10 == device / 10;
}

/* ---- reading ---- */

bool modules_read(struct reading *r, struct wpk_plan *p, const json_t *json)
{
	const json_t *all;

	if (!p->folder || !json_object_get(json, "modules"))
		return true;
	all = field_array(r, json, "modules", 1000, &p->n_modules);
	p->modules = pool_take(&p->pool, (size_t)p->n_modules,
		sizeof *p->modules);
	if (!all || !p->modules) {
		p->n_modules = 0;
		return all ? field_no_memory(r) : false;
	}
	for (int i = 0; i < p->n_modules; i++) {
		const json_t *v = json_array_get(all, (size_t)i);
		size_t was = field_enter(r, "modules", i);

		p->modules[i].file = field_text(r, v, "file");
		p->modules[i].arch = field_text(r, v, "arch");
		if (r->status)
			return false;
		if (strchr(p->modules[i].file, '/'))
			return field_fails(r, "\"file\" names a "
				"folder: modules lie beside the plan");
		field_leave(r, was);
	}
	return true;
}

/* ---- loading ---- */

/* A folder opens and has a size, but nothing is read of it. */
char *file_read(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	long size = -1;
	int wrong;

	if (!f)
		return NULL;
	errno = 0;
	if ((getc(f) != EOF || !ferror(f)) && !fseek(f, 0, SEEK_END))
		size = ftell(f);
	if (size >= 0 && !fseek(f, 0, SEEK_SET))
		text = malloc((size_t)size + 1);
	if (text && fread(text, 1, (size_t)size, f) != (size_t)size) {
		free(text);
		text = NULL;
	}
	wrong = errno ? errno : EIO;
	fclose(f);
	errno = wrong;
	if (text)
		text[size] = 0;
	*n = (size_t)size;
	return text;
}

/* A newer toolkit wrote it, or it is PTX and the driver has no compiler. Other
 * variants may serve. */
static bool is_too_new(int status)
{
	return status == WPK_CU_NO_BINARY || status == WPK_CU_UNSUPPORTED_PTX ||
		status == WPK_CU_NO_JIT;
}

/* Loaded, or refused by the driver as too new; else false. */
static bool load(struct reading *r, struct wpk_plan *p, struct module *m)
{
	const struct wpk_context *c = p->context;
	char path[4096], scratch[40], *text;
	size_t n = 0;
	int status;

	if (snprintf(path, sizeof path, "%s/%s", p->folder, m->file) >=
	    (int)sizeof path)
		return field_fails_as(r, WPK_E_MODULE, "the module's path is too "
			"long");
	text = file_read(path, &n);
	if (!text)
		return field_fails_as(r, WPK_E_MODULE, "the module %s cannot be "
			"read: %s", path, strerror(errno));
	status = n ? c->cuda.load_data(&m->handle, text) : WPK_CU_INVALID_VALUE;
	free(text);
	if (!status)
		return true;
	m->handle = NULL;
	if (is_too_new(status)) {
		m->refused = true;
		context_warn(c, "the module %s is passed over: the driver, of "
			"CUDA %d.%d, is too old for it (%s)", m->file,
			c->version / 1000, c->version % 1000 / 10,
			cuda_error_name(&c->cuda, status, scratch));
		return true;
	}
	return field_fails_as(r, WPK_E_MODULE, "the module %s does not load: %s",
		path, cuda_error_name(&c->cuda, status, scratch));
}

/* A cubin before PTX, which the driver would have to compile. NULL: none. */
static struct module *module_for(struct wpk_plan *p, const char *target)
{
	struct module *found = NULL;

	for (int i = 0; i < p->n_modules; i++) {
		struct module *m = &p->modules[i];

		if (module_fits(p->context, m, target) && !m->refused &&
		    (!found || found->arch[0] == 'c'))
			found = m;
	}
	return found;
}

bool module_function(struct reading *r, struct wpk_plan *p,
	const char *target, const char *kernel, wpk_cu *out)
{
	struct module *m;
	char scratch[40];
	int status;

	*out = NULL;
	if (!p->n_modules)
		return field_fails_as(r, WPK_E_MODULE, "the plan names no "
			"modules for its kernels, or they have no folder, and "
			"none are compiled in");
	while ((m = module_for(p, target)) && !m->handle)
		if (!load(r, p, m))
			return false;
	if (!m)
		return true;
	status = p->context->cuda.function(out, m->handle, kernel);
	return !status || field_fails_as(r, WPK_E_MODULE, "the module %s has no "
		"kernel %.100s: %s", m->file, kernel, cuda_error_name(
		&p->context->cuda, status, scratch));
}

void modules_unload(struct wpk_plan *p)
{
	for (int i = 0; i < p->n_modules; i++)
		if (p->modules[i].handle)
			p->context->cuda.unload(p->modules[i].handle);
}
