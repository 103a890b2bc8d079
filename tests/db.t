#!/bin/sh
# SPDX-License-Identifier: MIT
# The tuning database loses nothing that was reported: with many processes at
# once, when they are killed, when the disk is full. What is no database is left
# as it is. And wpkdb does what wpkdb(1) says.
. "${top_srcdir:-.}/tests/lib.sh"

wpkdb=$top_builddir/wpkdb
tool=$top_builddir/tests/unit/db_tool
mkdir -p "$scratch/work" "$scratch/tmp"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
WPK_DB=$scratch/work/own.db
export TMPDIR WPK_DB

# Records of database $1, or of the user's.
records() {
	"$wpkdb" ${1:+--db="$1"} export | wc -l
}

# ---- many at once ----

pids=
for i in 1 2 3 4 5 6 7 8; do
	"$tool" write many.db "w$i" 200 >"$scratch/said.$i" 2>&1 &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || echo "writer $pid failed"
done >"$scratch/found"
empty "eight writers at once all end well" "$scratch/found"
check "... none of their records is lost" test "$(records many.db)" = 1600
check "... nor numbered twice" test \
	"$(cat "$scratch"/said.* | sort -u | wc -l)" = 1600
check "... and the log is gone" test ! -e many.db-wal
"$wpkdb" --db=many.db runs --json >runs
check "... each in a run of its own" test \
	"$(grep -o '"candidates":200' runs | wc -l)" = 8

# ---- killed ----

rounds=200
[ -z "$WPK_FULL" ] || rounds=1000
check "$rounds times two writers are killed, and nothing reported is lost" \
	"$tool" kill killed.db $rounds 1
check "... and it is sound" "$wpkdb" --db=killed.db check
cp killed.db stable.db
"$wpkdb" --db=killed.db export >whole
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	cp stable.db imported.db
	timeout -s KILL 0.0$((i / 4))$((i % 4 * 2)) "$wpkdb" \
		--db=imported.db prune --run=1 >/dev/null 2>&1
	timeout -s KILL 0.0$((i / 4))$((i % 4 * 2)) "$wpkdb" \
		--db=imported.db import whole >/dev/null 2>&1
	n=$(records imported.db)
	case $n in
	"$(records stable.db)") ;;
	*) "$wpkdb" --db=imported.db show --run=1 >run1
		[ ! -s run1 ] || echo "run 1 is left in part"
		;;
	esac
	"$wpkdb" --db=imported.db check
	rm -f imported.db*
done 2>&1 | grep -v ': sound$' >"$scratch/found"
empty "an import or pruning that is killed is done or not" "$scratch/found"

# ---- what it cannot write ----

"$tool" sample full.db
"$wpkdb" --db=many.db export >plenty
for blocks in 1 8 40 80 120; do
	cp full.db old.db
	sh -c 'ulimit -f "$1"; exec "$2" --db=full.db import plenty' - $blocks \
		"$wpkdb" >"$scratch/.out" 2>"$scratch/.err"
	code=$?
	if [ $code = 0 ]; then
		[ "$(records full.db)" -gt 9 ] || echo "$blocks: 0, but lost"
	else
		[ $code = 1 ] || echo "$blocks: ended with $code"
		grep -q 'full.db: .*\(full\|File too large\|I/O\)' \
			"$scratch/.err" || cat "$scratch/.err"
		[ "$(records full.db)" = 9 ] || echo "$blocks: not as before"
	fi
	"$wpkdb" --db=full.db check | grep -v sound
	rm -f full.db*
	mv old.db full.db
done >"$scratch/found"
empty "a disk that is full stores all or nothing, and says so" \
	"$scratch/found"
if [ "$(id -u)" = 0 ] && mkdir -p disk &&
	mount -t tmpfs -o size=200k none disk 2>/dev/null; then
	cp full.db disk/own.db
	ends 1 "a small disk" "the disk is full" "$wpkdb" --db=disk/own.db \
		import plenty
	check "... what was there still is" test "$(records disk/own.db)" = 9
	umount disk
