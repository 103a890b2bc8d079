/* SPDX-License-Identifier: MIT */
/* Between library.c and what knows one library each: cublaslt*.c, cudnn*.c.
 *
 * A class is a library: how it is found, and what can be done with its calls. A
 * call of a class begins with struct library_call. */
#ifndef WPK_RUNTIME_LIB_CALL_H
#define WPK_RUNTIME_LIB_CALL_H

#include <pthread.h>

#include "runtime/lib/cublaslt_api.h"
#include "runtime/lib/cudnn_legacy_api.h"
#include "runtime/lib/field.h"
#include "runtime/lib/lib.h"
#include "runtime/lib/library.h"

enum { CALL_PLACES = 32 };

/* "lock" is held while it is opened, and by cuDNN whenever the handle is used.
 * "tried": the rest will not change; "why" it is of no use, or "". "file" is
 * dlopen's, "handle" the library's own; cuDNN's queues on "stream", once it is
 * "streamed". "warned": of another version. */
struct library {
	pthread_mutex_t lock;
	bool tried, warned, streamed;
	void *file, *handle, *stream;
	int version;
	char why[400];
	union {
		struct cublaslt_calls cublaslt;
		struct {
			struct cudnn_calls cudnn;
			struct cudnn_legacy_calls cudnn_legacy;
		};
	} calls;
};

/* "algorithm": the place of what is asked for; "named": its name instead, or "".
 * "n": algorithms known, "complete": there are no more; "chosen": one is, which
 * "text" tells and which takes "workspace" bytes. */
struct library_call {
	struct wpk_context *context;
	struct library *library;
	const struct library_class *class;
	struct place places[CALL_PLACES];
	int n_places, algorithm, n;
	char named[40];
	bool complete, chosen;
	json_t *pinned;
	size_t workspace;
	char text[300];
};

/* "title": "cuDNN"; "environment" names another file than the usual "files";
 * "least": the oldest version that serves. "size" is that of a call.
 * "load": the symbol that the library lacks, or NULL. "start" fills "version",
 * and where that is not too old, "finish" makes the handle or says why not.
 * "read" checks the JSON, needing no library; "describe" tells the library.
 * "destroy" takes calls that are read or described in part. "list" finds
 * algorithms until there are "most". "choose", "take", which wants pinned
 * JSON, and "take_named" (NULL: none has a name) build one, in "seconds" at most
 * (0: at any cost). */
struct library_class {
	const char *name, *title, *environment, *files[4];
	int least;
	size_t size;
	const char *(*load)(struct library *l);
	int (*version)(struct library *l);
	const char *(*start)(struct library *l);
	void (*stop)(struct library *l);
	enum wpk_status (*read)(struct library_call *call, const json_t *j,
		struct wpk_error *e);
	enum wpk_status (*describe)(struct library_call *call,
		struct wpk_error *e);
	void (*destroy)(struct library_call *call);
	enum wpk_status (*list)(struct library_call *call, int most,
		struct wpk_error *e);
	enum wpk_status (*choose)(struct library_call *call, int n,
		double seconds, struct wpk_error *e);
	enum wpk_status (*take)(struct library_call *call, const json_t *pinned,
		struct wpk_error *e);
	enum wpk_status (*take_named)(struct library_call *call,
		const char *name, struct wpk_error *e);
	json_t *(*pin)(const struct library_call *call);
	enum wpk_status (*run)(const struct library_call *call,
		void *const *addresses, void *workspace, wpk_stream stream,
		struct wpk_error *e);
};

extern const struct library_class cublaslt_class, cudnn_class;

/* ---- call_read.c: what the JSON of all calls has ---- */

/* "bytes", and what the libraries call it, or -1. */
struct call_type {
	const char *name;
	int bytes, cublas, cudnn;
};

/* NULL where reading failed. */
const struct call_type *call_type_read(struct reading *r, const json_t *o);
/* "align", a power of two up to 256; missing: 16. */
unsigned call_align_read(struct reading *r, const json_t *o);
/* The place o.place, into the call's; its number. */
int call_place_read(struct reading *r, struct library_call *call, const json_t *o,
	bool written, unsigned align, size_t bytes);

/* Sets "*v" to a * b + c, or gives false. */
bool call_sum(int64_t a, int64_t b, int64_t c, int64_t *v);

/* ---- library.c ---- */

/* What is left of the device: 0, or where the context has a share of it, so
 * many multiprocessors. */
int call_sms(const struct wpk_context *c);

#endif
