/* SPDX-License-Identifier: MIT */
/* Where the files are that wpkc brings with it. */
#ifndef WPK_COMPILER_DRIVER_PATHS_H
#define WPK_COMPILER_DRIVER_PATHS_H

#include "base/arena.h"

enum paths_what {
	PATHS_STDLIB,		/* the folder that holds std/ */
	PATHS_EMU_HEADER,	/* wpk_emu.h */
	PATHS_EMU_LIBRARY,	/* libwpkemu.a */
	PATHS_EMU_DRIVER,	/* libwpkemu.so */
	PATHS_WORKER,		/* wpkworker */
	PATHS_WPKC,		/* wpkc, for programs beside it */
	PATHS_WPKDB,		/* wpkdb, likewise */
	PATHS_GPU_MAIN,		/* main.cu: runs a checked kernel on a GPU */
	PATHS_DB,		/* tuning.db: the database that is shipped */
};

/* The path of "what", or NULL if it is nowhere that this program looks. */
const char *paths_find(struct arena *a, enum paths_what what);

/* wpkworker: what $WPK_WORKER names, or that beside this program; or NULL. */
const char *paths_worker(struct arena *a);

/* "path" if that may be run, else NULL. */
const char *paths_executable(const char *path);
/* Program "name" where $PATH has it first, or NULL. */
const char *paths_program(struct arena *a, const char *name);

#endif
