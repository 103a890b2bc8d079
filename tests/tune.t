#!/bin/sh
# SPDX-License-Identifier: MIT
# Tuning and its lock file: what is found is written down, used again, and not
# used where it no longer fits; and a search that is interrupted or killed
# leaves what it has, whole.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work" "$scratch/tmp"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
export TMPDIR
cat >mm.wpk <<'END'
export op mm[M = 64, N = 64, K = 64](A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    C[i, j] = sum[k](A[i, k] * B[j, k]);
}
export op twice[N = 100](x: f32[N]) -> (y: f32[N])
{
    y[i] = 2 * x[i];
}
END
cp mm.wpk source
quick='--tune=random --trials=20 --no-verify -q'

# tuned OPTIONS...: a quick search that must succeed.
tuned() {
	# shellcheck disable=SC2086
	"$wpkc" mm.wpk $quick "$@" >"$scratch/.err" 2>&1 ||
		fail "tuning" "$scratch/.err"
}

# ---- written, and used again ----

"$wpkc" mm.wpk -o untuned.cu
tuned --target=sm_80 --set=mm:sketch=fma,mm:tile.block.i=32 \
	--set=mm:tile.block.j=32,mm:tile.thread.i=4 -o tuned.cu
check "--tune writes a lock beside the source" grep -q '^\[mm sm_80 a100\]' \
	mm.wpk.lock
check "... with every operator" grep -q '^\[twice sm_80 a100\]' mm.wpk.lock
check "... and what --set pinned" grep -q '^tile.block.i = 32' mm.wpk.lock
check "... the cost as a prediction" grep -q '^predicted = ' mm.wpk.lock
check "... and that nothing is proved" grep -q '^verified = none' mm.wpk.lock
"$wpkc" mm.wpk --target=sm_80 -o again.cu
check "the lock is used without --tune" cmp tuned.cu again.cu
"$wpkc" mm.wpk --target=sm_80 --no-lock -o other.cu
check "--no-lock does not read it" sh -c '! cmp -s tuned.cu other.cu'
check "--frozen finds all in it" "$wpkc" mm.wpk --target=sm_80 --frozen \
	-o again.cu
check "... and gives the same bytes" cmp tuned.cu again.cu
"$wpkc" mm.wpk --target=sm_80 --op=mm --set=tile.block.i=64 -o other.cu >said 2>&1
check "--set goes before the lock, which is not read" sh -c '
	! cmp -s tuned.cu other.cu && ! grep -q lock said'
ends 3 "--frozen misses a target" "no sm_90a schedule for 'mm'" "$wpkc" mm.wpk \
	--frozen -o again.cu
cp mm.wpk.lock a100.lock
tuned --target=sm_75 -o t4.cu
check "two targets share a lock" grep -c -e '^\[mm sm_75 t4\]' \
	-e '^\[mm sm_80 a100\]' mm.wpk.lock
for t in sm_75 sm_80; do
	check "--frozen for $t" "$wpkc" mm.wpk --frozen --target=$t -o $t.cu
done
check "... each its own" cmp sm_80.cu tuned.cu
check "... each its own, again" cmp sm_75.cu t4.cu
tuned --target=sm_80,sm_75 --lock=both.lock -o both.cu
check "one search for two targets fills a lock" sh -c \
	'[ "$(grep -c "^\[mm sm_75 t4\]\|^\[mm sm_80 a100\]" both.lock)" -eq 2 ]'
check "... which is enough for both, in any order" "$wpkc" mm.wpk --frozen \
	--lock=both.lock --target=sm_75,sm_80 -o again.cu
check "... and gives the same bytes" cmp both.cu again.cu
check "... and for one" "$wpkc" mm.wpk --frozen --lock=both.lock \
	--target=sm_75 -o again.cu
"$wpkc" mm.wpk --lock=a100.lock --frozen --target=sm_80 -o again.cu
check "--lock reads another file" cmp again.cu tuned.cu
tuned --lock=new.lock -o new.cu
check "... and writes there" test -s new.lock
cp mm.wpk.lock before.lock
tuned --no-lock -o new.cu
check "--no-lock writes none" cmp mm.wpk.lock before.lock
cp new.lock h200.lock
tuned --lock=new.lock --gpu=h100 --target=sm_90a -o h100.cu
check "two GPUs of a target share a lock" grep -c -e '^\[mm sm_90a h100\]' \
	-e '^\[mm sm_90a h200\]' new.lock
