#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line of wpkc: every option, what may not be said together, bad
# input of every kind with its message and exit code, and that nothing is left
# half-written. Locks and tuning are in tune.t, depfiles in depfile.t, nvcc and
# the C++ compiler in toolchain.t.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work/folder"
cd "$scratch/work" || exit 1
cat >mm.wpk <<'END'
export op mm[M = 64, N = 64, K = 64](A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    let acc[i, j]: f32 = sum[k](A[i, k] * B[j, k]);
    C[i, j] = acc[i, j];
}
export op twice[N = 100](x: f32[N]) -> (y: f32[N])
{
    y[i] = 2 * x[i];
}
op inner(x: f32[4]) -> (y: f32[4]) { y[i] = x[i]; }
END
cat >open.wpk <<'END'
export op mm(A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    let acc[i, j]: f32 = sum[k](A[i, k] * B[j, k]);
    C[i, j] = acc[i, j];
}
tune mm { shape(M = {16, 33}, N = 32, K = 32); }
END

# refuses NAME TEXT OPTIONS...: the user's mistake.
refuses() {
	name=$1
	text=$2
	shift 2
	ends 1 "$name" "$text" "$wpkc" "$@"
}

# prints NAME TEXT OPTIONS...: TEXT is on standard output.
prints() {
	name=$1
	text=$2
	shift 2
	if "$wpkc" "$@" >"$scratch/.out" 2>"$scratch/.err" </dev/null &&
		grep -qF -e "$text" "$scratch/.out"; then
		pass "$name"
	else
		cat "$scratch/.out" "$scratch/.err" | fail "$name" -
	fi
}

# ---- asking ----

prints "--help shows commands" "wpkc conv.wpk --tune=ga -o conv.cu" --help
prints "--version" "wpkc $(sed -n 's/^AC_INIT(\[[^]]*\], \[\([^]]*\)\].*/\1/p' \
	"$top_srcdir/configure.ac")" --version
