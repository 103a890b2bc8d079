#!/bin/sh
# SPDX-License-Identifier: MIT
# Plans: what wpkc --plan writes, all or nothing, and libwpk as it is linked by
# programs: its header in C and C++, its symbols, kernels that are compiled in.
. "${top_srcdir:-.}/tests/lib.sh"

top_srcdir=$(cd "$top_srcdir" && pwd)
top_builddir=$(cd "$top_builddir" && pwd)
wpkc=$top_builddir/wpkc
mkdir -p "$scratch/work"
cd "$scratch/work" || exit 1
cat >ops.wpk <<'END'
export op scale(x: f32[N]) -> (y: f32[N])
{
    y[i] = 2 * x[i];
}
export op lin(x: f32[64, 64], w: f32[64, 64]) -> (y: f32[64, 64])
{
    y[i, j] = sum[k](x[i, k] * w[j, k]);
}
schedule s for lin { const(w); }
END

# ---- what is written ----

if "$CXX" --version >/dev/null 2>&1; then
	check "a plan for the emulator" "$wpkc" ops.wpk --no-lock -o ops.cu \
		--target=sm_80,sm_90a --plan=out.plan --modules=emu -MD
	ls >../found
	printf '%s\n' ops.cu ops.d ops.wpk out.plan out.sm_80.emu \
		out.sm_90a.emu >../want
	check "its modules lie beside it" diff ../want ../found
	check "the depfile has it" grep -q '^ops.cu out.plan:' ops.d
	cksum ./* >../before
	"$wpkc" ops.wpk --no-lock -o ops.cu --target=sm_80,sm_90a \
		--plan=out.plan --modules=emu -MD
	cksum ./* >../after
	check "the same bytes again" diff ../before ../after
else
	skip "a plan for the emulator" "no C++ compiler"
fi
rm -f out.* ops.cu ops.d

ends 1 "no compiler, no file" \
	"modules are compiled by NVRTC or nvcc, and neither was found" \
	env WPK_NVRTC=/none NVCC=none CUDA_HOME=/none \
	WPK_WORKER="$top_builddir/wpkworker" "$wpkc" ops.wpk --no-lock \
	--plan=out.plan -o ops.cu
ends 1 "the plan is not the CUDA" "two outputs go to 'ops.cu'" \
	"$wpkc" ops.wpk --no-lock --plan=ops.cu -o ops.cu
ends 1 "nor the source" "'ops.wpk' would be overwritten" \
	"$wpkc" ops.wpk --no-lock --plan=ops.wpk
ends 1 "a folder that there is not" "cannot write 'no/out.plan'" \
	"$wpkc" ops.wpk --no-lock --plan=no/out.plan
ends 1 "modules lie beside a file" "--plan takes a file's name, not '-'" \
	"$wpkc" ops.wpk --no-lock --plan=- -o ops.cu --modules=emu
ends 1 "modules of another kind" "--modules knows gpu, emu, not 'cpu'" \
	"$wpkc" ops.wpk --no-lock --plan=out.plan --modules=cpu
cat >hand.wpk <<'END'
export op scale[N = 64](x: f32[N]) -> (y: f32[N]) { y[i] = 2 * x[i]; }
schedule s for scale { variant("hand.cu"); }
END
cat >hand.cu <<'END'
extern "C" size_t scale_workspace(void) { return 0; }
extern "C" cudaError_t scale(const float *x, float *y, void *workspace,
	size_t workspace_bytes, cudaStream_t stream)
{
	return cudaErrorNotSupported;
}
END
ends 1 "a launcher by hand is in no module" "compile it in, with --calls" \
	"$wpkc" hand.wpk --no-lock --no-verify --plan=out.plan -o out.cu

if [ -n "$NVCC" ]; then
	check "cubins by nvcc" env WPK_NVRTC=/none "$wpkc" ops.wpk --no-lock \
		--target=sm_80,sm_90a --plan=out.plan -o out.cu
	find . -name 'out.sm*' | sort >../found
	printf '%s\n' ./out.sm_80.cubin ./out.sm_80.ptx ./out.sm_90a.cubin \
		>../want
	check "and PTX where later devices run it" diff ../want ../found
else
	skip "cubins by nvcc" "nvcc was not found"
fi

if "$top_builddir/wpkworker" --compile </dev/null |
   grep -q '"nvrtc":"'; then
	latin=$(printf 'caf\351.wpk')
	cp ops.wpk "$latin"
	check "cubins by NVRTC, of a file whose name is no UTF-8" env \
		WPK_WORKER="$top_builddir/wpkworker" NVCC=none CUDA_HOME=/none \
		"$wpkc" "$latin" --no-lock --target=sm_90a --plan=latin.plan \
		-o latin.cu
	check "which the plan escapes" grep -qF '"source": "caf\\xe9.wpk"' \
		latin.plan
	rm -f "$latin" latin.*
else
	skip "cubins by NVRTC, of a file whose name is no UTF-8" "no NVRTC"
fi

# ---- libwpk ----

headers="-I$top_srcdir/runtime"
printf '#include <wpk.h>\nint main(void) { return wpk_version() == %s; }\n' \
	WPK_VERSION_NUMBER >use.c
check "wpk.h is C99" "$CC" -std=c99 -pedantic -Wall -Wextra -Werror \
	-fsyntax-only "$headers" use.c
if "$CXX" --version >/dev/null 2>&1; then
	check "wpk.h is C++" "$CXX" -x c++ -std=c++11 -Wall -Wextra -Werror \
		-fsyntax-only "$headers" use.c
else
	skip "wpk.h is C++" "no C++ compiler"
fi
sed -n '/^\.Bd -literal/,/^\.Ed/{ /^\./d; s/\\e/\\/gp; t; p; }' \
	"$top_srcdir/man/libwpk.3" >example.c
check "the example of libwpk(3) compiles" "$CC" -std=c99 -Wall -Wextra -Werror \
	-Wno-maybe-uninitialized -fsyntax-only "$headers" example.c

"$OBJDUMP" -T "$top_builddir/libwpk.so.0" | awk '/ g / && !/\*UND\*/ &&
	!/\*ABS\*/ && $NF !~ /^wpk_/ { print }' >../found