check "--gpu says which" "$wpkc" mm.wpk --lock=new.lock --frozen --gpu=h100 \
	-o again.cu
check "... it is that" cmp again.cu h100.cu
tuned --lock=two.lock --gpu=h200,h100 -o two.cu
check "one search for two GPUs fills a lock" grep -c -e '^\[mm sm_90a h100\]' \
	-e '^\[mm sm_90a h200\]' two.lock
"$wpkc" mm.wpk --lock=two.lock --frozen -o again.cu
check "without --gpu both are meant" cmp again.cu two.cu
check "... and the launcher asks which there is" grep -q \
	'^	if (gpu == 2)$' two.cu
check "... but for one that is named" sh -c '! grep -q wpk_gpu h100.cu'
"$wpkc" mm.wpk --lock=two.lock --frozen --gpu=h100,h200 -o again.cu
check "... or two" grep -q 'wpk_gpu(1, &gpu)' again.cu
if "$CXX" --version >/dev/null 2>&1; then
	"$wpkc" mm.wpk --lock=two.lock --frozen --op=mm --check >"$scratch/said"
	check "each is checked as its GPU" grep -c \
		-e '^mm for sm_90a on h100: verified' \
		-e '^mm for sm_90a on h200: verified' "$scratch/said"
else
	skip "each is checked as its GPU" "no C++ compiler"
fi
grep -v '^#' two.lock | awk 'BEGIN { RS = ""; ORS = "\n\n" }
	{ v[NR] = $0 } END { for (i = NR; i; i--) print v[i] }' >mixed.lock
"$wpkc" mm.wpk --lock=mixed.lock --frozen -o again.cu
check "the order of stanzas does not matter" cmp again.cu two.cu
ends 1 "a GPU that there is not" "unknown GPU 'h2000'" "$wpkc" mm.wpk \
	--gpu=h100,h2000 -o again.cu
ends 1 "a GPU of another target" "a100 is an sm_80" "$wpkc" mm.wpk \
	--gpu=h100,a100 --target=sm_90a -o again.cu
"$wpkc" mm.wpk --gpu=h100,a100 --no-lock -o again.cu
check "GPUs of two targets are two targets" grep -q ' for sm_80, sm_90a\.$' \
	again.cu

# ---- branches that meet ----

# branch NAME OPTIONS...: base.lock, tuned otherwise.
branch() {
	cp base.lock "$1.lock"
	name=$1
	shift
	tuned --lock="$name.lock" "$@" -o "$name.cu"
}
if command -v git >/dev/null 2>&1; then
	tuned --lock=base.lock --target=sm_75,sm_80 -o base.cu
	branch ours --target=sm_80 --op=mm --set=sketch=fma,tile.block.i=32 \
		--seed=2
	branch theirs --target=sm_80 --op=twice --set=bind.threads=64 --seed=3
	check "branches that tune different operators differ" sh -c \
		'! cmp -s ours.lock base.lock && ! cmp -s theirs.lock base.lock'
	cp ours.lock merged.lock
	check "... and merge" git merge-file -q merged.lock base.lock \
		theirs.lock
	"$wpkc" mm.wpk --lock=merged.lock --frozen --target=sm_80 -o again.cu
	check "... into what both chose" sh -c 'grep -qx "tile.block.i = 32" \
		merged.lock && grep -qx "bind.threads = 64" merged.lock'
	branch ours --target=sm_90a --gpu=h100
	branch theirs --target=sm_90a --gpu=h200
else
	skip "branches that meet" "git was not found"
	tuned --lock=base.lock --target=sm_75,sm_80 -o base.cu
fi
branch ours --target=sm_90a --gpu=h100
branch theirs --target=sm_90a --gpu=h200
check "stanzas added at one place merge" "$wpkc" merge base.lock ours.lock \
	theirs.lock
