#!/bin/sh
# SPDX-License-Identifier: MIT
# nvcc and the C++ compiler as wpkc finds them: right, absent, broken, printing
# rubbish, or never coming back. Each is a clear message and an exit code, and
# nothing is left behind.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work" "$scratch/tmp" "$scratch/bin" "$scratch/cuda/bin"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
export TMPDIR
real=$NVCC
cat >mm.wpk <<'END'
export op mm[M = 64, N = 64, K = 64](A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    C[i, j] = sum[k](A[i, k] * B[j, k]);
}
END

# program NAME LINE...: a shell script in bin.
program() {
	file=$scratch/bin/$1
	shift
	{ echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$file"
	chmod +x "$file"
}
program junk 'while [ $# -gt 0 ]; do
	[ "$1" = -o ] && printf "\001rubbish\377" >"$2"
	shift
done
echo rubbish; echo more rubbish >&2'
program crash 'kill -SEGV $$'
program refuse 'echo "kernel.cu(1): error: no" >&2; exit 2'
program spill 'while [ $# -gt 0 ]; do
	[ "$1" = -o ] && echo >"$2"
	shift
done
echo "    64 bytes stack frame, 64 bytes spill stores, 64 bytes spill loads" >&2
echo "ptxas info    : Used 64 registers" >&2'
program hang 'echo $$ >"$TMPDIR/began"; exec sleep 1000'
program count 'echo >>"$TMPDIR/count"; exit 1'
tune='--tune=random --trials=20 --no-lock -o new.cu'

# with NVCC CODE NAME TEXT OPTIONS...
with() {
	nvcc=$1
	code=$2
	what=$3
	words=$4
	shift 4
	NVCC=$nvcc
	export NVCC
	ends "$code" "$what" "$words" "$wpkc" mm.wpk "$@"
}

# ---- nvcc that is not what it should be ----

with /nonexistent 1 "PTX without nvcc" "nvcc: cannot be started" --emit=ptx
with nvcc-that-is-nowhere 1 "PTX, nvcc not on the PATH" "needs nvcc" --emit=ptx
with false 1 "PTX from false" "nvcc: failed with status 1" --emit=ptx
with true 1 "PTX from true" "nvcc: wrote no PTX" --emit=ptx
with "$scratch/bin/junk" 1 "PTX that is rubbish" "nvcc: wrote no PTX" --emit=ptx
with "$scratch/bin/crash" 1 "PTX, nvcc dies" "nvcc: failed with status 139" \
	--emit=ptx
with "$scratch/bin/refuse" 1 "PTX, nvcc refuses the text" \
	"nvcc: kernel.cu(1): error: no" --emit=ptx
with "$scratch/bin" 1 "PTX, nvcc is a folder" "nvcc: cannot be started" \
	--emit=ptx
if "$CXX" --version >/dev/null 2>&1; then
	# shellcheck disable=SC2086
	{
	with /nonexistent 4 "tuning without nvcc" "nvcc: cannot be started" $tune
	with false 4 "tuning with false" "nvcc: failed with status 1" $tune
	with true 4 "tuning with true" "says nothing of registers" $tune
	with "$scratch/bin/junk" 4 "tuning, nvcc prints rubbish" \
		"says nothing of registers" $tune
	with "$scratch/bin/crash" 4 "tuning, nvcc dies" "status 139" $tune
	with "$scratch/bin/refuse" 4 "tuning, nvcc refuses every text" \
		"no finalist of 'mm' could be proved right" $tune
	with "$scratch/bin/spill" 4 "tuning, every kernel spills" \
		"no finalist of 'mm' could be proved right" $tune
	cp "$scratch/.err" said
	n=$(grep -c 'passed over: spill: ' said)
	check "... each that was passed over is told" test "$n" -gt 0
	check "... and it and the last with the command that makes it" test \
		"$(grep -c '^wpkc:   again: wpkc mm.wpk --op=mm ' said)" -gt "$n"
	check "... which is that point" sh -c "$(sed -n \
		"s|^wpkc:   again: wpkc|'$wpkc' -q --no-lock --emit=sched|p" said |
		sed 1q) >/dev/null"
	with "$scratch/bin/count" 4 "tuning, nvcc fails" "nvcc: failed" $tune
	check "... it is asked once, not for every finalist" test \
		"$(wc -l <"$TMPDIR/count")" = 1
	rm -f "$TMPDIR/count"
	with nvcc-that-is-nowhere 0 "tuning, nvcc not on the PATH" \
		"not assembled, only emulated" $tune
	}
	check "... writes what it emulated" test -s new.cu
else
	skip "tuning with a broken nvcc" "no C++ compiler"
fi
with /nonexistent 0 "compiling needs no nvcc" "" -o new.cu

