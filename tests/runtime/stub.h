/* SPDX-License-Identifier: MIT */
/* What stub libraries share: calls are counted and fail on cue, objects are
 * counted and known by a word at their beginning, misuse is told, and work waits
 * for its stream where the driver is the emulator. One copy of this in each
 * library.
 *
 *	STUB_FAIL=cublasLtMatmul:2:13	its second call answers 13; 0: each
 *	STUB_WAITS=1			a run waits for its stream: no capture
 *					survives that
 *	STUB_US=0.5			a run takes so long, on the clock of the
 *					driver that WPK_LIBCUDA names: a stub, too */
#ifndef WPK_TESTS_RUNTIME_STUB_H
#define WPK_TESTS_RUNTIME_STUB_H

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The test reads these: objects, faults, runs; of the last run or list, how many
 * multiprocessors it is for, whether it adds fast, and its stream. */
int stub_alive, stub_misused, stub_runs, stub_sms, stub_fast;
void *stub_stream;

/* libwpk asks for it on the emulator. */
const char wpk_emu_library = 1;

static struct {
	const char *name;
	int n;
} stub_called[64];
static pthread_mutex_t stub_lock = PTHREAD_MUTEX_INITIALIZER;

/* Forgets how often what was called. */
void stub_reset(void);

void stub_reset(void)
{
	pthread_mutex_lock(&stub_lock);
	memset(stub_called, 0, sizeof stub_called);
	stub_runs = 0;
	pthread_mutex_unlock(&stub_lock);
}

static int stub_number(const char *name)
{
	int i = 0, n;

	pthread_mutex_lock(&stub_lock);
	while (stub_called[i].name && strcmp(stub_called[i].name, name))
		i++;
	stub_called[i].name = name;
	n = ++stub_called[i].n;
	pthread_mutex_unlock(&stub_lock);
	return n;
}

static int stub_call(const char *name)
{
	const char *fail = getenv("STUB_FAIL");
	int n = stub_number(name), which, status;
	char cue[64];

	if (fail && sscanf(fail, "%63[^:]:%d:%d", cue, &which, &status) == 3 &&
	    !strcmp(cue, name) && (!which || which == n))
		return status;
	return 0;
}

static inline void stub_ran(void)
{
	const char *us = getenv("STUB_US"), *path = getenv("WPK_LIBCUDA");
	void *driver = us && path ? dlopen(path, RTLD_NOLOAD | RTLD_LAZY) : NULL;
	void (*takes)(double) = NULL;

	__atomic_fetch_add(&stub_runs, 1, __ATOMIC_SEQ_CST);
	if (!driver)
		return;
	*(void **)&takes = dlsym(driver, "stub_takes");
	if (takes)
		takes(atof(us));
	dlclose(driver);
}

/* ---- work in streams ---- */

/* What was handed to a stream. Of a graph it runs "often", and then stays until
 * the library goes, as does what an error kept from running. */
struct stub_work {
	void (*run)(void *closure);
	void *closure;
	int often;
	struct stub_work *next;
};

static struct stub_work *stub_all_work;

static void stub_drop_work(struct stub_work *w)
{
	struct stub_work **at = &stub_all_work;

	pthread_mutex_lock(&stub_lock);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	pthread_mutex_unlock(&stub_lock);
	free(w->closure);
	free(w);
}

static __attribute__((destructor, used)) void stub_drop_all_work(void)
{
	while (stub_all_work)
		stub_drop_work(stub_all_work);
}

static void stub_turn(void *work)
{
	struct stub_work *w = work;

	w->run(w->closure);
	if (!w->often)
		stub_drop_work(w);
}

static int stub_is_emulator(struct dl_phdr_info *info, size_t size, void *path)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	if (slash && !strcmp(slash, "/libwpkemu.so"))
		*(const char **)path = info->dlpi_name;
	return *(const char **)path != NULL;
}

/* The emulator, if this process has it for a driver; for dlclose(). */
static void *stub_emulator(void)
{
	const char *path = NULL;

	dl_iterate_phdr(stub_is_emulator, &path);
	return path ? dlopen(path, RTLD_NOLOAD | RTLD_LAZY) : NULL;
}

static int stub_hand_over(void *driver, void *stream, struct stub_work *w)
{
	int (*launch)(void *, void (*)(void *), void *) = NULL;
	int (*capturing)(void *, int *) = NULL;

	int (*wait)(void *) = NULL;

	*(void **)&wait = dlsym(driver, "cuStreamSynchronize");
	if (getenv("STUB_WAITS") && wait)
		wait(stream);
	*(void **)&launch = dlsym(driver, "cuLaunchHostFunc");
	*(void **)&capturing = dlsym(driver, "cuStreamIsCapturing");
	return !launch || !capturing || capturing(stream, &w->often) ||
		launch(stream, stub_turn, w);
}

/* "run(closure)" as its turn comes in the stream, or at once under drivers that
 * do nothing of their own; the closure, malloc'ed, is freed here. Not 0: the
 * stream takes nothing. */
static inline int stub_queue(void *stream, void (*run)(void *closure),
	void *closure)
{
	struct stub_work *w = malloc(sizeof *w);
	void *driver = stub_emulator();
	int failed = 0;

	*w = (struct stub_work){ run, closure, 0, NULL };
	pthread_mutex_lock(&stub_lock);
	w->next = stub_all_work;
	stub_all_work = w;
	pthread_mutex_unlock(&stub_lock);
	if (driver) {
		failed = stub_hand_over(driver, stream, w);
		dlclose(driver);
	} else {
		stub_turn(w);
	}
	return failed;
}

/* ---- misuse, objects ---- */

static int stub_misuse(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static int stub_misuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("# stub: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	__atomic_fetch_add(&stub_misused, 1, __ATOMIC_SEQ_CST);
	return 1;
}

static inline void stub_born(void)
{
	__atomic_fetch_add(&stub_alive, 1, __ATOMIC_SEQ_CST);
}

static inline void stub_died(void)
{
	__atomic_fetch_sub(&stub_alive, 1, __ATOMIC_SEQ_CST);
}

static inline long stub_number_of(const char *variable, long otherwise)
{
	const char *v = getenv(variable);

	return v && *v ? strtol(v, NULL, 0) : otherwise;
}

#endif