branch both --target=sm_90a --gpu=h100,h200
check "... as if found together" cmp ours.lock both.lock
check "... into one file for both GPUs" "$wpkc" mm.wpk --lock=ours.lock --frozen \
	--target=sm_75,sm_80,sm_90a -o again.cu
if command -v git >/dev/null 2>&1; then
	mkdir repository
	(
		cd repository || exit 1
		git init -q .
		git config user.name me
		git config user.email me@here
		git config merge.wpkc.driver "'$wpkc' merge %O %A %B"
		echo '*.lock merge=wpkc' >.gitattributes
		commit() {
			cp "$1" mm.wpk.lock && git add -A && git commit -qm "$1"
		}
		commit ../base.lock
		git checkout -qb theirs
		commit ../theirs.lock
		git checkout -q -
		git checkout -qb ours
		cp ../base.lock ../ours.lock
		"$wpkc" ../mm.wpk --lock=../ours.lock --target=sm_90a \
			--gpu=h100 --tune=random --trials=20 --no-verify -q \
			-o ../ours.cu
		commit ../ours.lock
		git merge -qm both theirs
	) >"$scratch/said" 2>&1
	check "git calls wpkc merge" cmp repository/mm.wpk.lock both.lock
else
	skip "git calls wpkc merge" "git was not found"
fi
ends 1 "merging what is no lock" "bad.lock:1: expected a stanza" sh -c \
	'echo rubbish >bad.lock; "$1" merge base.lock bad.lock theirs.lock; \
	code=$?; rm bad.lock; exit $code' - "$wpkc"
ends 1 "merging what is not there" "cannot read 'nix'" "$wpkc" merge base.lock \
	nix theirs.lock
ends 1 "merging two" "three lock files" "$wpkc" merge base.lock theirs.lock

# ---- shares of a GPU ----

# stanzas FILE HEADING: without comments.
stanzas() {
	awk -v heading="[$2]" 'BEGIN { RS = ""; ORS = "\n\n"; FS = "\n" }
		$1 == heading' "$1"
}
cp a100.lock shares.lock
check "an old lock is rewritten byte for byte" sh -c '"$1" merge a100.lock \
	shares.lock a100.lock && cmp a100.lock shares.lock' - "$wpkc"
tuned --lock=shares.lock --target=sm_80 --share=50 --op=mm \
	--set=sketch=fma,tile.block.i=64 -o half.cu
check "--tune --share adds a stanza" [ "$(stanzas shares.lock \
	'mm sm_80 a100 share=50' | grep -c '^tile.block.i = 64$')" -eq 1 ]
stanzas shares.lock 'mm sm_80 a100 share=50' >slices
sed '/^$/d' slices >../slice
sed '/^$/d' shares.lock | grep -vxFf ../slice >../rest
sed '/^$/d' a100.lock | grep -vxFf ../slice >../old
check "... and nothing else changes" cmp ../rest ../old
check "... behind that of all of the GPU" [ "$(grep '^\[' shares.lock |
	tr -d '\n')" = '[mm sm_80 a100][mm sm_80 a100 share=50][twice sm_80 a100]' ]
"$wpkc" mm.wpk --lock=shares.lock --frozen --target=sm_80 -o again.cu
check "builds for all of it are as before" cmp again.cu tuned.cu
"$wpkc" mm.wpk --lock=shares.lock --frozen --target=sm_80 --share=50 --op=mm \
	-o again.cu
check "--share builds by the slice's" cmp again.cu half.cu
"$wpkc" mm.wpk --lock=shares.lock --frozen --target=sm_80 --share=100 -o again.cu
check "a share of 100 is all of it" cmp again.cu tuned.cu
cp shares.lock before.lock
tuned --lock=shares.lock --target=sm_80 --seed=3 --op=mm -o other.cu
stanzas shares.lock 'mm sm_80 a100 share=50' >again
check "tuning all of it leaves the slice's stanza" cmp slices again
cp before.lock shares.lock

