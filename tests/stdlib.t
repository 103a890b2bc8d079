#!/bin/sh
# SPDX-License-Identifier: MIT
# The standard library: test blocks pass, one in three of a file's, in full all;
# every operator has one, every function of std.act is an operator of std.math,
# wpkstd(7) names exactly what there is, and nonsense is refused where it is asked
# for. That the formulas are right is for tests/unit/stdlib_test to say.
. "${top_srcdir:-.}/tests/lib.sh"

top_srcdir=$(cd "$top_srcdir" && pwd)
top_builddir=$(cd "$top_builddir" && pwd)
wpkc=$top_builddir/wpkc
library=$top_srcdir/stdlib/std
cd "$scratch" || exit 1

# The names behind keyword $1 in file $2.
names() {
	sed -n "s/^$1 \([a-z0-9_]*\).*/\1/p" "$2" | sort -u
}

# File $1 with those of its test blocks for which there is time.
tests_of() {
	awk -v each="$([ -n "$WPK_FULL" ] && echo 1 || echo 3)" '
	/^test / { dropped = n++ % each }
	!dropped { print }
	/}$/ { dropped = 0 }' "$1"
}

# ends() wants a folder of its own.
mkdir -p work && cd work || exit 1

for file in "$library"/*.wpk; do
	title=std.$(basename "$file" .wpk)
	case $(sed 1q "$file") in
	//*) ;;
	*) fail "$title does not begin with what it offers" ;;
	esac
	names op "$file" >operators
	{
		names test "$file"
		sed -n 's/^op [a-z0-9_]* = \([a-z0-9_]*\).*/\1/p' "$file"
	} | sort -u >tested
	comm -23 operators tested >found
	empty "$title: every operator has a test" found
	[ -s operators ] || continue
	tests_of "$file" >"$(basename "$file")"
	"$wpkc" --no-lock --test "$(basename "$file")" >tap 2>&1
	{ grep -v '^ok ' tap | sed 1d; grep ' # SKIP' tap; } >found
	grep -q '^1\.\.[1-9]' tap || cat tap >>found
	empty "$title passes its tests" found
done

# ---- the manual ----

# What there is, a line each: operators, the functions of std.act, and schedules.
signatures() {
	awk -v act="$(basename "$1" .wpk)" '
	/^op [a-z0-9_]* =/ { next }
	/^schedule / && !($2 in seen) { print $2; seen[$2] }
	/^fn / && act == "act" { sub(/^fn /, ""); sub(/ = .*/, ""); print }
	/^op / { text = ""; inside = 1; sub(/^op /, "") }
	inside {
		sub(/^ +/, "")
		if (/^(where|{)/) { print text; inside = 0; next }
		glue = text == "" || text ~ /\($/ || /^\)/
		text = text (glue ? "" : " ") $0
	}' "$1"
}
for file in "$library"/*.wpk; do
	title=std.$(basename "$file" .wpk)
	signatures "$file" >offered
	sed -n "/^\.Ss $title:/,/^\.El/s/^\.It Li \"\(.*\)\"/\1/p" \
		"$top_srcdir/man/wpkstd.7" >described
	[ -s offered ] || echo "nothing found in $file" >>described
	check "wpkstd(7) has what $title offers" diff offered described
done

names fn "$library/act.wpk" >functions
while read -r name; do
	grep -q "act\.$name(" "$library/math.wpk" || echo "$name"
done <functions >found
empty "every function of std.act is an operator of std.math" found

# ---- what it refuses ----

# refuses NAME TEXT OPERATOR: the instance, in the user's own line.
refuses() {
	cat >user.wpk <<-EOF
	import std.${3%%.*};
	export op bad = std.$3;
	EOF
	ends 1 "$1" "user.wpk:2:11: error" "$wpkc" --no-lock user.wpk -o x.cu
	grep -qF -e "$2" "$scratch/.err" ||
		fail "$1: wanted '$2'" "$scratch/.err"
}
conv="N = 1, C = 6, H = 8, W = 8, F = 8, R = 3, S = 3"
pool="N = 1, C = 6, H = 8, W = 8"
heads="M = 4, L = 4, D = 8, E = 8"
refuses "groups that do not divide the channels" "C is 6, G is 4" \
	"conv.conv2d[$conv, G = 4]"
refuses "a stride of 0" "SH is 0" "conv.conv2d_bias[$conv, SH = 0]"
refuses "a filter larger than the image" "DH is 4" "conv.conv2d[$conv, DH = 4]"
refuses "negative padding" "PW is -1" "conv.conv2d[$conv, PW = -1]"
refuses "output padding beyond the stride" "OH is 2" \
	"conv.conv_transpose2d[$pool, K = 8, R = 3, S = 3, SH = 2, OH = 2]"
refuses "a window without elements" "R is 0" "pool.max_pool2d[$pool, R = 0, S = 1]"
refuses "padding as large as the window" "PH is 2" \
	"pool.avg_pool2d[$pool, R = 2, S = 2, PH = 2]"
refuses "groups of a norm" "G is 4" "norm.group_norm[$pool, G = 4]"
refuses "an empty range of quantised values" "lo is 5" \
	"quant.quantize[N = 9, lo = 5, hi = 5]"
refuses "an image of no size" "P is 0" "resize.bilinear2d[$pool, P = 0, Q = 1]"
refuses "a slice of nothing" "stop is 3" \
	"shape.slice_last[M = 2, N = 9, start = 3, stop = 3]"
refuses "reflection farther than the image" "W0 is 8" \
	"shape.reflection_pad2d[$pool, W0 = 8]"
refuses "packets that do not divide the channels" "B is 32" \
	"layout.nchw_to_nchwc[$pool]"
refuses "heads that do not share keys evenly" "J is 2" \
	"attention.scaled_dot_product_attention[Z = 1, H = 3, J = 2, $heads]"
finish
