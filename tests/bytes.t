#!/bin/sh
# SPDX-License-Identifier: MIT
# Memory-bound operators ask memory for what they must and no more: inputs once,
# outputs once, by --check=bytes; and that count tells waste where there is some.
. "${top_srcdir:-.}/tests/lib.sh"

folder=$top_srcdir/tests/workloads
cd "$scratch" || exit 1

if ! "$wpkc" --no-lock --check=bytes --op=x1 "$folder/softmax.wpk" >log 2>&1 &&
	grep -q 'not verified' log
then
	skip "bytes asked for" "the emulator or g++ is missing"
	finish
	exit
fi

# counts WHAT NAME LEAST MOST OPTIONS...: verified, and what was counted is LEAST
# to MOST times the least there can be. MOST is a number, or OP=NUMBER of each.
counts() {
	what=$1 name=$2 least=$3 most=$4
	shift 4
	"$wpkc" --no-lock --check=bytes "$@" >log 2>&1 || {
		fail "$name" log
		return
	}
	if awk -v what="$what" -v least="$least" -v most="$most" '
		BEGIN {
			for (i = split(most, each, " "); i; i--)
				if (split(each[i], pair, "=") == 2)
					bound[pair[1]] = pair[2]
				else
					any = each[i]
		}
		/: verified / { op = substr($1, 1, length($1) - 1) }
		index($0, what) {
			n++
			bad += $6 < least || $6 > (op in bound ? bound[op] : any)
			seen[op]
		}
		END {
			for (op in bound)
				bad += !(op in seen)
			exit !n || bad
		}' log
	then
		pass "$name"
	else
		fail "$name" log
	fi
}

# Bytes that memory is asked for.
asks() {
	counts "bytes of global memory" "$@"
}

# Wavefronts of shared memory.
waves() {
	counts "wavefronts of shared" "$@"
}

# once NAME OPTIONS...: 1.00 to 1.02 times, and no sector by two warps.
once() {
	name=$1
	shift
	asks "$name" 1.00 1.02 "$@"
	check "$name: each sector by one warp" \
		sh -c '! grep -n "that other warps" log'
}

# ---- the count itself ----

cat >softmax.wpk <<'E2'
import std.softmax;
export op soft = std.softmax.softmax[T = f32, B = 64, L = 256];
schedule s for soft {
    cache(x, scope = none); cache(e, scope = none);
    rfactor(m, combine = passes);
}
E2
asks "a row that is read three times" 2.00 2.00 softmax.wpk
printf '%s\n' 'export op same[N = 4096](x: f32[N]) -> (y: f32[N])' \
	'{ y[i] = x[i] + 1; }' \
	'export op wide[N = 64](x: f32[N, 64]) -> (y: f32[N, 8])' \
	'{ y[i, j] = x[i, 8*j]; }' >maps.wpk
asks "a map" 1.00 1.00 maps.wpk --op=same
asks "a map in single elements" 1.00 1.00 maps.wpk --op=same --set=vectorize=1
asks "one element of each sector" 1.00 1.00 maps.wpk --op=wide
printf '%s\n' 'export op mm[M = 64, N = 64, K = 64](a: f32[M, K], b: f32[K, N])' \
	'-> (c: f32[M, N]) { c[i, j] = sum[k](a[i, k] * b[k, j]); }' >mm.wpk
asks "asynchronous copies" 1.00 1.00 mm.wpk --target=sm_80 --op=mm

# ---- operators ----

# X12 to X15 in fewer pieces, whose rows are whole sectors and no whole tiles
sed 's/M = 8192, N = 8192/M = 336, N = 208/
s/N = 16, C = 256, H = 56/N = 1, C = 80, H = 20/
s/M = 4096, N = 16384/M = 33, N = 1040/' "$folder/maps.wpk" >cut.wpk
for target in sm_75 sm_90; do
	once "layout changes and additions, X12, X13, X15, for $target" \
		cut.wpk --target=$target --op=x12,x13,x15
	asks "a bias, X14, for $target" 1.00 1.02 cut.wpk --target=$target \
		--op=x14