empty "libwpk.so shows wpk_... alone" ../found
check "versions are on its symbols" sh -c '"$1" -T "$2" |
	grep -q "WPK_0 .*wpk_plan_run$"' - "$OBJDUMP" "$top_builddir/libwpk.so.0"
"$OBJDUMP" -t "$top_builddir/libwpk.a" | awk '/ g / && !/\*UND\*/ &&
	$NF !~ /^wpk_/ { print }' >../found
empty "libwpk.a has no other name in common" ../found
if [ -z "$INSTRUMENT" ]; then
	"$OBJDUMP" -t "$top_builddir/libwpk.a" |
	awk '$3 == "O" || $2 == "O" || $4 == "O" { print }' |
	grep -E '[[:space:]]\.(data|bss)[[:space:]]' >../found
	empty "libwpk has no state of its own" ../found
else
	skip "libwpk has no state of its own" "instrumented"
fi

# ---- kernels that are compiled in ----

if "$CXX" --version >/dev/null 2>&1 && [ -z "$INSTRUMENT" ]; then
	check "a table of launchers" "$wpkc" ops.wpk --no-lock --plan=ops.plan \
		--calls=ops_calls.c -o ops.cu -H ops.h --set lin:sketch=fma
	check "no modules then" sh -c '! ls | grep "^ops\.sm"'
	check "it compiles without a word" "$CC" -std=c99 -pedantic -Wall \
		-Wextra -Werror -c "$headers" \
		-I"$top_srcdir/runtime/emu/host" ops_calls.c
	check "as do the kernels" "$CXX" -x c++ -std=gnu++17 -w -Wno-psabi \
		-fno-strict-aliasing -fno-math-errno -include \
		"$top_srcdir/runtime/emu/wpk_emu.h" -DWPK_EMULATE -c ops.cu
	check "they link to libwpk" "$CXX" -x c "$headers" \
		-I"$top_srcdir/runtime/emu/host" \
		"$top_srcdir/tests/runtime/compiled.c" -x none ops_calls.o \
		ops.o "$top_builddir/libwpk.a" "$top_builddir/libwpkemu.a" \
		-ljansson -lpthread -ldl -lm -o compiled
	check "and run from a plan" env \
		WPK_LIBCUDA="$top_builddir/libwpkemu.so" ./compiled ops.plan
else
	skip "kernels that are compiled in" "no C++ compiler, or instrumented"
fi

# ---- shares of a GPU ----

