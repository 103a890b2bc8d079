#!/bin/sh
# SPDX-License-Identifier: MIT
# Random legal points of every sketch for every operator of
# tests/workloads/ragged.wpk, of mma and wgmma for those of tensor.wpk, eights.wpk and
# scaled.wpk, of wgmma for those of fragments.wpk, of all products for those of
# twins.wpk, of attention for those of attention.wpk, of reduce for those of
# pairs.wpk, and, as kernels for all sizes, of
# open.wpk: the kernel verifier accepts them, and emulated, asynchronous effects late
# and early, they agree with the reference. Some operators of each file; those of
# ragged.wpk and tensor.wpk take turns between the targets. In full each is for all of
# them, also under the sanitizers, for the real sizes in parts, and assembled, with the
# registers a sketch predicts beside what ptxas gives.
. "${top_srcdir:-.}/tests/lib.sh"

tool=$top_builddir/tests/unit/sweep_tool
folder=$top_srcdir/tests/workloads
WPK_EMU_DIR=$top_builddir
export WPK_EMU_DIR
cores=$(nproc 2>/dev/null || echo 2)

if ! "$CXX" --version >/dev/null 2>&1; then
	skip "random points" "no C++ compiler"
	finish
	exit
fi

# sweep NAME FILE OPTIONS...: passes if no point fails; sums are shown.
sweep() {
	what=$1
	file=$2
	shift 2
	log=$scratch/$(echo "$what" | tr ' ' -)
	if "$tool" -j "$cores" -I "$top_srcdir/stdlib" "$@" "$file" >"$log" 2>&1
	then
		pass "$what"
	else
		grep -A 8 '^FAIL' "$log" >"$scratch/faults"
		tail -n 1 "$log" >>"$scratch/faults"
		fail "$what" "$scratch/faults"
	fi
	tail -n 1 "$log" | sed 's/^/# /'
}

# Assembled, not emulated: fails where nvcc refuses a point. Spills are shown,
# a search passes such points over.
assembled() {
	grep ' spilled [1-9]' "$log" | cut -d : -f 1 | sed 's/^/# /'
	awk '$3 == "registers" && $5 { n++; d = $5 - $4; sum += d < 0 ? -d : d
		if (d > most) most = d }
	END { if (n) printf "# registers: %.1f off on average, at most %d too few\n",
		sum / n, most }' "$log"
}

# multiplied TARGET: the operators of tensor.wpk that its tensor cores have types
# for; of sm_90a, that wgmma has.
multiplied() {
	case $1 in
	sm_75) without='T = (bf16|f32|f64|e4m3|e5m2)' ;;
	sm_80) without='T = (e4m3|e5m2)' ;;
	sm_90a) without='T = (f64|e4m3|e5m2)|^rounded_across' ;;
	*) without='^$' ;;
	esac
	sed -n 's/^export op //p' "$folder/tensor.wpk" |
		grep -Ev "$without" | cut -d ' ' -f 1 | paste -s -d , -
}

# turn N EACH: of the operators on standard input, with commas between, one in EACH
# from the Nth on.
turn() {
	tr , '\n' | awk -v n="$1" -v each="$2" 'NR % each == n % each' |
		paste -s -d , -
}
ragged() {
	sed -n 's/^export op \([a-z0-9_]*\).*/\1/p' "$folder/ragged.wpk" |
		paste -s -d , -
}

NVCC='' sweep "points of open sizes" "$folder/open.wpk" --op=rows --op=joined \
	--target=sm_80 --trials=1 --seed=5
NVCC='' sweep "points of all pairs" "$folder/pairs.wpk" --set=sketch=reduce \
	--target=sm_90 --trials=1 --seed=8 --op=nearest,clouds,smoothed,masked
