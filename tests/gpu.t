#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/gpu/run, with the emulator in the place of the GPU: every step is a
# step it knows, records are whole, and what has a record is no longer to do.
. "${top_srcdir:-.}/tests/lib.sh"

run=$top_srcdir/tests/gpu/run
WPKC=$top_builddir/wpkc
export WPKC

if ! "${CXX:-c++}" --version >/dev/null 2>&1; then
	skip "all" "no C++ compiler"
	finish
	exit
fi

"$run" --todo >"$scratch/todo"
grep -v '^#' "$top_srcdir/tests/gpu/cases.tsv" | cut -f 1,2,3 |
while IFS="$(printf '\t')" read -r id kind file; do
	[ -f "$top_srcdir/$file" ] || echo "$id: no $file"
	case $kind in
	check | tune | sweep | search | slice | legacy | suite) ;;
	*) echo "$id: $kind" ;;
	esac
done >"$scratch/found"
empty "every step has a source and a known kind" "$scratch/found"
check "something is to do, or everything has a record" \
	sh -c '[ -s "$1" ] || ls "$2"/tests/bench/results/*.jsonl' - \
	"$scratch/todo" "$top_srcdir"

"$run" --emulate --out "$scratch/out" --points 1 sweep-c12 bias-gelu \
	>"$scratch/log" 2>&1
check "two steps run by emulation" [ $? -eq 0 ]
check "each kernel has a record" \
	[ "$(grep -c . "$scratch/out/results.jsonl")" -eq 2 ]
check "records say what was found" \
	grep -q '"op": "c12", "verdict": "verified", "cold_s": null' \
	"$scratch/out/results.jsonl"
check "and what was predicted, of which point" \
	grep -Eq '"predicted_s": [0-9.e-]+, "point": "(kernel=[^ ]+ )?sketch=' \
	"$scratch/out/results.jsonl"
"$run" --emulate --out "$scratch/targets" targets >"$scratch/log" 2>&1
check "of several targets each has its records" \
	grep -q '"op": "target_mm for sm_90a", "verdict": "verified"' \
	"$scratch/targets/results.jsonl"
"$run" --emulate --out "$scratch/hand" hand open >"$scratch/log" 2>&1
check "a kernel by hand and sizes at run time have records" \
	[ "$(grep -Ec '"op": "(hand|made)_|"open_mm where M = 3' \
	"$scratch/hand/results.jsonl")" -eq 3 ]
cut -f 4 "$top_srcdir/tests/gpu/cases.tsv" |
	sed -n 's/.*sketch=\([a-z]*\).*/\1/p' | sort -u >"$scratch/swept"
"$WPKC" --list=sketches | cut -d ' ' -f 1 | grep -vx 'variant\|library' | sort |
	comm -23 - "$scratch/swept" >"$scratch/found"
empty "every sketch has random points to try" "$scratch/found"
"$run" --emulate --out "$scratch/search" search-winograd >"$scratch/log" 2>&1
check "a search that measures has its record" \
	grep -Eq '"verdict": "searched", "candidates": [1-9].*"per_second": [0-9]' \
	"$scratch/search/results.jsonl"
check "... and what it chose" grep -q '"op": "odd", "verdict": "verified"' \
	"$scratch/search/results.jsonl"
if [ -n "$INSTRUMENT" ]; then
	skip "legacy algorithms of cuDNN" "instrumented build"
elif ! stub_cudnn 2>"$scratch/.err"; then
	fail "a cuDNN for tests" "$scratch/.err"
else
	WPK_LIBCUDNN=$scratch/dnn.so "$run" --emulate --out "$scratch/legacy" legacy \
		>"$scratch/log" 2>&1
	check "legacy algorithms of cuDNN are compared" [ $? -eq 0 ]
	sed -n 's/.*"op": "\([a-z_]*\)", "algorithm": "legacy_1_tensor"/\1/p' \
		"$scratch/legacy/results.jsonl" |
		sed 's/, "verdict": "\([a-z]*\)".*/ \1/' >"$scratch/found"
	cat >"$scratch/want" <<'END'