# nearest SHARE WHOSE: what is taken for want of a stanza, and said.
nearest() {
	ends 0 "for $1 %: what $2 has" \
		"mm: the lock has no schedule for $1 % of the GPU: that for $2" \
		"$wpkc" mm.wpk --lock=shares.lock --target=sm_80 --op=mm \
		--share="$1" -o again.cu
	check "... the same bytes" cmp again.cu "$3"
	ends 3 "... but with --frozen" "run wpkc --tune --share=$1 without" \
		"$wpkc" mm.wpk --lock=shares.lock --target=sm_80 \
		--op=mm --share="$1" --frozen -o again.cu
}
"$wpkc" mm.wpk --lock=shares.lock --frozen --target=sm_80 --op=mm -o all.cu
tuned --lock=shares.lock --target=sm_80 --share=10 --op=mm \
	--set=sketch=gemv -o tenth.cu
nearest 99 '50 % of the GPU is taken' half.cu
nearest 49 '10 % of the GPU is taken' tenth.cu
nearest 5 '10 % of the GPU is taken' tenth.cu
"$wpkc" mm.wpk --lock=a100.lock --frozen --target=sm_80 --op=mm -o all.cu
ends 0 "where there is no slice" "all of the GPU is taken" "$wpkc" mm.wpk \
	--lock=a100.lock --target=sm_80 --op=mm --share=50 -o again.cu
check "... the same bytes" cmp again.cu all.cu
stanzas shares.lock 'mm sm_80 a100 share=50' >half.lock
ends 0 "where there is nothing but a slice" "50 % of the GPU is taken" "$wpkc" \
	mm.wpk --lock=half.lock --target=sm_80 --op=mm -o again.cu
check "... the same bytes" cmp again.cu half.cu
ends 3 "... but with --frozen" "it has that for 50 % of the GPU: run wpkc \
--tune without" "$wpkc" mm.wpk --lock=half.lock --target=sm_80 --op=mm --frozen \
	-o again.cu
sed 's/^tile.block.i = 64/tile.block.i = 63/' shares.lock >odd.lock
ends 0 "a slice's schedule that is not legal is not used" "is not used" \
	"$wpkc" mm.wpk --lock=odd.lock --target=sm_80 --op=mm --share=50 \
	-o again.cu
ends 3 "... and --frozen misses it" "63" "$wpkc" mm.wpk --lock=odd.lock \
	--target=sm_80 --op=mm --share=50 --frozen -o again.cu
cp two.lock three.lock
tuned --lock=three.lock --gpu=h100 --target=sm_90a --share=50 -o h100.cu
"$wpkc" mm.wpk --lock=three.lock --frozen -o again.cu
check "a slice of one GPU changes nothing for all of two" cmp again.cu two.cu
"$wpkc" mm.wpk --lock=three.lock --frozen --share=50 -o again.cu
check "... and is alone for its share" cmp again.cu h100.cu

cat >big.wpk <<'END'
export op mm[M = 1280, N = 1280, K = 64](a: f16[M, K], b: f16[N, K]) -> (c: f16[M, N])
{
    c[i, j] = f16(sum[k](f32(a[i, k]) * f32(b[j, k])));
}
END
big='--set=sketch=wgmma,tile.block.i=128,tile.block.j=128,cluster.i=1,cluster.j=1'
big="$big --set=raster.persistent=on,split_k.c_red0=1"
# shellcheck disable=SC2086
ends 2 "100 tiles at once on 132 multiprocessors" \
	"100 tiles all run at once on h200: persistent = off" "$wpkc" big.wpk \
	--no-lock $big -o big.cu
# shellcheck disable=SC2086
check "... and by turns on 66" "$wpkc" big.wpk $big --share=50 --tune=random \
	--trials=1 --no-verify -q -o big.cu
check "... which are as many blocks" grep -q 'gridDim = dim3(66);' big.cu
ends 0 "a larger slice has the kernel of the smaller" "50 % of the GPU is taken" \
	"$wpkc" big.wpk --share=75 -o again.cu
check "... the same bytes" cmp again.cu big.cu