seed=1
for target in sm_75 sm_80 sm_90; do
	seed=$((seed + 1))
	if [ -z "$WPK_FULL" ]; then
		NVCC='' sweep "a point of one in five for $target" \
			"$folder/ragged.wpk" --op="$(ragged | turn $seed 5)" \
			--target=$target --trials=1 --seed=$seed
		NVCC='' sweep "tensor cores for $target" "$folder/tensor.wpk" \
			--set=sketch=mma --target=$target --trials=1 \
			--op="$(multiplied $target | turn $seed 3)" --seed=7$seed
		skip "a point of the others for $target" "make check-full"
	else
		NVCC='' sweep "a point of each for $target" \
			"$folder/ragged.wpk" --target=$target --trials=1 \
			--seed=$seed
		NVCC='' sweep "tensor cores for $target" "$folder/tensor.wpk" \
			--set=sketch=mma --op="$(multiplied $target)" \
			--target=$target --trials=1 --seed=7$seed
	fi
	if [ -z "$WPK_FULL" ]; then
		skip "many points for $target" "make check-full"
		continue
	fi
	NVCC='' sweep "eight points for $target" "$folder/ragged.wpk" \
		--target=$target --trials=8 --seed=1$seed
	NVCC='' sweep "tensor cores, watched, for $target" \
		"$folder/tensor.wpk" --set=sketch=mma --check=race,init \
		--op="$(multiplied $target)" --target=$target --trials=3 \
		--seed=6$seed
	NVCC='' sweep "open sizes for $target" "$folder/open.wpk" \
		--target=$target --trials=2 --seed=5$seed
	NVCC='' sweep "with sanitizers for $target" "$folder/ragged.wpk" \
		--target=$target --trials=3 --seed=2$seed --check=address
	NVCC='' sweep "real sizes for $target" \
		"$top_srcdir/examples/resnet18/conv.wpk" \
		--target=$target --trials=2 --seed=3$seed
	if [ -n "$NVCC" ]; then
		export NVCC
		sweep "assembled for $target" "$folder/ragged.wpk" \
			--target=$target --trials=4 --seed=4$seed --no-verify
		assembled
		sweep "tensor cores assembled for $target" \
			"$folder/tensor.wpk" --set=sketch=mma \
			--op="$(multiplied $target)" --target=$target \
			--trials=4 --seed=8$seed --no-verify
		assembled
	else
		skip "assembled for $target" "no nvcc"
	fi
done

# Products of four warps; none spills, nor is slow by ptxas's advice.
multiplied=$(multiplied sm_90a)
some=$multiplied
[ -n "$WPK_FULL" ] || some=$(echo "$multiplied" | turn 1 2)
NVCC='' sweep "wgmma" "$folder/tensor.wpk" --set=sketch=wgmma \
	--op="$some" --target=sm_90a --trials=1 --seed=90
NVCC='' sweep "wgmma, 8-bit floats" "$folder/eights.wpk" --set=sketch=wgmma \
	--target=sm_90a --trials=1 --seed=97 --check=race,init
NVCC='' sweep "mma, 8-bit floats" "$folder/eights.wpk" --set=sketch=mma \
	--op=eights,fast --target=sm_89 --trials=1 --seed=98 --check=race,init
for copies in on bulk; do
	NVCC='' sweep "wgmma, async = $copies" "$folder/tensor.wpk" \
		--set=sketch=wgmma --set=pipeline.k.async=$copies \
		--op=nt,batched,experts --target=sm_90a --trials=1 --seed=91 \
		--check=race,init
done
sketches=wgmma
[ -z "$WPK_FULL" ] || sketches='fma mma wgmma'
for sketch in $sketches; do
	NVCC='' sweep "$sketch, parts of a cluster" "$folder/tensor.wpk" \
		--set=sketch="$sketch" --set=split_k.acc.combine=cluster \
		--set=split_k.acc=2 --op=nt,batched --target=sm_90a \
		--trials=1 --seed=95 --check=race,init
done
made=$(sed -n 's/^export op \([a-z0-9_]*\).*/\1/p' "$folder/fragments.wpk" |
	paste -s -d , -)
[ -n "$WPK_FULL" ] || made=$(echo "$made" | turn 1 3)
NVCC='' sweep "wgmma, rows from registers" "$folder/fragments.wpk" \
	--set=sketch=wgmma --set=mma.acc.from=register --op="$made" \
	--target=sm_90a --trials=1 --seed=97 --check=race,init
NVCC='' sweep "wgmma, bulk stores" "$folder/tensor.wpk" --set=sketch=wgmma \
	--set=epilogue.c.bulk=256 --op=nt,nn,batched --target=sm_90a \
	--trials=1 --seed=96 --check=race,init
