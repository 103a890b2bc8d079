/* SPDX-License-Identifier: MIT */
/* What a measuring worker asks of host code: a shared object that launches its
 * kernels itself, by the CUDA runtime that it was linked with, in the context
 * that is current. */
#ifndef WPK_RUNTIME_WORKER_LAUNCHER_H
#define WPK_RUNTIME_WORKER_LAUNCHER_H

#include <stddef.h>

struct launcher;

/* The object's launcher, with the bytes of workspace that it asks for; or a
 * sentence, which lies in "text". */
const char *launcher_load(const char *file, struct launcher **out,
	size_t *workspace, char text[400]);
void launcher_unload(struct launcher *l);
/* Queues its work on "stream"; tensors in the problem's order. The runtime's
 * status, whose numbers are the driver's. */
int launcher_run(const struct launcher *l, void *const *tensors,
	void *workspace, size_t bytes, void *stream);

#endif
