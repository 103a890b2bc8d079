/* SPDX-License-Identifier: MIT */
/* What the files of the emulated driver share. Every entry takes the one lock
 * on its way in and gives it back on its way out, so that threads may call at
 * once; a kernel runs within. */
#ifndef WPK_RUNTIME_EMU_DRIVER_DRIVER_H
#define WPK_RUNTIME_EMU_DRIVER_DRIVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/emu/driver/api.h"
#include "runtime/emu/emu.h"
#include "runtime/emu/wpk_emu_table.h"

/* ---- object.c: handles ---- */

/* Handles are pointers to what begins with this. */
enum object_kind {
	OBJECT_STREAM, OBJECT_EVENT, OBJECT_MODULE, OBJECT_FUNCTION,
	OBJECT_GRAPH, OBJECT_EXEC, OBJECT_KINDS
};

struct object {
	struct object *next;
};

/* Zeroed, of "bytes", and known from here on; NULL: no memory. */
void *object_create(enum object_kind kind, size_t bytes);
void object_destroy(enum object_kind kind, void *object);
/* Is "handle" one that was created and is not destroyed? */
bool object_known(enum object_kind kind, const void *handle);
struct object *object_first(enum object_kind kind);

/* ---- memory.c ---- */

/* What of its pages is not its own is RED. "host": page-locked memory, which the
 * device reaches too. */
struct piece {
	struct region at;
	bool host;
	struct piece *next;
};

/* The piece that has "n" bytes at "p", or NULL; one's end has 0 bytes. */
const struct piece *memory_find(const void *p, size_t n);
/* Has something been written outside of what was allocated? Then the context is
 * lost. */
CUresult memory_check(void);
void memory_free_all(void);

/* ---- work.c: what streams and graphs hold ---- */

enum work_kind {
	WORK_KERNEL, WORK_COPY, WORK_FILL, WORK_HOST, WORK_RECORD, WORK_WAIT,
	WORK_GRAPH
};

enum { TO_DEVICE = 1, FROM_DEVICE = 2 };

/* A launch has "arguments" that are its own; a copy may have "staged" what it
 * reads, and "sides" of it are memory of the device's. "host" is called with
 * "closure", which stays the caller's. A wait is for what "stream" had until
 * "until". */
struct work {
	enum work_kind kind;
	CUfunction function;
	struct launch launch;
	void **arguments;
	char *to;
	const char *from;
	void *staged;
	size_t n;
	int byte;
	unsigned sides;
	CUhostFn host;
	void *closure;
	CUevent event;
	CUstream stream;
	uint64_t until;
	struct graph *graph;
};

/* What it finds wrong as it runs, which may be a fault. */
CUresult work_run(const struct work *w, uint64_t number);
void work_drop(struct work *w);

/* ---- stream.c ---- */

enum { TRACKS = 16 };

/* How far a captured stream or event is behind each stream of its capture. */
struct position {
	uint64_t capture;	/* 0: none */
	int track;
	unsigned done[TRACKS];
};

struct queued {
	struct work work;
	uint64_t number;
	struct queued *next;
};

/* A "blocking" stream and the default one wait for one another. */
struct CUstream_st {
	struct object object;
	bool blocking;
	struct queued *first, *last;
	struct position at;
};

/* The stream of that handle, or NULL. */
CUstream stream_of(CUstream handle);
/* Hand work to a stream, or to its capture. */
CUresult stream_add(CUstream s, struct work *w);
/* Run what "s" has up to the work of that number, and what that waits for. */
CUresult stream_run(CUstream s, uint64_t number);
/* All that the streams have. */
CUresult stream_run_all(void);
/* Of no stream the work is done. */
void stream_drop_all(void);

/* ---- event.c ---- */

/* Recorded as work number "number" of "stream"; "reached" at the time "when". */
struct CUevent_st {
	struct object object;
	bool timed, recorded, reached;
	CUstream stream;
	uint64_t number;
	double when;
	struct position at;
};

void event_reach(CUevent e, uint64_t number);

/* ---- graph.c: captures and what they become ---- */

/* A list of work that may run often; freed when nothing refers to it. */
struct graph {
	int references;
	struct work *v;
	int n, room;
};

