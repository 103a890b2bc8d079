# SPDX-License-Identifier: MIT
# For every runner tests/*.t: `. "${top_srcdir:-.}/tests/lib.sh"`.
# Speaks TAP: pass, fail and skip report one case each; `finish` prints the
# plan and fails a run that tried nothing. make sets the variables below; the
# defaults serve a runner started by hand in the source tree with build/.
# shellcheck shell=sh disable=SC2034

: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
: "${CC:=cc}" "${CXX:=c++}" "${OBJDUMP:=objdump}" "${NVCC=}"
: "${INSTRUMENT=}" "${WPK_FULL=}" "${MPIRUN=}"
wpkc=$top_builddir/wpkc
count=0

# A fresh folder of this runner's own, kept for reading after a failure.
scratch=$top_builddir/tests/scratch/$(basename "$0" .t)
rm -rf "$scratch"
mkdir -p "$scratch"

# What is printed must not depend on who runs the tests, and programs must find
# what they need by themselves.
unset NO_COLOR WPK_EMU_DIR WPK_EMU_MEMORY WPK_EMU_QUIET WPK_WORKER WPK_XGBOOST \
	WPK_LIBCUDA WPK_LIBCUBLASLT WPK_LIBCUDNN WPK_LIBNVML WPK_NVRTC
LC_ALL=C
CUDA_VISIBLE_DEVICES=
WPK_DB=$scratch/tuning.db
export LC_ALL CUDA_VISIBLE_DEVICES WPK_DB

pass() {
	count=$((count + 1))
	echo "ok $count - $1"
}

# fail NAME [FILE]: FILE's text, or the standard input's with "-", is shown.
fail() {
	count=$((count + 1))
	echo "not ok $count - $1"
	if [ $# -gt 1 ]; then
		sed 's/^/# /' "$2"
	fi
}

# skip NAME REASON
skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# check NAME COMMAND...: passes if the command succeeds; its output is shown
# if it does not.
check() {
	name=$1
	shift
	if "$@" >"$scratch/.output" 2>&1; then
		pass "$name"
	else
		fail "$name" "$scratch/.output"
	fi
}

# empty NAME FILE: passes if FILE, a list of complaints, is empty.
empty() {
	if [ -s "$2" ]; then
		fail "$@"
	else
		pass "$1"
	fi
}

# ends CODE NAME TEXT COMMAND...: passes if the command ends with CODE and says
# TEXT on its standard error; one that fails must leave every file here, in the
# working folder, as it was. What it says is kept in $scratch/.out and .err.
ends() {
	code=$1
	name=$2
	text=$3
	shift 3
	find . -type f -exec cksum {} + | sort >"$scratch/.before"
	"$@" >"$scratch/.out" 2>"$scratch/.err" </dev/null
	status=$?
	find . -type f -exec cksum {} + | sort >"$scratch/.after"
	{
		[ $status = "$code" ] || echo "ended with $status, not $code"
		[ -z "$text" ] || grep -qF -e "$text" "$scratch/.err" ||
			echo "did not say: $text"
		[ "$code" = 0 ] || diff "$scratch/.before" "$scratch/.after"
	} >"$scratch/.wrong"
	[ ! -s "$scratch/.wrong" ] || cat "$scratch/.err" >>"$scratch/.wrong"
	empty "$name" "$scratch/.wrong"
}

# Can a kernel be watched that $CXX compiles? clang takes its vectors apart.
watches() {
	! "$CXX" --version 2>/dev/null | grep -q clang
}

# stub NAME FILES...: a library for tests, $scratch/NAME.so.
stub() {
	name=$1
	shift
	# shellcheck disable=SC2086 # CC may be several words
	(cd "$top_srcdir" && $CC -w -O1 -fPIC -shared -D_GNU_SOURCE -I. \
		-o "$scratch/$name.so" "$@" -lm -ldl)
}

# stub_cuda NAME FLAGS...: the CUDA driver for tests, as the same.
cuda_stub="tests/worker/libcuda.c tests/worker/libcuda_launch.c"
stub_cuda() {
	# shellcheck disable=SC2086 # files
	stub "$@" $cuda_stub
}

stub_cublaslt() {
	stub lt tests/runtime/libcublaslt.c
}

stub_cudnn() {
	stub dnn tests/runtime/libcudnn.c tests/runtime/libcudnn_check.c \
		tests/runtime/libcudnn_legacy.c tests/runtime/libcudnn_run.c
}

# emulating_nvcc FILE: a program in place of nvcc that compiles for the driver
# below, what launchers call included, by $FLAGS too.
emulating_nvcc() {
	cat >"$1" <<END
#!/bin/sh
for source in "\$@"; do :; done
while [ "\$1" != -o ]; do shift; done
echo "ptxas info    : Used 32 registers" >&2
exec $CXX -x c++ -std=gnu++17 -w -Wno-psabi -fno-strict-aliasing -fno-math-errno \\
	-fno-exceptions -DWPK_EMULATE \$FLAGS -O1 -fPIC -shared -nodefaultlibs \\
	-D__CUDA_ARCH__=900 -D__CUDA_ARCH_FEAT_SM90_ALL \\
	-include "$top_srcdir/runtime/emu/wpk_emu.h" \\
	-o "\$2" "\$source" -lm
END
	chmod +x "$1"
}

# emulating_driver FLAGS...: that driver with the emulator in it, but for its main
# program and what watches accesses.
emulating_driver() (
	emu_context=$(cd "$top_builddir" && pwd)/context.o
	cd "$top_srcdir/runtime/emu" || exit 1
	for file in *.c; do
		case $file in
		main.c | watch.c | race.c | clocks.c | order.c | count.c) ;;
		*) set -- "$@" "$file" ;;
		esac
	done
	for file in $cuda_stub; do
		set -- "$@" "$top_srcdir/$file"
	done
	# shellcheck disable=SC2086 # CC may be several words
	$CC -w -O1 -fPIC -shared -DEMULATED -D_GNU_SOURCE -I"$top_srcdir" \
		"$@" "$emu_context" -ldl -lm
)

finish() {
	if [ $count = 0 ]; then
		echo "not ok 1 - nothing was tested"
		count=1
	fi
	echo "1..$count"
}