forward verified
planes none
fused verified
groups verified
by_input verified
by_filter verified
END
	check "... in each direction, where there are any" diff "$scratch/want" \
		"$scratch/found"
	WPK_LIBCUDNN=$scratch/none.so "$run" --emulate --out "$scratch/lacks" legacy \
		>"$scratch/log" 2>&1
	check "without cuDNN none is" [ $? -ne 0 ]
fi
# ---- the program that checks on a GPU ----

# In place of nvcc: that program, for the emulator.
cat >"$scratch/nvcc" <<END
#!/bin/sh
while [ "\$1" != -o ]; do shift; done
compile() {
	out=\$1
	shift
	$CXX -x c++ -std=gnu++17 -w -Wno-psabi -fno-strict-aliasing \\
		-fno-math-errno -fno-exceptions -O1 -c -o "\$out" "\$@"
}
compile "\$2.o" -DWPK_EMULATE -D__CUDA_ARCH__=900 -D__CUDA_ARCH_FEAT_SM90_ALL \\
	-include "$top_srcdir/runtime/emu/wpk_emu.h" "\$3" &&
compile "\$2.main" -DLAUNCH_SECONDS=3 -I"$top_srcdir/runtime/emu/host" \\
	-include "$top_srcdir/tests/gpu/emulated.h" "\$4" &&
exec $CXX -o "\$2" "\$2.o" "\$2.main" "$top_builddir/libwpkemu.a"
END
chmod +x "$scratch/nvcc"
checks() {
	env NVCC="$scratch/nvcc" "$@" "$WPKC" "$top_srcdir/tests/gpu/hand.wpk" \
		--no-lock --check=gpu -j 2 >"$scratch/log" 2>&1
}
if [ -n "$INSTRUMENT" ]; then
	skip "the program that checks on a GPU" "instrumented build"
else
	check "the program that checks on a GPU checks" checks \
		TURNS="$scratch/turns"
	check "... and tells times" test "$(grep -c \
		'verified whole on emulator, .* us cold, .* us hot' \
		"$scratch/log")" = 2
	check "... alone, though all of it takes longer than a launch may" \
		[ ! -e "$scratch/turns.both" ]
	checks NO_GPU=1
	check "... or why there is no GPU" grep -q \
		'not verified: no GPU: invalid device' "$scratch/log"
	checks HANGS="$scratch/hangs"
	check "... of a kernel that hangs the one" grep -Eq \
		': a launch of the kernels does not end: check at smaller sizes$' \
		"$scratch/log"
	check "... and the other is right" grep -q 'verified whole' "$scratch/log"
	check "... where memory does not suffice for both, one after the other" \
		checks FULL=2
	checks FULL=99
	check "... or at all, is told" grep -q \
		'not verified: the GPU does not have the memory' "$scratch/log"
fi

"$run" --emulate --out "$scratch/none" no-such-step >/dev/null 2>&1
check "a run that runs nothing fails" [ $? -ne 0 ]

# ---- the benchmark suite ----

"$run" --emulate --out "$scratch/suite" suite-first >"$scratch/log" 2>&1
check "a step of the suite runs" [ $? -eq 0 ]
check "... and keeps its records" \
	[ "$(grep -c '"step": "suite-first"' "$scratch/suite/suite/suite.jsonl")" \
	-eq 6 ]
check "... and is over" grep -qx suite-first "$scratch/suite/done"
grep -v '^#' "$top_srcdir/tests/gpu/cases.tsv" | grep -v '^suite-first' |
	cut -f 1 >>"$scratch/suite/done"
"$run" --emulate --out "$scratch/suite" >"$scratch/log" 2>&1
check "what is over is not run again" grep -q '^0 steps' "$scratch/log"
"$run" --emulate --out "$scratch/late" --minutes 0 suite-first \
	>"$scratch/log" 2>&1