done
cat >types.wpk <<'E2'
import std.shape;
import std.layout;
export op of_i8 = std.shape.transpose[T = i8, M = 256, N = 272];
export op of_bf16 = std.shape.transpose[T = bf16, M = 144, N = 200];
export op of_f32 = std.shape.transpose[T = f32, M = 96, N = 72];
export op of_f64 = std.shape.transpose[T = f64, M = 64, N = 36];
E2
for type in i8=128 bf16=64 f32=32 f64=16; do
	n=${type#*=}
	waves "no conflicts of banks in ${type%=*}" 1.00 1.00 types.wpk \
		--target=sm_80 --op="of_${type%=*}" --set=sketch=transpose \
		--set=tile.block.m="$n",tile.block.n="$n",bind.threads=128
done
waves "conflicts where nothing is swizzled" 4.00 9.00 types.wpk --op=of_bf16 \
	--set=sketch=transpose,stage.x.swizzle=off \
	--set=tile.block.m=64,tile.block.n=64
once "tiles of 64 x 128" cut.wpk --target=sm_80 --op=x12 \
	--set=sketch=transpose,tile.block.m=64,tile.block.n=128

# ---- reductions ----

# Whatever the reduction and its axes, a row that fits on the chip is read once.
# Short rows that share sectors are asked for again, and so is what all blocks read,
# which no block keeps for another; one row for all blocks of a GPU is on no chip: by
# how much was measured. Rows take turns between the targets; in full each is for all.
all=c1,c2,c3,c4,m1,m2,bn1,bn2,ln1,ln4,a1,a3,a4,a5,f1,in1,in3,in4,s1,s2,s3
all=$all,r1,r2,l1,l2,sp,sp3
short="a2=2.55 gn1=1.40 in2=1.53 ln2=8.05 pad=1.10 q2=1.50 st=2.35 st2=1.55"
short="$short ti5=1.90"
turn=0
for target in sm_75 sm_80 sm_90; do
	turn=$((turn + 1))
	some=$all
	[ -n "$WPK_FULL" ] || some=$(echo "$all" | tr , '\n' |
		awk -v n=$turn 'NR % 3 == n % 3' | paste -s -d , -)
	asks "reductions for $target" 1.00 1.02 "$folder/reduce.wpk" \
		--op="$some" --target=$target
	case $target in
	sm_75) q1=1.85 ;;
	*) q1=2.65 ;;
	esac
	asks "short and single rows for $target" 1.00 "$short q1=$q1" \
		"$folder/reduce.wpk" --target=$target \
		--op=a2,gn1,in2,ln2,pad,q1,q2,st,st2,ti5
done
asks "long rows in one block" 1.30 1.50 "$folder/reduce.wpk" --op=so,lo \
	--target=sm_80 --set=reduce.over=block,rfactor.combine=online
asks "long rows in a grid" 1.50 1.60 "$folder/reduce.wpk" --op=so,lo \
	--target=sm_75 --set=reduce.over=grid,rfactor.combine=online,split_k=16
asks "long rows in a cluster" 1.00 1.00 "$folder/reduce.wpk" --op=so,so2,lo \
	--target=sm_90 --set=reduce.over=cluster,split_k=8,cache.x=shared

# ---- the table's rows ----

for target in sm_75 sm_80 sm_90; do
	asks "softmax, X1, for $target" 1.00 1.02 "$folder/softmax.wpk" \
		--op=x1 --target=$target
	asks "layer norm of short rows, X8, for $target" 1.00 1.02 \
		"$folder/rows.wpk" --op=x8 --target=$target
	asks "norms, X9 and X10, for $target" 1.00 1.02 "$folder/rows.wpk" \
		--op=x9,x10 --target=$target
	if [ -z "$WPK_FULL" ]; then
		skip "X2 to X7 and X11 for $target" "make check-full"
		continue
	fi
	asks "softmax, X2 and X3, for $target" 1.00 1.02 "$folder/softmax.wpk" \
		--op=x2,x3 --target=$target
	asks "norms, X5 to X7, for $target" 1.00 1.02 "$folder/rows.wpk" \
		--op=x5,x6,x7 --target=$target
	asks "a sum, X11, for $target" 1.00 1.02 "$folder/rows.wpk" \
		--op=x11 --target=$target
done
finish
