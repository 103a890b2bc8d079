/* SPDX-License-Identifier: MIT */
/* Between the files of libwpk. Nothing here is mutable and global: what is known
 * hangs off a context or a plan. What a plan is made of is allocated from its
 * pool and goes with it. */
#ifndef WPK_RUNTIME_LIB_LIB_H
#define WPK_RUNTIME_LIB_LIB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/lib/driver.h"
#include "runtime/wpk.h"

/* ---- error.c ---- */

/* Says it in "e", which may be NULL, and gives "status" back. */
enum wpk_status fail(struct wpk_error *e, enum wpk_status status,
	const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "WHAT: CUDA_ERROR_..." */
enum wpk_status fail_cuda(const struct wpk_context *c, struct wpk_error *e,
	int code, const char *what);
enum wpk_status succeed(struct wpk_error *e);

/* ---- pool.c ---- */

/* Pieces that are freed together. All zeros is an empty one. */
struct pool {
	struct pool_piece *last;
};

/* Zeroed; NULL without memory. */
void *pool_take(struct pool *p, size_t n, size_t size);
char *pool_text(struct pool *p, const char *s);
void pool_free(struct pool *p);

/* ---- context.c ---- */

enum library_kind { LIBRARY_CUBLASLT, LIBRARY_CUDNN, N_LIBRARIES };

struct library;

/* "emulated": the driver is the emulator's, which serves every target.
 * "libraries" are opened on first use, under "lock". */
struct wpk_context {
	void *driver_library;
	struct cuda_calls cuda;
	int device, share, sms, major, minor, version;
	bool emulated;
	char name[128], arch[16];
	wpk_cu primary;
	void (*warn)(void *data, const char *text);
	void *data;
	size_t library_workspace;
	char *files[N_LIBRARIES];	/* NULL: the usual ones */
	struct library *libraries;	/* N_LIBRARIES of them: library.c */
};

void context_warn(const struct wpk_context *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Makes the device's primary context current in this thread; gives what was, for
 * context_leave(). */
wpk_cu context_enter(const struct wpk_context *c);
void context_leave(const struct wpk_context *c, wpk_cu before);
bool context_is_current(const struct wpk_context *c);

#endif
