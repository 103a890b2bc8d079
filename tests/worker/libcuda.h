/* SPDX-License-Identifier: MIT */
/* The driver for tests, between its files. */
#ifndef WPK_TESTS_WORKER_LIBCUDA_H
#define WPK_TESTS_WORKER_LIBCUDA_H

/* A line of $STUB_LOG; 0, or what the call returns on cue. */
int stub_call(const char *name, const char *detail);

#define CALL(name) \
	do { \
		int status = stub_call(name, ""); \
		if (status) \
			return status; \
	} while (0)

/* A library's work of so many microseconds, which graphs have too. */
void stub_takes(double us);

#endif
