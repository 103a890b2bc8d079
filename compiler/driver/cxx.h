/* SPDX-License-Identifier: MIT */
/* The machine's C++ compiler, over emitted text that the emulator is to run. */
#ifndef WPK_COMPILER_DRIVER_CXX_H
#define WPK_COMPILER_DRIVER_CXX_H

#include <stdbool.h>

#include "base/arena.h"
#include "driver/paths.h"
#include "schedule/target.h"

enum { CXX_ARGS = 64 };

/* NULL-ended, as long as what is pushed fits. */
struct cxx_command {
	const char *v[CXX_ARGS];
	int n;
};

void cxx_push(struct cxx_command *k, const char *arg);
/* A run of "compiler" (its words) whose own files go to "folder". */
void cxx_begin(struct arena *a, const char *compiler, const char *folder,
	struct cxx_command *k);
/* How text is told from another's: the language, and what a device that runs
 * "t"'s code, and is "gpu" (or NULL), defines. */
void cxx_push_text_flags(struct arena *a, const struct target *t,
	const struct gpu *gpu, struct cxx_command *k);
/* What emitted text is linked with beside the emulator: libraries of C alone, for
 * reading the names of libstdc++ takes a third of the time. No sanitizer is. */
void cxx_push_libraries(struct cxx_command *k);
/* The quicker linker, where there is one: a sixth of the time of a check. What it
 * makes differs from run to run, so it is for programs that nobody keeps. */
void cxx_push_linker(struct arena *a, struct cxx_command *k);
/* The compilers to try in turn, NULL-ended: one that is not there exits with
 * 127. $CXX, whatever it is, or known ones. */
const char *const *cxx_names(struct arena *a);
/* The first of them that is there: $CXX, or a known one on the PATH; or NULL. */
const char *cxx_some(struct arena *a);
/* A file of the emulator: in the folder $WPK_EMU_DIR, for those who keep it
 * elsewhere, or where it lies beside this program. NULL if it is not there. */
const char *cxx_emulator_file(struct arena *a, enum paths_what what);

/* Compile the CUDA C++ "text" to a module of the emulated driver (libwpkemu.so,
 * runtime/emu/driver), the file "out": a shared object whose table has the "n"
 * "kernels". "gpu" may be NULL; "seconds" bounds the compiler (0: 120). False
 * with "*why", and then "out" is as it was. */
bool emu_module(struct arena *a, const struct target *t, const struct gpu *gpu,
	const char *text, const char *const *kernels, int n, double seconds,
	const char *out, const char **why);

#endif