# slice SHARE OPTIONS...: a branch of a100.lock that tunes it.
slice() {
	share=$1
	cp a100.lock "$share.lock"
	shift
	tuned --lock="$share.lock" --target=sm_80 --op=mm "--share=$share" "$@" \
		-o slice.cu
}
slice 50 --set=sketch=fma,tile.block.i=64
slice 25 --set=sketch=gemv
cp 25.lock ours.lock
check "branches that tune two shares merge" "$wpkc" merge a100.lock ours.lock \
	50.lock
cp 25.lock both.lock
tuned --lock=both.lock --target=sm_80 --op=mm --share=50 \
	--set=sketch=fma,tile.block.i=64 -o slice.cu
check "... as if tuned one after the other" cmp ours.lock both.lock
cp 50.lock ours.lock
slice 50 --set=sketch=gemv
sed '/share=50/,/^$/s/^predicted = .*/predicted = 1 s/' ours.lock >slow.lock
check "of two for one share" "$wpkc" merge a100.lock slow.lock 50.lock
check "... the faster is taken" cmp slow.lock 50.lock

# ---- the same again ----

tuned --no-lock --seed=7 -o one.cu
tuned --no-lock --seed=7 -o two.cu
check "equal seeds, equal results" cmp one.cu two.cu
for s in ga random exhaustive; do
	"$wpkc" mm.wpk --lock="$s.lock" --tune=$s --trials=30 --effort=2 \
		--measure=model --no-verify -o $s.cu >"$scratch/said" 2>&1
	check "--tune=$s" grep -q 'costs are predictions for h200' \
		"$scratch/said"
	check "... reads back" "$wpkc" mm.wpk --lock="$s.lock" --frozen \
		-o again.cu
	check "... the same" cmp again.cu $s.cu
done
check "--trials bounds the search" grep -q '[^0-9]30 candidates scored' \
	"$scratch/said"

# ---- what no longer fits ----

sed 's/2 \* x/3 * x/' source >mm.wpk
ends 3 "an edited operator has no schedule" "for 'twice'" "$wpkc" mm.wpk \
	--frozen --target=sm_80 -o again.cu
check "the other one has" sh -c '! grep "for .mm." "$1"' - "$scratch/.err"
check "... alone" "$wpkc" mm.wpk --frozen --target=sm_80 --op=mm -o again.cu
sed 's,^{,{ // as before,; s,2 \* x,2  *  x,' source >mm.wpk
check "white space and comments change nothing" "$wpkc" mm.wpk --frozen \
	--target=sm_80 -o again.cu
cp source mm.wpk
sed 's/^tile.block.i = 32/tile.block.i = 33/' a100.lock >odd.lock
ends 0 "a schedule that is not legal is not used" "is not used" "$wpkc" mm.wpk \
	--lock=odd.lock --target=sm_80 -o again.cu
ends 3 "... and --frozen misses it" "33" "$wpkc" mm.wpk \
	--lock=odd.lock --frozen --target=sm_80 -o again.cu
sed 's/^sketch = fma/sketch = fmb/' a100.lock >odd.lock
ends 3 "a sketch that is not there" "there is no sketch 'fmb'" "$wpkc" mm.wpk \
	--lock=odd.lock --frozen --target=sm_80 -o again.cu
sed '/^tile.block.i/d' a100.lock >odd.lock
ends 3 "a stanza that says too little" "tile.block.i" "$wpkc" mm.wpk \
	--lock=odd.lock --frozen --target=sm_80 -o again.cu

# ---- what is no lock ----

# corrupt NAME LINE TEXT: bad.lock is refused there.
corrupt() {
	ends 1 "$1" "bad.lock:$2: $3" "$wpkc" mm.wpk --lock=bad.lock -o again.cu
}
line=$(grep -n '^hash' a100.lock | sed -n '1s/:.*//p')
sed "${line}s/= .*/= 12/" a100.lock >bad.lock
corrupt "a lock with a bad hash" "$line" "a hash has 16"
sed "${line}s/ = / /" a100.lock >bad.lock
corrupt "a line that is no pair" "$line" "expected name = value"
{ echo '<<<<<<< ours'; cat a100.lock; } >bad.lock
corrupt "a conflict marker" 1 "an unresolved merge conflict"
sed "${line}i =======" a100.lock >bad.lock
corrupt "a conflict marker in a stanza" "$line" "an unresolved merge conflict"
for share in 0 101 half 50% 050; do
	sed "$((line - 1))s/\]/ share=$share]/" a100.lock >bad.lock
	corrupt "a share of $share" "$((line - 1))" \
		"a share is 1 to 100 percent, not '$share'"