else
	skip "a small disk" "none could be mounted"
fi
if [ "$(id -u)" != 0 ]; then
	mkdir -p closed && cp full.db closed && chmod 555 closed
	ends 1 "a folder that may not be written" "closed" "$wpkdb" \
		--db=closed/new.db import plenty
	ends 1 "... with a database in it" "closed/full.db" "$wpkdb" \
		--db=closed/full.db import plenty
	check "... which can be read" test "$(records closed/full.db)" = 9
	chmod 755 closed
	cp full.db shut.db && chmod 444 shut.db
	ends 1 "a file that may not be written" "may not be written" \
		"$wpkdb" --db=shut.db import plenty
	chmod 0 shut.db
	ends 1 "a file that may not be read" "shut.db" "$wpkdb" --db=shut.db list
	chmod 644 shut.db
else
	skip "files and folders that may not be read or written" "root may"
fi
ends 1 "a folder that cannot be made" "plenty" "$wpkdb" --db=plenty/x.db \
	import plenty
ends 1 "a folder for a database" "it is no file" "$wpkdb" --db=. list
mkfifo pipe
ends 1 "a pipe for a database" "it is no file" timeout 10 "$wpkdb" \
	--db=pipe list
rm pipe

# ---- what is no database ----

# refuses NAME FILE TEXT: reading and writing it end with TEXT; it is not
# touched.
refuses() {
	cp "$2" "$2.before"
	ends 1 "$1" "$2: $3" "$wpkdb" --db="$2" list
	ends 1 "$1, written" "$2: $3" "$wpkdb" --db="$2" import whole
	check "$1 is left as it is" cmp "$2" "$2.before"
}
echo "this is a text of some length, and no database at all" >text.db
refuses "a text" text.db "it is no tuning database"
head -c 9000 killed.db >short.db
refuses "a database cut short" short.db "it is damaged"
head -c 50 killed.db >stub.db
refuses "the head of one" stub.db "it is damaged"
: >none.db
check "an empty file is an empty database" test "$(records none.db)" = 0
check "... and takes records" "$wpkdb" --db=none.db import whole
# Of a database whose pages are overwritten reading may find it; check must.
cp killed.db holes.db
dd if=/dev/zero of=holes.db bs=4096 seek=3 count=4 conv=notrunc 2>/dev/null
ends 1 "a database with holes" "damaged" "$wpkdb" --db=holes.db check
if command -v sqlite3 >/dev/null 2>&1; then
	sqlite3 other.db 'CREATE TABLE x(y); INSERT INTO x VALUES(1)'
	refuses "somebody else's" other.db "it is a database of something else"
	cp full.db newer.db
	sqlite3 newer.db 'PRAGMA user_version = 99' >/dev/null
	refuses "a newer one" newer.db "it was written by a newer wpkc (schema 99"
	cp full.db odd.db
	sqlite3 odd.db "UPDATE record SET verdict = 'great' WHERE id = 2" \
		>/dev/null
	ends 1 "a record of nonsense" "makes no sense" "$wpkdb" --db=odd.db show
else
	skip "somebody else's database" "sqlite3 was not found"
fi

# ---- listing and showing ----

"$tool" sample ""
check "a sample is sound" "$wpkdb" check
"$wpkdb" list >list
check "list: a problem" grep -q '^mm.0, M=64 N=64, f32 f32 f32: h200' list
check "list: its winner is not the throttled one" grep -q \
	'6 records of 4 points, 2 measured; best 1 us by fma' list
check "list --json" grep -q '"points":4,"measured":2,"foreign":0' <<END
$("$wpkdb" list --json)
END
check "filters" test "$("$wpkdb" show --verdict=spill,slow --gpu=h200 \
	--op=mm | wc -l)" = 3
check "... none answers" test -z "$("$wpkdb" show --op=none)"
check "... by group, share and hash" test "$("$wpkdb" show --group=0 \
	--share=100 --hash=0000000000000007 | wc -l)" = 2