CUresult graph_run(const struct graph *g);
void graph_release(struct graph *g);
void graph_drop_all(void);

/* ---- capture.c ---- */

struct capture {
	uint64_t number;
	CUstream origin;
	CUstreamCaptureMode mode;
	pthread_t thread;
	bool broken;
	int tracks;
	struct graph *graph;
	struct capture *next;
};

/* That which the stream or event is in, or NULL. */
struct capture *capture_of(const struct position *at);
CUresult capture_begin(CUstream s, CUstreamCaptureMode mode);
CUresult capture_end(CUstream s, struct graph **out);
/* The stream is destroyed: its capture is over, or that of others is spoilt. */
void capture_forget(CUstream s);
CUresult capture_add(CUstream s, struct work *w);
/* An event of a capture, which "s" is in or joins. */
CUresult capture_wait(CUstream s, CUevent e);
/* Spoils it; the code. */
CUresult capture_break(struct capture *c, CUresult code);
/* What no capture allows while it lasts, unless it is a relaxed one or (of
 * "thread local" mode) another thread's. */
CUresult capture_forbids(void);
/* Any of them, as nothing may wait for the whole device. */
CUresult capture_forbids_waiting(void);
/* Work for the default stream would wait for a captured one. */
CUresult capture_forbids_default(void);
void capture_drop_all(void);

/* ---- module.c ---- */

struct CUfunc_st {
	struct object object;
	CUmodule module;
	const struct wpk_emu_kernel *kernel;
	int shared_allowed;
	bool any_cluster;
};

void module_unload_all(void);

/* ---- image.c ---- */

/* The bytes of the module in the file at "path", or in memory at "image", in a
 * buffer to be freed. */
CUresult image_read_file(const char *path, void **bytes, size_t *n);
CUresult image_copy(const void *image, void **bytes, size_t *n);

/* ---- launch.c ---- */

/* What H200 allows. */
enum {
	SHARED_DEFAULT_BYTES = 48 << 10, SHARED_MOST = 227 << 10,
	SHARED_PER_SM = 228 << 10, SHARED_RESERVED = 1 << 10,
	THREADS_PER_SM = 2048, BLOCKS_PER_SM = 32, DEVICE_SMS = 132,
	CLUSTER_PORTABLE = 8, CLUSTER_MOST = 16
};

/* Do all arguments that are pointers point into memory of the device? */
CUresult launch_check(const struct work *w);

/* ---- guard.c ---- */

/* Runs "f(arg)", in which a fault, or a signal that would end the process, is the
 * code that comes back, told of in "sentence". */
enum { SENTENCE = 700 };
CUresult guard_run(void (*f)(void *), void *arg, char sentence[SENTENCE]);
/* Copies, unless one of them is not memory: false. */
bool guard_copy(void *to, const void *from, size_t n);
/* The same of what may well end earlier. */
bool guard_read(void *to, const void *from, size_t n);

/* ---- state.c ---- */

/* "lost" is the fault after which the context is of no use. */
struct driver {
	pthread_mutex_t lock;
	bool initialised;
	CUcontext context;
	int retained;
	CUresult lost;
	char sentence[SENTENCE];
	uint64_t number;	/* of the last work that was handed in */
	int waiting;		/* how much of it is still to do */
	size_t memory;		/* what the device has, in bytes */
	size_t used;
	struct CUstream_st default_stream, thread_stream;
};

extern struct driver driver;

/* Takes the lock. Why the call cannot be: not initialised, no context that is
 * current, a fault before. */
CUresult driver_enter(void);
/* The same for what needs no context. */
CUresult driver_enter_plain(void);
/* Gives it back; the code. */
CUresult driver_leave(CUresult code);
/* Calls "f(closure)", which may call nothing of this interface: that is not
 * permitted, as CUDA has it. */
void driver_call_host(CUhostFn f, void *closure);
/* The code, which is a fault: from here on all calls return it. */
CUresult driver_lose(CUresult code, const char *sentence);
CUcontext driver_current(void);
void driver_set_current(CUcontext context);
CUresult driver_retain(CUcontext *out);
CUresult driver_release(bool all);

/* What the last fault was, in a sentence; "" if there was none. It stays until
 * the next. */
const char *wpk_emu_fault(void);

#endif