prints "--list=gpus" h200 --list=gpus
prints "--list=targets" sm_90a --list=targets
prints "--list=sketches" fma --list=sketches
prints "--list=strategies" ga --list=strategies
"$wpkc" --list=options >"$scratch/options"
"$wpkc" --help >"$scratch/help"
while read -r option; do
	grep -q -e "^  $option" "$scratch/help" || echo "--help lacks $option"
	cat "$top_srcdir"/tests/*.t |
	grep -q -e "[ \"]$option\([ =\"0-9]\|\$\)" ||
		echo "no test says $option"
done <"$scratch/options" >"$scratch/lacking"
empty "every option is in --help and in a test" "$scratch/lacking"
check "there are options" test "$(wc -l <"$scratch/options")" -gt 20

# ---- the command line ----

refuses "no source" "no source file"
refuses "two sources" "one source at a time" mm.wpk open.wpk
refuses "an unknown option" "did you mean '--target'?" mm.wpk --tarjet=sm_90
refuses "an unknown short option" "unknown option '-z'" mm.wpk -z
refuses "a value left out" "-o wants a value" mm.wpk -o
refuses "a value left out of a long option" "--target wants a value" --target
refuses "a value where there is none" "--no-lock takes no value" mm.wpk \
	--no-lock=1
refuses "after -- all is files" "cannot read -q.wpk" -- -q.wpk
refuses "--emit: unknown" "not 'foo'" mm.wpk --emit=ir,foo
refuses "--emit: nothing" "--emit" mm.wpk --emit=
refuses "--target: unknown" "unknown target 'sm_70'" mm.wpk --target=sm_70
refuses "--gpu: unknown" "unknown GPU 'h201'" mm.wpk --gpu=h201
refuses "--gpu and --target of two kinds" "a100 is an sm_80, not an sm_90" \
	mm.wpk --gpu=a100 --target=sm_90
refuses "--tune: unknown" "unknown strategy 'gaa'" mm.wpk --tune=gaa
refuses "--measure: unknown" "not 'tpu'" mm.wpk --measure=tpu
refuses "--measure says nothing without a search" "is for a search" mm.wpk \
	--measure=emu
refuses "nor do --limits" "is for a search" mm.wpk --limits=run=1
refuses "--measure: no such GPU" "not 'gpu:x'" mm.wpk --measure=gpu:x
refuses "--share: too little" "from 1 to 100" mm.wpk --tune --share=0
refuses "--share: too much" "from 1 to 100" mm.wpk --tune --share=101
refuses "--share: by what" "PERCENT:mps" mm.wpk --tune --share=25:mig
refuses "--limits: unknown" "not 'walk=1'" mm.wpk --tune --limits=walk=1
refuses "--limits: nothing" "not 'run='" mm.wpk --tune --limits=run=
refuses "slices by MPS without a search" "add --tune" mm.wpk --share=50:mps
refuses "--candidates without a search" "add --tune" mm.wpk --candidates=list
refuses "--set: no such plan" "has plans 0 to" mm.wpk --set plan=9
for v in 0 -1 x 1x 99999999999999999999; do
	refuses "--trials=$v" "--trials takes a whole number" mm.wpk --trials=$v
done
for v in 0 5y nan -1s 1e99 s ''; do
	refuses "--time=$v" "--time takes a duration" mm.wpk "--time=$v"
done
refuses "--seed=-1" "--seed takes a whole number" mm.wpk --seed=-1
refuses "--effort=11" "--effort takes a whole number" mm.wpk --effort=11
refuses "-j 0" "-j takes a whole number" mm.wpk -j 0
refuses "-j2x" "-j takes a whole number" mm.wpk -j2x
refuses "--check=foo" "--check knows address, race, init, bytes" mm.wpk --check=foo
refuses "--color=maybe" "--color takes auto, always or never" mm.wpk \
	--color=maybe
refuses "--list=foo" "--list knows gpus" --list=foo
for v in foo =4 tile.block.i=; do
	refuses "--set=$v" "--set takes NAME=VALUE" mm.wpk "--set=$v"
done
refuses "--shape=M" "--shape takes NAME=VALUE" open.wpk --shape=M

refuses "--frozen with --tune" "exclude each other" mm.wpk --frozen --tune=ga
refuses "--frozen with --no-lock" "--no-lock forbids it" mm.wpk --frozen \
	--no-lock
refuses "--lock with --no-lock" "exclude each other" mm.wpk --lock=a.lock \
	--no-lock
for o in --check --tune --frozen; do
	refuses "--test with $o" "--test goes without" mm.wpk --test $o
done
for o in -oa.cu -Ha.h -MD --emit=cu; do
	refuses "--check with $o" "write no output" mm.wpk --check $o
	refuses "--test with $o" "write no output" mm.wpk --test $o
done
refuses "--check with -MF" "write no output" mm.wpk --check -MF a.d
refuses "--check with --tune" "exclude each other" mm.wpk --check --tune
refuses "--tune with --emit=ir" "--tune goes with" mm.wpk --tune --emit=ir
refuses "-MD with -o -" "needs -MF" mm.wpk -MD -o -

# ---- response files ----

cat >args <<'END'
--no-lock	"mm.wpk"
-o 'a b'.cu "--target="sm_80
END
check "a response file" "$wpkc" @args
check "... with quotes" grep -q 'for sm_80\.' 'a b.cu'
rm -f 'a b.cu'
echo "@args" >outer
check "one response file in another" "$wpkc" @outer
check "... is read" test -s 'a b.cu'
rm -f 'a b.cu'
echo "@round" >round
echo "'mm.wpk" >quote
refuses "a response file that includes itself" "includes itself" @round
refuses "an open quote" "open quote" @quote
refuses "a response file that is missing" "cannot read response file" @none
refuses "a response file that is a folder" "Is a directory" @folder

# ---- sources ----

: >empty.wpk
echo 'fn f(x) = x;' >fn.wpk
echo 'import std.nothing;' >import.wpk
echo 'import folder.part;' >broken.wpk
mkdir -p folder/part.wpk
printf 'export op a(x: f32[4]) -> (y: f32[4]) { y[i] = \377; }' >bytes.wpk
printf 'export op a(x: f32[4])\0 -> (y: f32[4]) { y[i] = x[i]; }' >zero.wpk
refuses "a source that is missing" "cannot read none.wpk" none.wpk
refuses "a source that is a folder" "Is a directory" folder
refuses "an empty source" "exports no operator" empty.wpk
refuses "a source without exports" "exports no operator" fn.wpk
refuses "an import that is missing" "import.wpk:1:8" import.wpk
refuses "an import that is a folder" "broken.wpk:1:8" broken.wpk
refuses "a source that is no text" "bytes.wpk:1:4" bytes.wpk
refuses "a source with a zero byte" "zero.wpk: has a NUL byte at line 1" zero.wpk
mkdir -p away
echo 'fn twice(x) = 2 * x;' >away/far.wpk
echo 'import far; export op a(x: f32[8]) -> (y: f32[8]) { y[i] = far.twice(x[i]); }' \
	>near.wpk
refuses "an import elsewhere" "cannot find 'far.wpk'" near.wpk
check "-I finds it" "$wpkc" near.wpk -I away -o near.cu
if [ "$(id -u)" != 0 ]; then
	cp mm.wpk closed.wpk
	chmod 0 closed.wpk
	refuses "a source that may not be read" "Permission denied" closed.wpk
	chmod 644 closed.wpk
	chmod 0 away/far.wpk
	refuses "an import that may not be read" "Permission denied" near.wpk \
		-I away
	chmod 644 away/far.wpk
else
	skip "files that may not be read" "root may read all"
fi
check "a source from standard input" sh -c '"$1" - -o in.cu <mm.wpk' - "$wpkc"
"$wpkc" mm.wpk -o mm.cu --no-lock
check "... gives the same code" sh -c \
	'sed 1d mm.cu >a.txt; sed 1d in.cu | diff a.txt -'
ends 1 "a folder as standard input" "cannot read standard input" sh -c \
	'"$1" - <folder' - "$wpkc"
refuses "--frozen of standard input wants --lock" "needs --lock" - --frozen

# ---- names ----

refuses "--op: unknown" "did you mean 'twice'?" mm.wpk --op=twise
refuses "--op: not exported" "no such exported operator" mm.wpk --op=inner
refuses "--shape: unknown" "no operator here has a size" open.wpk --shape=Z=4
echo "export op a(x: f32[Rows]) -> (y: f32[Rows]) { y[i] = x[i]; }" >rows.wpk
refuses "--shape: misspelt" "did you mean 'Rows'?" rows.wpk --shape=Row=4
refuses "--shape: a constant of the source" "the source gives" mm.wpk --shape=M=32
refuses "--shape: zero" "positive whole number" open.wpk --shape=M=0,N=4,K=4
refuses "--shape: no number" "positive whole number" open.wpk --shape=M=4x
prints "--shape: one left out" "mm_M4_N4_launch_if(" open.wpk \
	--shape=M=4,N=4 -o -
refuses "--shape: twice" "M" open.wpk --shape=M=1,M=2,N=1,K=1
ends 2 "--set: unknown" "did you mean tile.block.i?" "$wpkc" mm.wpk --op=mm \
	--set=tile.blok.i=64 --set=sketch=fma
ends 2 "--set: no such sketch" "sketch" "$wpkc" mm.wpk --op=mm \
	--set=sketch=fmaa
ends 2 "--set: no such value" "64" "$wpkc" mm.wpk --op=mm --set=sketch=fma \
	--set=tile.block.i=65
refuses "--set: no such operator" "no operator 'nope'" mm.wpk --set=nope:tile.block.i=64
prints "--set pins" "tile(block, i = 32, j = 64" mm.wpk --op=mm --emit=sched \
	--set=sketch=fma,tile.block.i=32,mm:tile.block.j=64
prints "--set pins one operator alone" "sketch = elementwise" mm.wpk --emit=sched \
	--set=mm:sketch=fma

# ---- schedules ----

# schedule DIRECTIVE...: mm with a schedule, as s.wpk
schedule() {
	{ sed 5q mm.wpk; echo "schedule s for mm { $* }"; } >s.wpk
}
schedule 'tile(block, i = 32); tile(thread, i = 4);'
prints "a schedule pins" "tile(thread, i = 4" s.wpk --emit=sched
schedule 'mma(acc);'
ends 2 "an impossible directive" "does not honour mma" "$wpkc" s.wpk
check "... by every sketch" grep -q 'fma: it does not honour mma' \
	"$scratch/.err"
check "... and where it stands" grep -q '^s.wpk:6:21: error' "$scratch/.err"
schedule 'tile(block, i = 37);'
ends 2 "a tile that cannot be" "37" "$wpkc" s.wpk
schedule 'tile(block, i = 256, j = 256, k = 64); pipeline(k, stages = 5);'
ends 2 "a tile that does not fit" "error[E0901]: no sketch computes" "$wpkc" s.wpk \
	--target=sm_75
schedule 'tile(blok, i = 64);'
refuses "a directive's word" "Did you mean 'block'?" s.wpk
schedule 'tile(block, q = 64);'
refuses "a directive's axis" "its axes are i, j, k" s.wpk
schedule 'tilt(block, i = 64);'
refuses "an unknown directive" "Did you mean 'tile'?" s.wpk
echo 'schedule s for mn { tile(block, i = 64); }' >>s.wpk
refuses "a schedule for an operator that is not there" "unknown operator 'mn'" \
	s.wpk

# ---- sizes ----

# sized SIZES: mm of that size, as big.wpk
sized() {
	sed -n "1s/M = 64, N = 64, K = 64/$1/p; 2,5p" mm.wpk >big.wpk
}
sized 'M = 4000000000, N = 4000000000, K = 4000000000'
refuses "elements beyond 64 bits" "'A' has too many elements" big.wpk
sized 'M = 99999999999999999999, N = 1, K = 1'
refuses "an integer beyond 64 bits" "does not fit 64 bits" big.wpk
sized 'M = 4000000000 * 4000000000, N = 1, K = 1'
refuses "a product beyond 64 bits" "overflows" big.wpk
refuses "--shape beyond 64 bits" "overflows" open.wpk \
	--shape=M=99999999999999999999,N=4,K=4
refuses "--shape whose elements are" "too many elements" open.wpk \
	--shape=M=4294967296,N=4294967296,K=4294967296
sized 'M = 3000000000, N = 1, K = 1'
check "elements beyond 32 bits" "$wpkc" big.wpk --no-lock -o big.cu
check "... have 64-bit addresses" grep -q 'long long' big.cu

# ---- outputs ----

refuses "a folder as output" "it is a directory" mm.wpk -o folder
refuses "a folder as header" "it is a directory" mm.wpk -H folder -o new.cu
refuses "a folder as depfile" "it is a directory" mm.wpk -MF folder -o new.cu
refuses "a folder as lock" "Is a directory" mm.wpk --lock=folder -o new.cu
refuses "an output in no folder" "No such file" mm.wpk -o none/new.cu
refuses "an empty name" "cannot write ''" mm.wpk -o ''
refuses "a header in no folder" "none/new.h" mm.wpk -o new.cu -H none/new.h
refuses "two outputs in one file" "new.cu" mm.wpk -o new.cu -H new.cu
cp mm.wpk own.wpk
refuses "the source as output" "own.wpk" own.wpk -o own.wpk
if [ -w /dev/full ]; then
	refuses "a failing write" "No space left" mm.wpk -o /dev/full
	refuses "a failing write of the header" "No space left" mm.wpk \
		-o new.cu -H /dev/full
	ends 1 "a failing standard output" "No space left" sh -c \
		'"$1" mm.wpk -o - >/dev/full' - "$wpkc"
	ends 1 "a failing answer" "" sh -c '"$1" --help >/dev/full' - "$wpkc"
else
	skip "a failing write" "no /dev/full"
fi
prints "-o -" "mm_kernel" mm.wpk -o -
check "without -o a file named after the source" "$wpkc" folder/../mm.wpk
check "... here" test -s mm.cu
for what in ir space sched kernel header; do
	prints "--emit=$what" mm mm.wpk --emit=$what
done
prints "--emit=ir,cu" "mm_kernel" mm.wpk --emit=ir,cu
prints "--emit=ir of a target" "op mm" mm.wpk --emit=ir --target=sm_75
check "--verify agrees with every pass" "$wpkc" mm.wpk --verify -o new.cu
"$wpkc" mm.wpk -v -o new.cu 2>"$scratch/.err"
check "-v says which sketches apply" grep -q 'fma: applies' "$scratch/.err"
"$wpkc" mm.wpk -q --tune=random --trials=5 --no-verify --no-lock -o new.cu \
	>"$scratch/.out" 2>&1
empty "-q says nothing" "$scratch/.out"
check "an old output keeps its mode" sh -c \
	'chmod 600 new.cu && "$1" mm.wpk -o new.cu &&
	test "$(ls -l new.cu | cut -c1-10)" = -rw-------' - "$wpkc"
mkfifo pipe
timeout 20 cat pipe >through &
check "a pipe as output" "$wpkc" mm.wpk -o pipe
wait
check "... gets all of it" cmp new.cu through
rm -f pipe
find . -name '*.cu.*' -o -name '*.h.*' -o -name '*.d.*' >"$scratch/left"
empty "no temporary file is left" "$scratch/left"

# ---- headers ----

check "-H" "$wpkc" mm.wpk -o mm.cu -H mm.h
mkdir -p cuda
cat >cuda/cuda_runtime_api.h <<'END'
typedef int cudaError_t;
typedef void *cudaStream_t;
END
cat >use.c <<'END'
#include "mm.h"
#include "mm.h"
cudaError_t (*f)(const float *, const float *, float *, void *, size_t,
	cudaStream_t) = mm;
END
cp use.c use.cc
# shellcheck disable=SC2086 # CC may be several words
check "the header is C" $CC -std=c99 -Wall -Wextra -pedantic -Werror -Icuda \
	-fsyntax-only use.c
if "$CXX" --version >/dev/null 2>&1; then
	check "the header is C++" "$CXX" -Wall -Wextra -pedantic -Werror -Icuda \
		-fsyntax-only use.cc
else
	skip "the header is C++" "no C++ compiler"
fi
cp mm.cu before.cu
"$wpkc" mm.wpk -o mm.cu
check "the code does not depend on -H" cmp mm.cu before.cu
check "a header with an odd name" "$wpkc" mm.wpk -o mm.cu -H '1 odd-na+me'
# shellcheck disable=SC2086
check "... is C" $CC -std=c99 -Wall -Wextra -pedantic -Werror -Icuda \
	-fsyntax-only -x c '1 odd-na+me'
check "--emit=header says the same" sh -c \
	'"$1" mm.wpk --emit=header | sed "s/MM_H/X/" >a.txt
	sed "s/MM_H/X/" mm.h | diff a.txt -' - "$wpkc"

# ---- the same bytes ----

"$wpkc" mm.wpk -o one.cu --no-lock
"$wpkc" mm.wpk -o two.cu --no-lock
check "twice the same bytes" cmp one.cu two.cu
(cd / && "$wpkc" "$scratch/work/mm.wpk" -o "$scratch/work/two.cu" --no-lock)
check "the same bytes from another folder" cmp one.cu two.cu
(cd away && "$wpkc" ../mm.wpk -o ../two.cu --no-lock --gpu=h100 --target=sm_90a)
check "the same bytes for another GPU of the target" sh -c \
	'"$1" mm.wpk --no-lock --target=sm_90a -o one.cu; cmp one.cu two.cu' - \
	"$wpkc"
check "no path of this machine" sh -c '! grep -F "$1" one.cu' - "$scratch"

# ---- colour ----

schedule 'tilt(block, i = 64);'
escape=$(printf '\033')
for set in '--color=always' '--color=never' '--color=auto' ''; do
	"$wpkc" s.wpk $set 2>"$scratch/.err"
	colours=$(grep -c "$escape" "$scratch/.err")
	case $set in
	--color=always)	check "$set" test "$colours" -gt 0 ;;
	*)		check "no colour in a file: ${set:-no option}" \
				test "$colours" = 0 ;;
	esac
done
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	terminal() {
		env "$1" script -qec "'$wpkc' s.wpk $2" /dev/null </dev/null |
			grep -c "$escape"
	}
	check "colour on a terminal" test "$(terminal A=b)" -gt 0
	check "NO_COLOR" test "$(terminal NO_COLOR=1)" = 0
	check "an empty NO_COLOR counts as none" test \
		"$(terminal NO_COLOR=)" -gt 0
	check "--color=always outdoes NO_COLOR" test \
		"$(terminal NO_COLOR=1 --color=always)" -gt 0
	check "--color=never on a terminal" test \
		"$(terminal A=b --color=never)" = 0
else
	skip "colour on a terminal" "no script, or no pseudo-terminals"
fi

# ---- sizes left open ----

prints "tune shapes give a kernel each" "mm_M33_N32_K32_kernel(" open.wpk -o -
prints "... both" "mm_M16_N32_K32_kernel(" open.wpk -o -
prints "... and a general one" "mm_kernel(" open.wpk -o -
prints "... behind one launcher, which takes the sizes" \
	"cudaError_t mm(long long M, long long" open.wpk -o -
prints "--shape gives one of its own" "mm_M7_N9_K11_kernel(" \
	open.wpk --shape=M=7,N=9 --shape=K=11 -o -
sed '/^tune/d' open.wpk >bare.wpk
prints "without either there is the general one" "mm_kernel(" bare.wpk -o -
# predicted FILE OPTIONS...: microseconds of each way to cut it, in their order.
predicted() {
	"$wpkc" -v --no-lock --emit=sched "$@" 2>&1 >/dev/null |
		sed -n 's/.* kernels .*: \([0-9.e+]*\) us predicted/\1/p' | tr '\n' ' '
}
check "a descent from several starts: one kernel is not dearer than two" \
	awk -v v="$(predicted bare.wpk)" 'BEGIN { split(v, us)
		exit !(us[1] > 0 && us[1] < us[2] && us[1] < 155) }'
prints "some sizes of a shape have a kernel for the others" \
	"if (mm_M7_launch_if(M, K, N))" bare.wpk --shape=M=7 -o -

# ---- a folder that may not be written ----

mkdir -p closed
cp mm.wpk closed
chmod 555 closed
if [ "$(id -u)" != 0 ]; then
	refuses "no output into a read-only folder" "Permission denied" \
		closed/mm.wpk -o closed/new.cu
else
	skip "no output into a read-only folder" "root may write all"
fi
check "from a read-only folder" sh -c 'cd closed && "$1" mm.wpk -o ../new.cu' \
	- "$wpkc"
cat >huge.wpk <<'END'
export op huge[N = 1M, M = 4M](x: f32[N, M]) -> (y: f32[N, M]) { y[i, j] = x[i, j] + 1; }
END
ends 4 "--check of more than there is memory for" "" "$wpkc" huge.wpk --check
check "... says what to do" sh -c \
	'"$1" huge.wpk --check | grep -q "check it at smaller sizes"' - "$wpkc"
check "--check from a read-only folder" sh -c \
	'cd closed && "$1" mm.wpk --check' - "$wpkc"
chmod 755 closed
finish