"$wpkdb" show 1.3 >one
check "show: a candidate's message" grep -q 'too many$' one
check "... its command" grep -qxF "cd /tmp && wpkc 'my mm.wpk' -Ilib \
--target=sm_90a --gpu=h200 --set=mm:unroll=1 --set=mm.0:sketch=fma \
--set=mm.0:tile.block.i=64 --set=mm.0:unroll=4 --no-lock" one
ends 1 "a candidate that is not there" "no candidate 1.10" "$wpkdb" show 1.10
ends 1 "what is no candidate" "12.345" "$wpkdb" show 1
"$wpkdb" runs >runs
check "runs" grep -q '9 candidates, interrupted' runs
for command in list runs show export import merge prune verify check; do
	check "$command --help" grep -q "^usage: wpkdb $command" <<END
$("$wpkdb" $command --help)
END
done
ends 1 "no command" "--help tells" "$wpkdb"
ends 1 "another command" "no command 'tell'" "$wpkdb" tell
ends 1 "another option" "takes no option '--json'" "$wpkdb" prune --json
ends 1 "no value" "wants a value" "$wpkdb" list --op
ends 1 "a value too many" "takes no value" "$wpkdb" list --json=1
ends 1 "a wrong verdict" "--verdict takes" "$wpkdb" list --verdict=bad
ends 1 "too many words" "usage: wpkdb list" "$wpkdb" list mm
check "no home, no database" sh -c 'env -i "$1" list 2>&1 | grep -q "WPK_DB"' \
	- "$wpkdb"
check "none yet is an empty one" test -z "$(HOME=$scratch/home WPK_DB='' \
	XDG_DATA_HOME='' "$wpkdb" list)"
check "... which reading does not make" test ! -e "$scratch/home"
check "the first write makes it" sh -c 'HOME=$1 WPK_DB= XDG_DATA_HOME= \
	"$2" import whole >&2 && test -s "$1/.local/share/wpkc/tuning.db"' - \
	"$scratch/home" "$wpkdb"
if [ -w /dev/full ]; then
	ends 1 "a list that cannot be written" "No space left" sh -c \
		'"$1" list >/dev/full' - "$wpkdb"
fi
check "a reader that has had enough" sh -c \
	'"$1" --db=killed.db export | head -n 1 >/dev/null' - "$wpkdb"

# ---- export and import ----

"$wpkdb" export >out
check "exports are equal" sh -c '"$1" export | cmp - out' - "$wpkdb"
"$wpkdb" export -o out2
check "... in a file" cmp out out2
sort -R out | "$wpkdb" --db=mixed.db import - >said
check "they are read in any order" grep -qx '9 records, 9 of them new' said
"$wpkdb" --db=mixed.db export >back
sed 's/"own","run":1,"candidate":[0-9]*/"foreign"/' out >want
check "... and exported in the same" cmp want back
"$wpkdb" --db=mixed.db import out out2 >said
check "... once" grep -qx '18 records, 0 of them new' said
check "foreign ones do not win" sh -c '! "$1" --db=mixed.db list |
	grep -q "best"' - "$wpkdb"
"$wpkdb" --db=trusted.db import --own out >said
check "... but with --own" grep -q 'best 1 us' <<END
$("$wpkdb" --db=trusted.db list)
END
cat >want <<'END'
tile.block.i,unroll,time_ms,compile_ms
16,1,0.001,500
32,2,0.0015,500
128,8,0.004,500
64,4,fail,500
END
"$wpkdb" export --csv --op=mm --gpu=h200 >got
check "a table for replays" diff want got
ends 1 "a table of several problems" "of 3" "$wpkdb" export --csv
ends 1 "a table of none" "no such records" "$wpkdb" export --csv --op=x

