/* SPDX-License-Identifier: MIT */
/* Any bytes as a plan: a plan, or a status and a sentence; and its operators run,
 * on a driver that does nothing, or say why not. $WPK_LIBCUDA names the driver. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "runtime/wpk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 64 };

static void quiet(void *data, const char *text)
{
	(void)data;
	assert(*text);
}

static struct wpk_context *context(void)
{
	static struct wpk_context *c;
	struct wpk_options o = { .size = sizeof o, .warn = quiet, .cudnn = "",
		.cublaslt = "" };
	struct wpk_error e;

	if (!c)
		wpk_context_create(&c, &o, &e);
	assert(c);
	return c;
}

static void run(const struct wpk_operator *op)
{
	static int64_t shapes[MOST][WPK_RANK];
	static DLTensor tensors[MOST];
	const DLTensor *all[MOST];
	const struct wpk_memory m = { (void *)0x10000, 1 << 20,
		(void *)0x200000, 1 << 20 };
	int n = wpk_operator_tensors(op);
	struct wpk_error e = { .status = WPK_OK };

	assert(n <= MOST);
	for (int i = 0; i < n; i++) {
		struct wpk_tensor t = { .size = sizeof t };

		assert(!wpk_operator_tensor(op, i, &t, &e));
		for (int d = 0; d < t.ndim; d++)
			shapes[i][d] = t.dims[d] < 0 ? 8 : t.dims[d];
		tensors[i] = (DLTensor){ (void *)((uintptr_t)(i + 1) << 40),
			{ kDLCUDA, 0 }, t.ndim, t.dtype, shapes[i], NULL, 0 };
		all[i] = &tensors[i];
	}
	if (wpk_plan_run(op, all, n, &m, NULL, &e))
		assert(e.status && *e.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wpk_context *c = context();
	struct wpk_plan *p;
	struct wpk_error e;

	if (wpk_plan_read(c, (const char *)data, size, "/etc", NULL, &p, &e)) {
		assert(e.status && *e.text && !p);
		return 0;
	}
	for (int i = 0; i < wpk_plan_operators(p); i++)
		run(wpk_plan_operator(p, i));
	wpk_plan_destroy(p);
	return 0;
}