done
sed "$((line - 1))s/\]/ 50]/" a100.lock >bad.lock
corrupt "a share that does not say so" "$((line - 1))" \
	"behind the GPU stands its share, as in"
ends 1 "... and merge" "bad.lock:$((line - 1)): behind the GPU" "$wpkc" merge \
	a100.lock bad.lock a100.lock
{ cat shares.lock; stanzas shares.lock 'mm sm_80 a100 share=50'; } >bad.lock
ends 1 "a share twice" "[mm sm_80 a100 share=50] group 0 is already at line" \
	"$wpkc" mm.wpk --lock=bad.lock -o again.cu
head -n "$line" a100.lock >bad.lock
corrupt "a lock cut short" "$((line - 1))" "this stanza is cut short"
{ cat a100.lock; sed 1d a100.lock; } >bad.lock
ends 1 "a lock with a stanza twice" "is already at line" "$wpkc" mm.wpk \
	--lock=bad.lock -o again.cu
printf 'a\0b\377' >bad.lock
ends 1 "a lock that is no text" "cannot read lock file" "$wpkc" mm.wpk \
	--lock=bad.lock -o again.cu
echo rubbish >bad.lock
corrupt "a lock of rubbish" 1 "expected a stanza"
ends 1 "... is not overwritten" "bad.lock:" "$wpkc" mm.wpk --tune \
	--lock=bad.lock -o again.cu
if [ "$(id -u)" != 0 ]; then
	mkdir -p closed && chmod 555 closed
	ends 1 "a lock that cannot be written" "Permission denied" "$wpkc" \
		mm.wpk --tune --lock=closed/new.lock -o again.cu
	chmod 755 closed
	cp a100.lock bad.lock && chmod 0 bad.lock
	ends 1 "a lock that cannot be read" "Permission denied" "$wpkc" \
		mm.wpk --lock=bad.lock -o again.cu
	chmod 644 bad.lock
else
	skip "locks that may not be read or written" "root may"
fi

# ---- sizes left open, tune blocks ----

cat >open.wpk <<'END'
export op mm(A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    C[i, j] = sum[k](A[i, k] * B[j, k]);
}
tune mm { shape(M = {16, 33}, N = 32, K = 32); budget(trials = 10, time = "5s"); }
END
"$wpkc" open.wpk --tune=random --no-verify -o open.cu 2>"$scratch/said"
check "a stanza for each shape of a tune block" grep -c -e '^\[mm_M16' \
	-e '^\[mm_M33' open.wpk.lock
check "a tune block's budget" grep -q '[^0-9]10 candidates scored' \
	"$scratch/said"
check "... and --frozen" "$wpkc" open.wpk --frozen -o again.cu
check "... the same" cmp again.cu open.cu
ends 3 "another shape misses" "mm" "$wpkc" open.wpk --frozen \
	--shape=M=17,N=32,K=32 -o again.cu

# ---- proved ----

if "$CXX" --version >/dev/null 2>&1; then
	rm -f mm.wpk.lock
	check "winners are proved" "$wpkc" mm.wpk --tune=random --trials=20 \
		-j 2 -o proved.cu
	check "... and the lock says so" test \
		"$(grep -c '^verified = emulation' mm.wpk.lock)" = 2
else
	skip "winners are proved" "no C++ compiler"
fi

# ---- interrupted ----