# bad NAME TEXT SED: the third of the lines changed by SED is refused, and
# nothing imported.
bad() {
	sed "3$3" out >bad.jsonl
	ends 1 "import of $1" "bad.jsonl:3: $2" "$wpkdb" --db=fresh.db \
		import out bad.jsonl
	check "... imports nothing" test ! -e fresh.db
}
bad "a torn line" "no JSON" 's/.\{40\}$//'
bad "a list" "it is no object" 's/.*/[12]/'
bad "an unknown key" "there is no key 'speed'" 's/{/{"speed":1,/'
bad "a key twice" "no JSON" 's/{/{"op":"x",/'
bad "a newer format" "it was written by a newer wpkdb (format 2" \
	's/"format":1/"format":2/'
bad "no operator" "'op' is missing" 's/"op":"[a-z]*",//'
bad "a wrong hash" "'hash' is no hash" 's/"hash":"0/"hash":"g/'
bad "a wrong verdict" "'verdict' is no verdict" 's/"measured"/"great"/'
bad "no time" "it was measured, and 'seconds' is missing" \
	's/"seconds":[^,]*/"seconds":null/'
bad "a negative time" "'seconds' is no time" 's/"seconds":/&-/'
bad "a failure with a time" "it failed, and has 'seconds'" 's/"measured"/"fault"/'
bad "another way" "'how' is not" 's/"gpu","share"/"guess","share"/'
bad "too large a share" "'share' is no percentage" 's/"share":100/"share":101/'
bad "a text for a number" "'registers' is no integer" 's/"registers":32/"registers":"32"/'
bad "bytes that are no UTF-8" "no JSON" "s/\"driver\":\"/&$(printf '\377')/"
bad "a NUL" "no JSON" 's/"driver":"/&\\u0000/'
bad "a huge number" "no JSON" 's/"spread":/&1e999/'
ends 1 "import of a file that is not there" "No such file" "$wpkdb" import nix
ends 1 "import of a folder" "cannot read" "$wpkdb" import .

# ---- hostile texts ----