# A program that hangs is stopped by Ctrl-C, with all it started.
NVCC=$scratch/bin/hang "$wpkc" mm.wpk --emit=ptx -o hung.ptx \
	>"$scratch/said" 2>&1 &
waits=$!
i=0
while [ ! -s "$TMPDIR/began" ] && [ $i -lt 50 ]; do
	sleep 0.1
	i=$((i + 1))
done
kill -INT $waits
wait $waits
check "Ctrl-C ends the wait for nvcc" test $? = 1
check "... and says so" grep -q 'nvcc: stopped' "$scratch/said"
check "... and ends nvcc" sh -c '! kill -0 "$(cat "$1")"' - "$TMPDIR/began"
check "... and writes nothing" test ! -e hung.ptx
rm -f "$TMPDIR/began"
if [ -n "$WPK_FULL" ]; then
	with "$scratch/bin/hang" 1 "nvcc that hangs" "nvcc: out of time" \
		--emit=ptx -o hung.ptx
	# shellcheck disable=SC2086
	with "$scratch/bin/hang" 4 "tuning, nvcc hangs" "nvcc: out of time" \
		$tune
	rm -f "$TMPDIR/began"
else
	skip "nvcc that hangs" "make check-full"
fi

# ---- nvcc that is there ----

if [ -n "$real" ]; then
	program nvcc "exec '$real' \"\$@\""
	cp "$scratch/bin/nvcc" "$scratch/cuda/bin/nvcc"
	for t in sm_75 sm_90a; do
		with "$real" 0 "PTX for $t" "" --emit=ptx --target=$t -o $t.ptx
		check "... is for it" grep -q "^\.target $t" $t.ptx
	done
	by() {
		name=$1
		shift
		check "nvcc by $name" env "$@" "$wpkc" mm.wpk --emit=ptx \
			--target=sm_75 -o found.ptx
	}
	by "NVCC= CUDA_HOME" NVCC= CUDA_HOME="$scratch/cuda"
	by "NVCC= PATH" NVCC= PATH="$scratch/bin:$PATH"
	by "NVCC=nvcc PATH" NVCC=nvcc PATH="$scratch/bin:$PATH"
	check "... the same" cmp found.ptx sm_75.ptx
	with "$real" 0 "PTX and code together" "" --emit=ptx,cu -o both.text
	check "... are both there" test "$(grep -c -e '^\.version' \
		-e '__global__' both.text)" -ge 2
else
	skip "PTX" "no nvcc"
fi

# ---- the C++ compiler of --check ----

NVCC=
export NVCC
own=$CXX
if "$CXX" --version >/dev/null 2>&1; then
	ends 0 "--check" "" "$wpkc" mm.wpk --check
	check "... says what it checked" grep -q '^mm: verified whole, 4096' \
		"$scratch/.out"
	ends 0 "--check -j 1" "" "$wpkc" mm.wpk --check -j 1
	CXX="$own -Wall" ends 0 "a compiler with an option" "" "$wpkc" mm.wpk \
		--check
else
	skip "--check" "no C++ compiler"
fi

# unchecked CXX NAME TEXT: not verified, for that reason.
unchecked() {
	CXX=$1
	export CXX
	ends 4 "$2" "" "$wpkc" mm.wpk --check
	check "... $3" grep -q "^mm: $3" "$scratch/.out"
	CXX=$own
}
unchecked /nonexistent "--check without a compiler" \
	'not verified: no C++ compiler was found'
unchecked false "--check with false" 'not verified: the C++ compiler fails'
unchecked true "--check with true" ''
path=$PATH
PATH=$scratch/bin:$PATH
unchecked crash "--check, the compiler dies" \
	'not verified: the C++ compiler fails'
PATH=$path
CXX=/nonexistent
export CXX
ends 0 "tuning without a compiler" "not verified: no C++ compiler" "$wpkc" \
	mm.wpk --tune=random --trials=5 --lock=new.lock -o new.cu
check "... does not claim a proof" grep -q '^verified = none' new.lock
CXX=$own
WPK_EMU_DIR=/nonexistent
export WPK_EMU_DIR
ends 4 "--check without the emulator" "" "$wpkc" mm.wpk --check
check "... says what is missing" grep -q "the emulator's header was not found" \
	"$scratch/.out"
unset WPK_EMU_DIR
TMPDIR=/nonexistent ends 4 "--check without a temporary folder" "" "$wpkc" \
	mm.wpk --check
TMPDIR=/nonexistent NVCC=/nonexistent ends 1 "PTX without one" \
	"no temporary folder" "$wpkc" mm.wpk --emit=ptx
TMPDIR=$scratch/tmp

# ---- what they leave ----

find "$TMPDIR" -mindepth 1 >"$scratch/left"
empty "no temporary file is left" "$scratch/left"
finish