check "a step that was not started is not over" \
	sh -c '! grep -q . "$1/late/done"' - "$scratch"
# ---- little time, and a machine that keeps nothing ----

"$run" --emulate --out "$scratch/out" --pack "$scratch/out.tgz" --minutes 0 \
	>"$scratch/log" 2>&1
check "steps that were not started are counted" grep -Eq \
	'^[0-9]+ steps not started: 0 minutes are over$' "$scratch/log"
check "what there is is packed" [ -s "$scratch/out.tgz" ]
check "... before the last line" sh -c 'tail -n 1 "$1" | grep -q "^0 steps" &&
	grep -q "bytes in .*/out.tgz" "$1"' - "$scratch/log"
mkdir "$scratch/elsewhere"
"$run" --emulate --out "$scratch/elsewhere/out" --pack "$scratch/out.tgz" \
	--points 1 >"$scratch/log" 2>&1 --minutes 0
check "... and gone on with" cmp "$scratch/out/results.jsonl" \
	"$scratch/elsewhere/out/results.jsonl"
"$run" --emulate --out "$scratch/elsewhere/other" --pack "$scratch/out.tgz" \
	--minutes 0 >"$scratch/log" 2>&1
check "an archive of another folder is told" grep -q 'holds out, not other' \
	"$scratch/log"
check "... and not begun anew" [ ! -e "$scratch/elsewhere/other" ]
mkdir "$scratch/no-tar"
printf '#!/bin/sh\necho cut >"$2"\nexit 2\n' >"$scratch/no-tar/tar"
chmod +x "$scratch/no-tar/tar"
cp "$scratch/out.tgz" "$scratch/kept.tgz"
PATH=$scratch/no-tar:$PATH "$run" --emulate --out "$scratch/out" --minutes 0 \
	--pack "$scratch/kept.tgz" >"$scratch/log" 2>&1
check "a tar that fails is told" grep -q 'kept.tgz is not of now' "$scratch/log"
check "... and leaves the archive that there is" cmp "$scratch/out.tgz" \
	"$scratch/kept.tgz"
check "... and no other" sh -c '! ls "$1"/kept.tgz.*' - "$scratch"
mkdir "$scratch/hurry"
printf '#!/bin/sh\nexec %s 0.2\n' "$(command -v sleep)" >"$scratch/hurry/sleep"
printf '#!/bin/sh\n[ "$1" = --version ] || exec %s 3\n' "$(command -v sleep)" \
	>"$scratch/brief"
chmod +x "$scratch/hurry/sleep" "$scratch/brief"
# packs SIGNAL: ends a run that packs, and tells which of its processes are left.
packs() {
	PATH=$scratch/hurry:$PATH WPKC=$scratch/brief "$run" --emulate --out \
		"$scratch/$1" --pack "$scratch/$1.tgz" hand >"$scratch/log" 2>&1 &
	packing=$!
	sleep 1.5
	kill "-$1" $packing
	wait $packing 2>/dev/null
	sleep 1.5
	ps -eo args= >"$scratch/alive"
	grep "[/]$1.tgz" "$scratch/alive" >"$scratch/found"
	[ -s "$scratch/$1.tgz" ] || echo "nothing was packed" >>"$scratch/found"
	ls "$scratch/$1.tgz".* >>"$scratch/found" 2>/dev/null
}
packs KILL
empty "killed, a run leaves nothing that packs" "$scratch/found"
packs TERM
empty "... nor ended" "$scratch/found"
cat >"$scratch/slow" <<'END'
#!/bin/sh
case $1 in --version) echo wpkc 0; exit ;; esac
trap 'kill $!; exit 143' TERM
sleep 100 &
wait
END
cat >"$scratch/wrong" <<'END'
#!/bin/sh
case $1 in --version) echo wpkc 0; exit ;; esac
echo "good: verified whole"
echo "bad: wrong: 7 outputs"
exit 4
END
chmod +x "$scratch/slow" "$scratch/wrong"
WPKC=$scratch/slow "$run" --emulate --out "$scratch/cut" --minutes 1 \
	--grace -58 hand >"$scratch/log" 2>&1