sed -n '1s/"op":"gelu"/"op":"x'\''); DROP TABLE record;--\\u001b[2J"/p
	1s/"sketch":"[a-z]*"/"sketch":"%00 $(touch pwned) \\n\\"\xc2\x9b"/p' \
	out >hostile
printf '%s\n' "$(sed -n 2p hostile)" >>hostile
"$wpkdb" --db=hostile.db import hostile >said
check "hostile texts are kept as texts" grep -q '^3 records, 2 of them new' said
"$wpkdb" --db=hostile.db export >back
"$wpkdb" --db=hostile2.db import back >/dev/null
check "... and come back the same" sh -c '"$1" --db=hostile2.db export |
	cmp - back' - "$wpkdb"
{ "$wpkdb" --db=hostile.db list; "$wpkdb" --db=hostile.db show; } >shown
check "a terminal gets no control characters" sh -c \
	'! tr -d "\n" <shown | LC_ALL=C grep -q "[[:cntrl:]]\|$(printf "\302\233")"'
check "nothing is run" test ! -e pwned

# ---- merging ----

"$tool" write second.db second 3 >/dev/null
"$wpkdb" --db=merged.db merge own.db >said
"$wpkdb" --db=merged.db merge second.db >said
check "merge" test "$(records merged.db)" = 12
"$wpkdb" --db=merged.db merge second.db >said
check "... once" grep -qx '3 records, 0 of them new' said
check "... with runs" test "$("$wpkdb" --db=merged.db runs | wc -l)" = 4
check "... whose candidates are known" grep -q 'again by\|wpkc' <<END
$("$wpkdb" --db=merged.db show 2.3)
END
ends 1 "merging what is not there" "" "$wpkdb" --db=merged.db merge text.db

# ---- pruning ----

ends 1 "pruning everything is no accident" "say what to delete" "$wpkdb" prune
cp own.db pruned.db
"$wpkdb" --db=pruned.db prune --verdict=spill --dry-run >said
check "--dry-run" grep -qx '1 records would be deleted' said
check "... deletes nothing" test "$(records pruned.db)" = 9
"$wpkdb" --db=pruned.db prune --verdict=spill >said
check "by verdict" test "$(records pruned.db)" = 8
"$wpkdb" --db=pruned.db prune --gpu=h100 --keep-best=1 >said
check "by GPU, but the best" test "$(records pruned.db)" = 7
"$wpkdb" --db=pruned.db prune --older-than=20000 >said
check "by age: none is as old" test "$(records pruned.db)" = 7
"$wpkdb" --db=pruned.db prune --keep-best=1 >said
check "all but the best" test "$(records pruned.db)" = 3
check "... which is" grep -q 'best 1 us by fma' <<END
$("$wpkdb" --db=pruned.db list)
END
"$wpkdb" --db=pruned.db prune --version=0.1.0 >said
check "by version" test "$(records pruned.db)" = 0
"$tool" write pruned.db more 1 >said
check "a run's number is not given again" grep -qx '2.1' said

# ---- proving, reproducing ----

cat >mm.wpk <<'END'
export op mm[M = 64, N = 64, K = 64](A: f32[M, K], B: f32[N, K]) -> (C: f32[M, N])
{
    C[i, j] = sum[k](A[i, k] * B[j, k]);
}
END
"$wpkc" mm.wpk --tune=random --trials=5 --no-verify -q --set=mm:sketch=fma \
	-o locked.cu 2>"$scratch/said"
# The stanza of a lock as a record.
cat >record.awk <<'END2'
/^\[/ { gsub(/[][]/, ""); split($0, w, " "); next }
/^(hash|group|sketch|kernel) / { v[$1] = $2; next }
/^(predicted|measured|verified) / || !NF || /^#/ { next }
{ p = p (p ? "," : "") "\"" $1 "\":\"" $2 "\"" }
END {
	share = w[4] ? substr(w[4], 7) : 100
	printf "{\"format\":1,\"op\":\"%s\",\"hash\":\"%s\",\"group\":%s,", \
		w[1], v["hash"], v["group"]
	printf "\"sketch\":\"%s\",\"target\":\"%s\",\"gpu\":\"%s\",", \
		v["sketch"], w[2], w[3]
	printf "\"how\":\"gpu\",\"share\":%s,\"verdict\":\"measured\",", share
	printf "\"seconds\":1e-6,\"point\":{%s}}\n", p
}
END2
awk -F ' = ' -f record.awk mm.wpk.lock >true.jsonl
"$wpkdb" --db=proof.db import true.jsonl >/dev/null

# unproved NAME DB TEXT: verify ends with 4 and says TEXT of the record.
unproved() {
	"$wpkdb" --db="$2" verify mm.wpk >said 2>&1
	code=$?
	check "$1" test $code = 4
	check "... and it says why" grep -q "$3" said
}
if "$CXX" --version >/dev/null 2>&1; then
	check "a foreign record is proved" "$wpkdb" --db=proof.db verify mm.wpk
	check "... and then wins" grep -q 'best 1 us by fma' <<END
$("$wpkdb" --db=proof.db list)
END
	check "... once and for all" grep -q '^0 proved, 0 refused' <<END
$("$wpkdb" --db=proof.db verify mm.wpk)
END
	ls -A "$scratch/tmp" >left
	empty "... nothing is left behind" left
	cp true.jsonl one.jsonl
	sed 's/"hash":"../"hash":"ab/' one.jsonl >false.jsonl
	"$wpkdb" --db=hash.db import false.jsonl >/dev/null
	"$wpkdb" --db=hash.db verify mm.wpk >said
	check "of another operator it proves nothing" grep -q \
		'^0 proved, 0 refused, 0 not proved, 1 of' said
	sed 's/"tile.block.i":"[0-9]*"/"tile.block.i":"77"/' one.jsonl >false.jsonl
	"$wpkdb" --db=point.db import false.jsonl >/dev/null
	unproved "a point that there is not is refused" point.db ': refused: .'
	check "... and counts no more" grep -q '"points":0' <<END
$("$wpkdb" --db=point.db list --json)
END
	sed 's/"tile.block.i":"[0-9]*",//' one.jsonl >false.jsonl
	"$wpkdb" --db=part.db import false.jsonl >/dev/null
	unproved "a point that says too little is refused" part.db \
		": refused: it leaves 'tile.block.i' open"
	sed 's/"point":{/&"deterministic":"1",/' one.jsonl >more.jsonl
	"$wpkdb" --db=more.db import more.jsonl >/dev/null
	check "what the sketch pins may be said" "$wpkdb" --db=more.db verify \
		mm.wpk
	cat >halo.wpk <<'END'
import std.conv;
export op halo = std.conv.conv2d[T = f16, N = 2, C = 64, H = 10, W = 10, F = 48,
    R = 3, S = 3, PH = 1, PW = 1]
    with x layout(N, H, W, C), w layout(F, R, S, C/G), y layout(N, P, Q, F);
END
	"$wpkc" halo.wpk -q --tune=random --measure=model --trials=5 \
		--no-verify --gpu=h200 --set=sketch=wgmma,stage.x.halo=off \
		-o halo.cu
	awk -F ' = ' -f record.awk halo.wpk.lock |
		sed 's/"stage.x.halo":"off",//' >halo.jsonl
	"$wpkdb" --db=halo.db import halo.jsonl >/dev/null
	check "one from before there were halos means none" "$wpkdb" \
		--db=halo.db verify halo.wpk
	cat >big.wpk <<'END'
export op mm[M = 1280, N = 1280, K = 64](a: f16[M, K], b: f16[N, K]) -> (c: f16[M, N])
{
    c[i, j] = f16(sum[k](f32(a[i, k]) * f32(b[j, k])));
}
END
	"$wpkc" big.wpk --share=50 --tune=random --trials=1 --no-verify -q \
		--measure=model --set=sketch=wgmma,tile.block.i=128 \
		--set=tile.block.j=128,raster.persistent=on,split_k.c_red0=1 \
		--set=cluster.i=1,cluster.j=1 -o big.cu
	awk -F ' = ' -f record.awk big.wpk.lock >big.jsonl
	"$wpkdb" --db=big.db import big.jsonl >/dev/null
	check "what is legal in a slice alone is proved for that" "$wpkdb" \
		--db=big.db verify big.wpk
	sed 's/"share":50/"share":100/' big.jsonl >whole.jsonl
	"$wpkdb" --db=whole.db import whole.jsonl >/dev/null
	"$wpkdb" --db=whole.db verify big.wpk >said 2>&1
	check "... and refused for all of the GPU" grep -q ': refused: ' said
	"$wpkdb" --db=cxx.db import one.jsonl >/dev/null
	CXX=false unproved "without a compiler nothing is proved" cxx.db \
		'not proved: .*C++'
	check "... nor refused" grep -q '"foreign":1' <<END
$("$wpkdb" --db=cxx.db list --json)
END
	ends 1 "proving from what is no source" "cannot be compiled" "$wpkdb" \
		--db=cxx.db verify whole
	cat >"$scratch/slow" <<END
#!/bin/sh
case "\$*" in *--version*) exec "$CXX" --version ;; esac
echo \$\$ >"$scratch/began"
exec sleep 1000
END
	chmod +x "$scratch/slow"
	for signal in HUP TERM; do
		rm -f "$scratch/began"
		CXX=$scratch/slow setsid "$wpkdb" --db=cxx.db verify mm.wpk \
			>said 2>&1 &
		pid=$!
		i=0
		while [ ! -s "$scratch/began" ] && [ $i -lt 100 ]; do
			i=$((i + 1))
			sleep 0.1
		done
		kill -$signal -$pid
		wait $pid 2>/dev/null
		ls -A "$scratch/tmp" >left
		empty "stopped by SIG$signal it leaves nothing behind" left
		child=$(cat "$scratch/began")
		check "... and nobody" sh -c '! kill -0 "$1" 2>&1' - "$child"
		check "... nor a database that is not sound" "$wpkdb" \
			--db=cxx.db check
	done
else
	skip "a foreign record is proved" "no C++ compiler"
fi
finish
