#!/bin/sh
# SPDX-License-Identifier: MIT
# libwpkemu.so from outside (tests/unit/emu_driver_test.c has the rest): that it is
# what it says to be, that programs lose no memory to it, what it says of a fault,
# and that wpkworker measures on it as on any driver.
. "${top_srcdir:-.}/tests/lib.sh"

driver=$top_builddir/libwpkemu.so
cd "$scratch" || exit 1

# ---- its interface ----

cat >abi.c <<'END2'
#include <cuda.h>
#include "runtime/emu/driver/api.h"
#define X(name, code, text) _Static_assert(name == code, #name);
CUDA_ERRORS(X)
END2
# as_toolkit FILE: is what it declares what the toolkit declares?
as_toolkit() {
	# shellcheck disable=SC2086 # CC may be several words
	$CC -std=gnu11 -fsyntax-only -I"$top_srcdir" -I"$cuda/include" "$1"
}
cuda=$(dirname "$(dirname "$NVCC")")
if [ -n "$NVCC" ] && [ -f "$cuda/include/cuda.h" ]; then
	check "declarations are those of the toolkit" as_toolkit abi.c
	echo 'CUresult cuInit(int flags);' >>abi.c
	as_toolkit abi.c 2>/dev/null
	check "... and others are seen" test $? != 0
else
	skip "declarations are those of the toolkit" "no toolkit"
fi
sed -n 's/^CUresult \(cu[A-Za-z0-9_]*\)(.*/\1/p' \
	"$top_srcdir/runtime/emu/driver/api.h" | sort >declared
"$OBJDUMP" -T "$driver" | awk '$2 ~ /g/ && $4 != "*UND*" { print $NF }' |
	sort >shown
grep '^cu[A-Z]' shown | comm -3 declared - >found
empty "it has what it declares, and no more" found
grep -vEx -e 'cu(da)?[A-Z].*' -e 'wpk_emu_.*' -e '(thread|block)Idx' \
	-e '(block|grid)Dim' -e shared_memory -e WPKEMU_1 shown >found
empty "nothing else shows" found
"$OBJDUMP" -p "$driver" | grep -E 'TEXTREL|STACK.*x$' >found
empty "no text that is written, no stack that runs" found

if [ -n "$INSTRUMENT" ] || ! "$CXX" --version >/dev/null 2>&1; then
	skip "programs on it" "instrumented, or no C++ compiler"
	finish
	exit
fi

# ---- a program ----