NVCC='' sweep "wgmma, images by bulk copies" "$folder/tensor.wpk" \
	--set=sketch=wgmma --set=pipeline.crs.async=bulk \
	--op=strided,dilated,image_bytes --target=sm_90a --trials=1 --seed=92 \
	--check=race,init
# Sums that are scaled.
all=sides,often,odd,seldom,bytes,batches,nested,nibbles,window
scaled=often,bytes,nibbles
[ -z "$WPK_FULL" ] || scaled=$all
NVCC='' sweep "mma, scaled" "$folder/scaled.wpk" --set=sketch=mma \
	--op="$scaled" --target=sm_80 --trials=1 --seed=12 --check=race,init
NVCC='' sweep "wgmma, scaled" "$folder/scaled.wpk" --set=sketch=wgmma \
	--op="blocks,$scaled" --target=sm_90a --trials=1 --seed=11 \
	--check=race,init
# Two products of one factor.
if [ -z "$WPK_FULL" ]; then
	NVCC='' sweep "two products of one factor" "$folder/twins.wpk" \
		--op=nt,chosen --target=sm_90a --trials=1 --seed=31
	skip "two products of one factor, all" "make check-full"
else
	for target in sm_80 sm_89 sm_90a; do
		NVCC='' sweep "two products of one factor for $target" \
			"$folder/twins.wpk" --target=$target --trials=3 \
			--seed=31 --check=race,init
	done
fi
# Both products in one kernel.
for kind in mma wgmma; do
	NVCC='' sweep "attention by $kind" "$folder/attention.wpk" \
		--set=sketch=attention --set=mma.acc.kind=$kind \
		--op=ragged,few --target=sm_90a --trials=1 --seed=83
done
if [ -n "$WPK_FULL" ] && [ -n "$NVCC" ]; then
	export NVCC
	: >"$scratch/spilled-attention"
	for target in sm_80 sm_90a; do
		sweep "attention assembled for $target" \
			"$folder/attention.wpk" --set=sketch=attention \
			--target=$target --trials=8 --seed=84 --no-verify
		assembled
		grep ' spilled [1-9]' "$log" >>"$scratch/spilled-attention"
	done
	empty "attention does not spill" "$scratch/spilled-attention"
else
	skip "attention assembled" "make check-full, nvcc"
fi
if [ -n "$WPK_FULL" ] && [ -n "$NVCC" ]; then
	export NVCC
	sweep "wgmma assembled" "$folder/tensor.wpk" --set=sketch=wgmma \
		--op="$multiplied" --target=sm_90a --trials=24 --seed=93 \
		--no-verify
	assembled
	grep ' spilled [1-9]' "$log" >"$scratch/spilled"
	sweep "wgmma, 8-bit floats, assembled" "$folder/eights.wpk" \
		--set=sketch=wgmma --target=sm_90a --trials=20 --seed=99 \
		--no-verify
	assembled
	grep ' spilled [1-9]' "$log" >>"$scratch/spilled"
	sweep "wgmma, scaled, assembled" "$folder/scaled.wpk" \
		--set=sketch=wgmma --target=sm_90a --trials=12 --seed=13 \
		--no-verify
	assembled
	grep ' spilled [1-9]' "$log" >>"$scratch/spilled"
	sweep "wgmma by turns, assembled" "$folder/gemm_bf16.wpk" \
		--set=sketch=wgmma --set=raster.persistent=pingpong \
		--set=pipeline.k.async=bulk --op=s4,s5 --target=sm_90a \
		--trials=40 --seed=5 --no-verify
	assembled
	grep ' spilled [1-9]' "$log" >>"$scratch/spilled"
	sweep "rows from registers, assembled" "$folder/fragments.wpk" \
		--set=sketch=wgmma --set=mma.acc.from=register \
		--target=sm_90a --trials=8 --seed=21 --no-verify
	assembled
	grep ' spilled [1-9]' "$log" >>"$scratch/spilled"
	empty "wgmma does not spill" "$scratch/spilled"
else
	skip "wgmma assembled" "make check-full, nvcc"
fi
if [ -n "$WPK_FULL" ]; then
	NVCC='' sweep "wgmma, watched" "$folder/tensor.wpk" \
		--set=sketch=wgmma --check=race,init --op="$multiplied" \
		--target=sm_90a --trials=4 --seed=94
fi
finish
