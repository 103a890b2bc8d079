#!/bin/sh
# SPDX-License-Identifier: MIT
# wpkc explain: every number of the winner is told, taking nothing away costs
# nothing, a cost is that of the very point, measured times are used where they
# belong and nowhere else, and 80 columns are enough.
. "${top_srcdir:-.}/tests/lib.sh"
mkdir -p "$scratch/work"
cd "$scratch/work" || exit 1

cat >mm.wpk <<'END'
export op mm[M = 128, N = 256, K = 512](a: f32[M, K], b: f32[K, N])
    -> (c: f32[M, N])
{
    c[i, j] = sum[k](a[i, k] * b[k, j]);
}
END
cat >scale.wpk <<'END'
export op scale(x: f32[4096], a: f32[1]) -> (y: f32[4096])
{
    y[i] = a[0] * x[i];
}
END

# Values of key $1 in the JSON of explain on standard input, a line each.
values() {
	sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p"
}

# The value of key $3 in the try "how" = $2 of number $1.
of_try() {
	awk -v name="$1" -v how="$2" -v key="$3" '
	{ k = $1; gsub(/[":]/, "", k); v = $0; sub(/^[^:]*: /, "", v)
	  gsub(/[",]/, "", v) }
	k == "name" { here = v == name }
	k == "how" { this = here && v == how }
	this && k == key { print v; exit }'
}

# Predicted seconds of the only kernel of $@.
predicted() {
	"$wpkc" explain --json --no-lock "$@" | values predicted | sed 1q
}

# Do $1 and $2 differ by less than a thousandth?
near() {
	awk -v x="$1" -v y="$2" 'BEGIN { d = x - y; if (d < 0) d = -d
		exit !(x > 0 && d < x * 1e-3) }'
}

# ---- instructions are about as many as nvcc makes ----

# Of data/issued.txt: file, operator, warps, instructions of each, and settings, of
# kernels without loops: most of them with 16-bit elements, GELU, sums in registers. The
# instructions are those that nvcc 13.0 makes for sm_90a, counted by cuobjdump. An h200
# issues 132 * 4 in each of 1.98e9 cycles a second.
check "there are kernels whose instructions were counted" \
	test -s "$top_srcdir/tests/data/issued.txt"
while read -r file op warps each settings; do
	"$wpkc" explain --json --no-lock --gpu=h200 --op "$op" --set "$settings" \
		"$top_srcdir/tests/workloads/$file.wpk" >counted.json
	check "$op issues what it was seen to, within a third" awk -v n="$warps" \
		-v each="$each" -v s="$(values issue <counted.json | sed 1q)" 'BEGIN {
			r = s * 132 * 4 * 1.98e9 / (n * each)
			exit !(r > 3 / 4 && r < 4 / 3) }'
done <"$top_srcdir/tests/data/issued.txt"

# ---- the roofline has what there is to do, not what is done ----

# The value of key $1 in the first roofline on standard input.
of_roofline() {
	awk -v key="$1" '/"roofline"/ { on = 1 }
	on && index($1, "\"" key "\"") { gsub(/[",]/, "", $2); print $2; exit }'
}

# file, operator, operations that tests/bench/rows.awk counts for it, settings
while read -r file op flops settings; do
	"$wpkc" explain --json --no-lock --gpu=h200 --op "$op" \
		--set "$settings" "$top_srcdir/tests/workloads/$file.wpk" >json
	check "$op by $settings does what is counted" near "$flops" \
		"$(of_roofline flops <json)"
done <<'END'
conv_f16 c12 231211008 sketch=mma
conv_f16 c12 231211008 sketch=wgmma,tile.block.npq=256
conv_f16 c12 231211008 sketch=fma
conv_f16 c12 231211008 sketch=winograd
windows_f16 d1 7225344 sketch=direct
windows_f16 d1 7225344 sketch=reduce
gemm_bf16 s4 137438953472 sketch=wgmma
END
cat >types.wpk <<'END'
import std.matmul;
export op half = std.matmul.nt[T = f16, M = 4096, N = 4096, K = 4096];
export op bytes = std.matmul.nt[T = i8, A = i32, O = i32, M = 4096, N = 4096, K = 4096];
export op single = std.matmul.nt[M = 4096, N = 4096, K = 4096];
schedule thrice for single { mma(acc, precision = 3xtf32); }
END
for of in 'half 1' 'bytes 2' 'single 0.1666666'; do
	op=${of% *}
	"$wpkc" explain --json --no-lock --gpu=h200 --op "$op" \
		--set sketch=mma types.wpk >json 2>err
	check "$op: tensor cores' rate is that of its type" near \
		"$(of_roofline allowed <json)" "$(awk -v x="${of#* }" 'BEGIN {
			print x * 1.07053e15 }')"
done

# ---- every number, and nothing for nothing ----

for file in "$top_srcdir"/tests/workloads/gemm.wpk \
	"$top_srcdir"/tests/workloads/softmax.wpk \
	"$top_srcdir"/tests/workloads/windows_f32.wpk \
	"$top_srcdir"/tests/workloads/maps.wpk \
	"$top_srcdir"/tests/workloads/pinned.wpk; do
	title=${file##*/}
	"$wpkc" explain "$file" --no-lock >table 2>err
	check "$title: explained" test -s table
	awk 'length > 80' table >wide
	empty "$title: 80 columns" wide
	grep -nE 'null|nan|inf([^o]|$)' table >wide
	empty "$title: no number is none" wide
	"$wpkc" explain "$file" --no-lock --json >json
	values nothing <json | grep -vx '1\.0' >other
	empty "$title: taking nothing away costs nothing" other
	"$wpkc" "$file" --no-lock --emit=manifest |
		awk '/"tunables": \{/ { on = 1; next } /\}/ { on = 0 }
			on { gsub(/[": ,]|: .*/, "", $1); print $1 }' |
		sort >tunables
	awk '/"tunables": \[/ { on = 1; next } /\]/ { on = 0 }
		on { gsub(/[", ]/, ""); print }' json | sort >told
	check "$title: there are tunables" test -s tunables
	check "$title: every tunable of the winners is told once" \
		diff tunables told
done
if command -v python3 >/dev/null 2>&1; then
	check "JSON is JSON" python3 -c \
		'import json, sys; json.load(open(sys.argv[1]))' json
else
	skip "JSON is JSON" "python3 was not found"
fi

# ---- a try costs what that point costs ----

"$wpkc" explain scale.wpk --json --no-lock >scale.json
"$wpkc" scale.wpk --no-lock --emit=manifest >scale.manifest
pins=$(awk '/"tunables": \{/ { on = 1; next } /\}/ { on = 0 }
	on && !/deterministic|vectorize|auto/ { gsub(/[": ,]*/, "", $1)
		gsub(/[",]/, "", $2); printf ",%s=%s", $1, $2 }' scale.manifest)
cost=$(of_try vectorize off predicted <scale.json)
check "vectorize is taken away alone" test \
	"$(of_try vectorize off rest <scale.json)" = kept
check "the cost without it is that of the point without it" near "$cost" \
	"$(predicted scale.wpk --set "vectorize=1$pins")"
winner=$(values predicted <scale.json | sed 1q)
ratio=$(of_try vectorize off ratio <scale.json)
check "the ratio is of these costs" near "$ratio" \
	"$(awk -v x="$cost" -v y="$winner" 'BEGIN { print x / y }')"

# A tile's neighbours are the next values of its list.
"$wpkc" explain mm.wpk --json --no-lock >mm.json
tile=$(awk '/"name": "tile.block.k"/ { getline; sub(/.*: "/, "")
	sub(/".*/, ""); print }' mm.json)
"$wpkc" mm.wpk --no-lock --emit=space | awk '/: fma:/ { on = 1; next }
	/^#/ { on = 0 } on' | sed -n 's/^ *tile.block.k = {\(.*\)}.*/\1/p' |
	tr -d ' ' | tr , '\n' >list
smaller=$(of_try tile.block.k smaller value <mm.json)
larger=$(of_try tile.block.k larger value <mm.json)
printf '%s\n' "$smaller" "$tile" "$larger" | grep . | sort -n >three
grep -x -A"$(($(wc -l <three) - 1))" "$(sed 1q three)" list >found
check "a tile's steps are the next smaller and larger" diff three found

# ---- sketches and cuts ----

"$wpkc" explain mm.wpk --no-lock >text
check "another sketch's cost" grep -qE '^  reduce +[0-9.]+ .s +[0-9.]+' text
check "why a sketch does not serve" grep -q '^  elementwise .*maps' text
values sketch <mm.json | sort >told
"$wpkc" --list=sketches | awk '$1 != "variant" { print $1 }' | sort >sketches
check "every sketch is told" diff sketches told
cat >two.wpk <<'END'
export op two(x: f32[512, 512]) -> (y: f32[512, 512])
{
    let m[i]: f32 = max[j](x[i, j]);
    y[i, j] = x[i, j] - m[i];
}
END
"$wpkc" explain two.wpk --no-lock >text
check "the cut that was taken" grep -q 'm, y by reduce (taken)' text
check "and one that was not" grep -qE '[0-9] .s +[0-9.]+  m; y by ' text
values taken <mm.json >/dev/null
"$wpkc" explain two.wpk --no-lock --json | values taken | sort | uniq -c |
	awk '{ print $1, $2 }' >told
check "one cut is taken" grep -qx '1 true' told

# ---- pins, the lock ----

cat mm.wpk - >pinned.wpk <<'END'
schedule s for mm {
    param BK = {8, 16};
    tile(block, i = 32, k = BK);
    split_k(c, 1);
}
END
"$wpkc" explain pinned.wpk --no-lock >text
check "what is pinned is marked" grep -q '^  tile.block.i! ' text
check "what is not is not" grep -q '^  tile.thread.j  ' text
check "a param gives a tunable its value" grep -q \
	'param BK gives tile.block.k' text
cat mm.wpk - >whole.wpk <<'END'
schedule s for mm {
    pipeline(k, stages = 3, async = on);
}
END
"$wpkc" explain whole.wpk --no-lock --json >json
check "what is legal with its directive alone is taken away with it" test \
	"$(of_try pipeline.k.stages off rest <json)" = "its directive off"
"$wpkc" mm.wpk --tune=random --trials=3 --no-verify -q -o mm.cu
"$wpkc" explain mm.wpk >text
check "the lock's schedule is explained" grep -q "the schedule is the lock's" text
awk '/^tile.block.i = / { print $3 }' mm.wpk.lock >locked
awk '/^  tile.block.i  / { print $2 }' text >told
check "with the lock's numbers" diff locked told
cp mm.wpk.lock before
check "the lock stays as it was" cmp mm.wpk.lock before
sed 's/^tile.block.i = .*/tile.block.i = 7/' before >mm.wpk.lock
"$wpkc" explain mm.wpk >text
check "a lock that cannot be used is told" grep -q "the lock's is not used" text
rm mm.wpk.lock

# ---- open sizes, several places ----

cat >open.wpk <<'END'
export op copy(x: f32[N]) -> (y: f32[N])
{
    y[i] = x[i] + 1;
}
END
"$wpkc" explain open.wpk --no-lock >text
check "a kernel for all sizes" grep -q 'all sizes, looked at where N = ' text
"$wpkc" explain scale.wpk --no-lock --target=sm_80,sm_90 >text
check "two targets, two explanations" test "$(grep -c '^scale on ' text)" = 2

cat >ops.cu <<'END'
extern "C" size_t scale_workspace(void)
{
	return 0;
}

extern "C" cudaError_t scale(const float *x, const float *a, float *y,
	void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
	return cudaSuccess;
}
END
cat scale.wpk - >hand.wpk <<'END'
schedule by_hand for scale { variant("ops.cu"); }
END
"$wpkc" explain hand.wpk --no-lock >text 2>err
check "of a file written by hand a bound is called so" grep -qE \
	'variant, at least [0-9.]+ .s predicted' text
check "... and no limit is named" sh -c '! grep "limited by" text'

# ---- measured times ----

hash=$(sed -n 's/^ *"hash": "\(.*\)",/\1/p' scale.manifest)
point=$(awk '/"tunables": \{/ { on = 1; next } /\}/ { on = 0 }
	on && !/deterministic|auto/ { gsub(/[",:]/, "")
		printf "%s\"%s\":\"%s\"", sep, $1, $2; sep = "," }' \
	scale.manifest)
# record SECONDS POINT HOW GPU
record() {
	printf '{"op":"scale","hash":"%s","group":0,"sketch":"elementwise",' \
		"$hash"
	printf '"target":"sm_90a","gpu":"%s","how":"%s","share":100,' "$4" "$3"
	printf '"verdict":"measured","seconds":%s,"point":{%s}}\n' "$1" "$2"
}
scalar=$(echo "$point" | sed 's/"vectorize":"[0-9]*"/"vectorize":"1"/')
record 4e-6 "$point" gpu h200 >times.jsonl
record 9e-6 "$scalar" gpu h200 >>times.jsonl
record 6e-6 "$scalar" gpu h200 >>times.jsonl
"$wpkc" explain scale.wpk --no-lock --json --records=times.jsonl >json
check "a measured winner" test "$(values measured <json | sed 1q)" = 4e-6
check "a measured try: the least on record" test \
	"$(of_try vectorize off measured <json)" = 6e-6
check "its ratio is of measured times" test \
	"$(of_try vectorize off ratio <json) $(of_try vectorize off source \
	<json)" = "1.5 measured"
check "what has no record stays predicted" test \
	"$(of_try unroll other source <json)" = predicted
"$wpkc" explain scale.wpk --no-lock --records=times.jsonl >text
check "the table says which" grep -qE '^  vectorize .* 6 us m +1.50 ' text
{
	record 4e-6 "$point" gpu h200
	record 1e-9 "$scalar" emu h200
	record 1e-9 "$scalar" model h200
	record 1e-9 "$scalar" gpu a100
	record 1e-9 "$scalar" gpu h200 | sed "s/$hash/00000000deadbeef/"
	record 1e-9 "$scalar" gpu h200 | sed 's/"share":100/"share":25/'
	record 1e-9 "$scalar" gpu h200 |
		sed 's/"measured","seconds":1e-9/"wrong"/'
} >times.jsonl
"$wpkc" explain scale.wpk --no-lock --json --records=times.jsonl >json
check "records of other things do not count" test \
	"$(of_try vectorize off measured <json)" = null
check "nor are times of two kinds compared" test \
	"$(of_try vectorize off source <json)" = predicted
"$wpkc" explain scale.wpk --no-lock --json --records=times.jsonl --share=25 >json
check "a share's count for that share" test \
	"$(of_try vectorize off measured <json)" = 1e-9
check "... which is told" grep -q '"share": 25' json
"$wpkc" explain scale.wpk --no-lock --share=25 >text
check "... as text" grep -q " on 25 % of h200, code for sm_90a" text
ends 1 "slices by MPS are for a search" "is not for explain" "$wpkc" explain \
	scale.wpk --share=25:mps

# ---- bad input ----

ends 1 "no file" "no source file" "$wpkc" explain
ends 1 "a file that is not there" "none.wpk" "$wpkc" explain none.wpk
ends 1 "an unknown option" "unknown option" "$wpkc" explain scale.wpk --nonsense
for option in --tune --check --test --emit=cu '-o x' '-H x' -MD --frozen \
	--trials=3; do
	# shellcheck disable=SC2086
	ends 1 "${option%% *} is not for it" "is not for explain" \
		"$wpkc" explain scale.wpk $option
done
ends 1 "--records without a file" "wants a file" "$wpkc" explain scale.wpk \
	--records
ends 1 "records that are not there" "cannot read gone" "$wpkc" explain \
	scale.wpk --records=gone
record 1 "" gpu h200 >times.jsonl
echo 'no JSON' >>times.jsonl
ends 1 "records that are none" "times.jsonl:2: not JSON" "$wpkc" explain scale.wpk \
	--records times.jsonl
ends 2 "what nothing computes" "no sketch computes" "$wpkc" explain scale.wpk \
	--no-lock --set sketch=gemv
ends 0 "--help" "" "$wpkc" explain --help
check "--help names the other explain" grep -q -e --explain=E0401 \
	"$scratch/.out"
if [ -w /dev/full ]; then
	check "a full disk is an error" sh -c \
		'! "$1" explain scale.wpk --no-lock >/dev/full 2>err &&
		grep -q "cannot write" err' sh "$wpkc"
else
	skip "a full disk is an error" "no /dev/full"
fi
finish