sed '/^schedule/d' ops.wpk >shares.wpk
# tuned SHARE OPTIONS...: a schedule for it, into the lock.
tuned() {
	share=$1
	shift
	"$wpkc" shares.wpk --tune=random --trials=5 --measure=model --no-verify \
		-q "--share=$share" "$@" -o tuned.cu || echo "$share" >>../failed
}
# kernels PLAN: of each variant of lin its share, if it has one, and kernel.
kernels() {
	sed -n '/"name": "lin"/,$p' "$1" |
		sed -n 's/^ *"\(share\|kernel\)": "*\([^",]*\).*/\2/p' |
		grep -v scale | tr '\n' ' '
}
: >../failed
tuned 100 --set=lin:sketch=fma
tuned 50 --set=lin:sketch=gemv --op=lin
tuned 20 --set=lin:sketch=fma,tile.block.i=32 --op=lin
empty "schedules for three shares" ../failed
if "$CXX" --version >/dev/null 2>&1 && [ -z "$INSTRUMENT" ]; then
	"$wpkc" shares.wpk --frozen -o alone.cu
	check "a plan of all shares" "$wpkc" shares.wpk --frozen -o shares.cu \
		--plan=shares.plan --modules=emu
	check "... each is a variant" [ "$(kernels shares.plan)" = \
		"20 lin_kernel_share20 50 lin_kernel_share50 lin_kernel " ]
	check "... of which the CUDA knows one" cmp shares.cu alone.cu
	check "... and what has one share has one variant" \
		[ "$(grep -c '"kernel": "scale_' shares.plan)" -eq 1 ]
	check "a program with contexts of shares" "$CXX" -x c "$headers" \
		-I"$top_srcdir/runtime/emu/host" \
		"$top_srcdir/tests/runtime/shares.c" -x none \
		"$top_builddir/libwpk.a" "$top_builddir/libwpkemu.so" \
		-Wl,-rpath,"$top_builddir" -ljansson -lpthread -ldl -lm \
		-o shares
	check "... runs" ./shares "$top_builddir/libwpkemu.so" shares.plan \
		0 100 99 50 49 20 5
	./shares "$top_builddir/libwpkemu.so" shares.plan 0 100 99 50 49 20 5 \
		>../found 2>&1
	printf '%s\n' '0: lin_kernel' '100: lin_kernel' \
		'99: lin_kernel_share50' '50: lin_kernel_share50' \
		'49: lin_kernel_share20' '20: lin_kernel_share20' \
		'5: lin_kernel_share20' >../want
	check "... each by the kernel of its share" diff ../want ../found
	check "a plan by one that has a share" "$wpkc" shares.wpk --op=lin \
		--share=50 --frozen --plan=shares.plan --modules=emu -o half.cu
	check "... has the whole besides" [ "$(kernels shares.plan)" = \
		"lin_kernel_share100 20 lin_kernel_share20 50 lin_kernel " ]
	"$wpkc" shares.wpk --frozen --plan=shares.plan --calls=shares_calls.c \
		-o shares.cu -H shares.h
	check "launchers that are compiled in are for one" \
		[ "$(kernels shares.plan)" = "lin_kernel " ]
	sed 's/w\[j, k\]/w[k, j]/' shares.wpk >turned.wpk
	"$wpkc" turned.wpk --lock=shares.wpk.lock --plan=turned.plan \
		--modules=emu -o turned.cu >../said 2>&1
	check "what the operator no longer is is no variant" [ \
		"$(kernels turned.plan)$(grep -c \
		'is not in the plan: the operator is another by now' ../said)" \
		= "lin_kernel 2" ]
	"$wpkc" turned.wpk --lock=turned.lock --tune=random --trials=5 \
		--measure=model --no-verify -q -o turned.cu
	sed -n '/share=20/,/^$/p' shares.wpk.lock >>turned.lock
	ends 3 "... and --frozen misses it" \
		"turned.lock has for 'lin' on 20 % of h200, sm_90a, cannot go" \
		"$wpkc" turned.wpk --lock=turned.lock --frozen \
		--plan=turned.plan --modules=emu -o turned.cu
	check "... but for the CUDA alone" "$wpkc" turned.wpk \
		--lock=turned.lock --frozen -o turned.cu
else
	skip "plans of several shares" "no C++ compiler, or instrumented"
fi

# ---- leaks ----

if command -v valgrind >/dev/null 2>&1 && [ -z "$INSTRUMENT" ] &&
   [ -x "$top_builddir/tests/unit/plan_read_test" ]; then
	cd "$top_builddir" || exit 1
	for test in plan_read_test plan_run_test plan_library_test \
		plan_place_test shape_test number_test; do
		check "$test leaks nothing" valgrind -q --leak-check=full \
			--error-exitcode=9 env top_builddir=. \
			"tests/unit/$test"
	done
else
	skip "libwpk leaks nothing" "no valgrind, or instrumented"
fi

# ---- races ----

raced() (
	cd "$top_srcdir" || exit 1
	# shellcheck disable=SC2086 # CC may be several words
	$CC -w -O1 -g -no-pie -fno-pie -fsanitize=thread -D_GNU_SOURCE -I. \
		-o "$scratch/raced" runtime/lib/*.c tests/unit/plan_subject.c \
		tests/unit/shape_test.c -ljansson -lcmocka -lpthread -ldl -lm
)
if [ -n "$INSTRUMENT" ] || ! [ -x "$top_builddir/tests/unit/shape_test" ]; then
	skip "threads share a plan without a race" "instrumented, or no cmocka"
elif raced 2>"$scratch/.err"; then
	cd "$top_builddir" || exit 1
	check "threads share a plan without a race" env top_builddir=. \
		TSAN_OPTIONS=exitcode=9 "$scratch/raced"
else
	skip "threads share a plan without a race" "no ThreadSanitizer"
fi
finish
