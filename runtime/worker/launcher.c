/* SPDX-License-Identifier: MIT */
/* A shared object with a launcher, behind the entry that emitted text is checked
 * by (compiler/driver/check_entry.c). Whatever it does to this process, a worker
 * is expendable. */
#include "runtime/worker/launcher.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct launcher {
	void *object, **stream;
	size_t (*workspace)(void);
	int (*entry)(void *const *tensors, void *workspace, size_t bytes);
};

static void *find(void *object, const char *name, const char **missing)
{
	void *p = dlsym(object, name);

	if (!p)
		*missing = name;
	return p;
}

const char *launcher_load(const char *file, struct launcher **out,
	size_t *workspace, char text[400])
{
	struct launcher *l = calloc(1, sizeof *l);
	const char *missing = NULL;

	*out = l;
	if (!l)
		return "no memory";
	l->object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!l->object) {
		snprintf(text, 400, "%.399s", dlerror());
		return text;
	}
	l->stream = find(l->object, "wpk_stream", &missing);
	*(void **)&l->workspace = find(l->object, "wpk_emu_workspace",
		&missing);
	*(void **)&l->entry = find(l->object, "wpk_emu_entry", &missing);
	if (missing) {
		snprintf(text, 400, "its object has no %s", missing);
		return text;
	}
	*workspace = l->workspace();
	return NULL;
}

void launcher_unload(struct launcher *l)
{
	if (l && l->object)
		dlclose(l->object);
	free(l);
}

int launcher_run(const struct launcher *l, void *const *tensors,
	void *workspace, size_t bytes, void *stream)
{
	*l->stream = stream;
	return l->entry(tensors, workspace, bytes);
}