cat >kernels.cu <<'END2'
extern "C" __global__ void poke(float *p, int at)
{
	p[at] = 1;
}
END2
cat >program.c <<'END2'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#define CALL(name, ...) do { \
	int code = ((int (*)())dlsym(driver, #name))(__VA_ARGS__); \
	if (code) \
		printf(#name " %d\n", code); \
} while (0)
int main(int argc, char **argv)
{
	void *driver = dlopen(argv[1], RTLD_NOW), *context, *module, *poke;
	unsigned long long p = 0;
	size_t bytes = strtoul(argv[3], NULL, 10);
	int at = atoi(argv[4]);
	void *arguments[] = { &p, &at };
	(void)argc;
	CALL(cuInit, 0);
	CALL(cuDevicePrimaryCtxRetain, &context, 0);
	CALL(cuCtxSetCurrent, context);
	CALL(cuModuleLoad, &module, argv[2]);
	CALL(cuModuleGetFunction, &poke, module, "poke");
	CALL(cuMemAlloc_v2, &p, bytes);
	CALL(cuLaunchKernel, poke, 1, 1, 1, 1, 1, 1, 0, NULL, arguments, NULL);
	CALL(cuCtxSynchronize);
	CALL(cuDevicePrimaryCtxRelease_v2, 0);
	return dlclose(driver);
}
END2
tool=$top_builddir/tests/unit/module_tool
WPK_EMU_DIR=$top_builddir
export WPK_EMU_DIR
check "a module is made" "$tool" kernels.cu kernels.so
# shellcheck disable=SC2086 # CC may be several words
check "a program that opens it" $CC -w -o program program.c -ldl

# says NAME TEXT BYTES AT: what the program says when it allocates so much and
# writes there, on both outputs.
says() {
	./program "$driver" ./kernels.so "$3" "$4" >said 2>&1
	check "$1" sh -c 'printf "$1" | cmp - said >&2' sh "$2"
}
says "all is well" '' 400 99
says "a fault tells of itself" 'emulated CUDA: address fault in block (0, 0, 0), '\
'thread 0: an address that is not mapped\ncuCtxSynchronize 700\n' 400 9000
WPK_EMU_QUIET=1
export WPK_EMU_QUIET
says "... or is quiet" 'cuCtxSynchronize 700\n' 400 9000
WPK_EMU_MEMORY=1000
export WPK_EMU_MEMORY
says "memory is limited" '' 1000 0
says "... to what it was told" 'cuMemAlloc_v2 2\ncuCtxSynchronize 700\n' 1001 0
unset WPK_EMU_QUIET WPK_EMU_MEMORY

# leaks NAME COMMAND...: whatever it does wrong on purpose, it loses no memory.
leaks() {
	name=$1
	shift
	valgrind --leak-check=full --errors-for-leak-kinds=definite \
		--show-leak-kinds=definite "$@" >said 2>&1
	sed -n '/definitely lost in loss record/,/^==[0-9]*== $/p' said >found
	grep -q 'ERROR SUMMARY' said || cat said >>found
	empty "no leak: $name" found
}
if command -v valgrind >/dev/null 2>&1; then
	leaks "a program" ./program "$driver" ./kernels.so 400 99
	leaks "a fault" ./program "$driver" ./kernels.so 400 9000
	for test in driver module stream; do
		test=$top_builddir/tests/unit/emu_${test}_test
		[ ! -x "$test" ] || leaks "$(basename "$test")" "$test"
	done
	valgrind -q --error-exitcode=3 ./program "$driver" ./kernels.so 400 99 \
		>said 2>&1
	check "nothing wrong in what is right" test $? = 0
else
	skip "no leak" "no valgrind"
fi

# ---- the worker ----

cat >nvcc <<END2
#!/bin/sh
for source in "\$@"; do :; done
while [ "\$1" != -o ]; do shift; done
exec "$tool" "\$source" "\$2"
END2
chmod +x nvcc
cat >mm.wpk <<'END2'
export op split[M = 20, N = 24, K = 64](A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    C[i, j] = sum[k](A[i, k] * B[j, k]);
}
export op maps[M = 70, N = 80, K = 128](A: f16[M, K], B: f16[N, K]) -> (C: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](f32(A[i, k]) * f32(B[j, k]));
    C[i, j] = f16(acc[i, j]);
}
END2

# measures NAME OPTIONS...: each candidate gives what it should.
measures() {
	name=$1
	shift
	rm -f "$WPK_DB"* list
	WPK_LIBCUDA=$driver WPK_NVRTC=$scratch/none NVCC=$scratch/nvcc \
		timeout 300 "$wpkc" mm.wpk "$@" --tune=random --measure=gpu -j 2 \
		--no-lock --no-verify --candidates=list -o mm.cu >said 2>&1
	cut -f 4 list | grep -vEx 'measured|slow' >wrong
	[ -s list ] || echo "nothing was measured" >>wrong
	[ ! -s wrong ] || cat said >>wrong
	empty "a worker measures $name" wrong
}
measures "kernels with a workspace" --op=split --set sketch=fma,split_k.C=4 \
	--trials=2
check "... on that device" grep -q 'measuring on emulator (sm_90' said
measures "clusters of wgmma with tensor maps" --op=maps \
	--set sketch=wgmma,pipeline.k.async=bulk --trials=2
finish