# A hundred seconds of search, ended after one.
rm -f ./*.lock
"$wpkc" mm.wpk --tune=ga --trials=100000000 --time=100s --no-verify \
	--target=sm_80 -o long.cu >"$scratch/said" 2>&1 &
search=$!
sleep 1
kill -INT $search
wait $search
code=$?
check "an interrupted search ends with 0" test $code = 0
check "... says what it has" grep -q 'best found so far' "$scratch/said"
check "... writes it" test -s long.cu
check "... to the lock" "$wpkc" mm.wpk --frozen --target=sm_80 -o again.cu
check "... the same" cmp again.cu long.cu

# Waits up to three seconds for a process to end.
gone() {
	i=0
	while kill -0 "$1" 2>/dev/null && [ $i -lt 30 ]; do
		sleep 0.1
		i=$((i + 1))
	done
}

# stopped NAME NVCC SIGNAL: a proof held up by a program that takes its time;
# the whole process group gets the signal, as from a terminal.
stopped() {
	rm -f mm.wpk.lock long.cu
	NVCC=$2 setsid "$wpkc" mm.wpk --tune=random --trials=20 -j 2 \
		-o long.cu >"$scratch/said" 2>&1 &
	search=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ -e "$scratch/tmp/began" ] && break
		sleep 0.3
	done
	check "$1: the proof has begun" test -e "$scratch/tmp/began"
	kill "-$3" -$search
	gone $search
	check "$1: it ends soon" sh -c '! kill -0 $1' - $search
	child=$(cat "$scratch/tmp/began")
	gone "$child"
	i=0
	while [ -n "$(find "$scratch/tmp" -name "wpkc-*")" ] && [ $i -lt 30 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	kill -KILL -$search 2>/dev/null
	wait $search 2>/dev/null
	code=$?
	check "$1: no child is left" sh -c '! kill -0 "$1"' - "$child"
	rm -f "$scratch/tmp/began"
	ls -A "$scratch/tmp" >"$scratch/left"
	empty "$1: no temporary file is left" "$scratch/left"
	find . -name '*.cu.*' -o -name '*.lock.*' >"$scratch/left"
	empty "$1: nothing is half-written" "$scratch/left"
}
cat >"$scratch/slow" <<END
#!/bin/sh
echo \$\$ >"$scratch/tmp/began"
exec sleep 1000
END
chmod +x "$scratch/slow"
if command -v setsid >/dev/null 2>&1; then
	stopped "Ctrl-C while it proves" "$scratch/slow" INT
	check "Ctrl-C while it proves: the best is kept" test \
		"$code" = 0 -a -s long.cu -a -s mm.wpk.lock
	stopped "SIGTERM while it proves" "$scratch/slow" TERM
	check "SIGTERM while it proves: it says so" test "$code" = 143
else
	skip "signals while it proves" "setsid was not found"
fi

# ---- a lock from before there was a tunable ----

cat >halo.wpk <<'END'
import std.conv;
export op halo = std.conv.conv2d[T = f16, N = 2, C = 64, H = 10, W = 10, F = 48,
    R = 3, S = 3, PH = 1, PW = 1]
    with x layout(N, H, W, C), w layout(F, R, S, C/G), y layout(N, P, Q, F);
END
"$wpkc" halo.wpk -q --tune=random --measure=model --trials=5 --no-verify \
	--gpu=h200 --set=sketch=wgmma,stage.x.halo=off -o halo.cu
sed -i '/^stage.x.halo = off$/d' halo.wpk.lock
check "a lock that says nothing of halos is taken" "$wpkc" halo.wpk --frozen \
	--gpu=h200 -o again.cu
check "... and means none" cmp halo.cu again.cu
sed -i '/^tile.block.f = /d' halo.wpk.lock
ends 3 "but not one that leaves a tile open" "it leaves 'tile.block.f' open" \
	"$wpkc" halo.wpk --frozen --gpu=h200 -o again.cu

# ---- killed ----

# The old text or the new one, never a part, whenever it is killed.
conv=$top_srcdir/examples/resnet18/conv.wpk
"$wpkc" "$conv" --no-lock -o new.text
: >torn
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	echo old >killed.cu
	timeout -s KILL "0.0$((i / 5))$((i % 5 * 2))" "$wpkc" "$conv" --no-lock \
		-o killed.cu >/dev/null 2>&1
	[ "$(cat killed.cu)" = old ] || cmp killed.cu new.text >>torn 2>&1
done
empty "killed, it leaves the old file or the new one" torn
finish