check "what still runs in the end is cut off" grep -qx 'hand: cut off' \
	"$scratch/log"
check "... and neither over nor a record" sh -c '! [ -s "$1/done" ] &&
	! [ -s "$1/results.jsonl" ]' - "$scratch/cut"
WPKC=$scratch/wrong "$run" --emulate --out "$scratch/wrong.out" hand \
	>"$scratch/log" 2>&1
check "a check that fails fails the run" [ $? -ne 0 ]
tail -n 3 "$scratch/log" >"$scratch/found"
printf '#!/bin/sh\n[ "$1" = --version ] || kill -9 $$\n' >"$scratch/killed"
chmod +x "$scratch/killed"
WPKC=$scratch/killed "$run" --emulate --out "$scratch/killed.out" hand \
	search-winograd >"$scratch/log.killed" 2>&1
check "what others kill is not cut off" grep -q '^hand: FAILED (137)$' \
	"$scratch/log.killed"
check "... and a search's own log is told" grep -q -e \
	"^-- search-winograd failed: $scratch/killed.out/search-winograd.search.log" \
	"$scratch/log.killed"
check "... where there is one" sh -c '! grep "No such file" "$1"' - \
	"$scratch/log.killed"
cat >"$scratch/want" <<END
-- hand failed: $scratch/wrong.out/hand.log
bad: wrong: 7 outputs
1 steps, 2 records in $scratch/wrong.out/results.jsonl, failed: hand
END
check "... and the last lines say of what" diff "$scratch/want" "$scratch/found"

WPK_LIBCUDA=$scratch/none "$run" --out "$scratch/no-gpu" hand >"$scratch/log" 2>&1
check "without a GPU nothing runs" [ $? -eq 1 ]
check "... and it is told why" grep -q 'there is no CUDA driver (.*/none)' \
	"$scratch/log"
if [ -z "$INSTRUMENT" ]; then
	WPK_LIBCUDA=$top_builddir/libwpkemu.so NVCC=$scratch/nvcc "$run" \
		--out "$scratch/driven" hand >"$scratch/log" 2>&1
	check "with a driver all of it runs" [ $? -eq 0 ]
	check "... and records have times" test "$(grep -c \
		'"verdict": "verified", "cold_s": [0-9.e-]*, "hot_s": 0.0005' \
		"$scratch/driven/results.jsonl")" = 2
	check "... and the device, also where there is no nvidia-smi" sh -c \
		'command -v nvidia-smi || grep -q "\"device\": \"emulator\"" "$1"' \
		- "$scratch/driven/results.jsonl"
else
	skip "with a driver all of it runs" "instrumented build"
fi

# ---- libraries of Python's packages ----

site="$scratch/a site"
mkdir -p "$site/nvidia/cudnn/lib" "$site/nvidia/cu13/lib"
libraries() {
	PYTHONPATH=$site sh -c '. "$1"
	echo "$LD_LIBRARY_PATH"' - "$top_srcdir/tests/gpu/libraries.sh"
}
if python3 -c '' 2>/dev/null; then
	LD_LIBRARY_PATH=/first libraries >"$scratch/log"
	check "Python's CUDA is found, behind what is named" grep -q \
		"^/first:$site/nvidia/cu13/lib:$site/nvidia/cudnn/lib" \
		"$scratch/log"
else
	skip "Python's CUDA" "no python3"
fi
suite_to_do() {
	grep -q '^suite-first: suite ' "$scratch/todo"
}
if ls "$top_srcdir"/tests/bench/results/*.jsonl >/dev/null 2>&1; then
	skip "the suite is to do" "there are records"
else
	check "the suite is to do" suite_to_do
fi
finish
