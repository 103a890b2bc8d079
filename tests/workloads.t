#!/bin/sh
# SPDX-License-Identifier: MIT
# Every operator of tests/data/workloads.tsv, as tests/workloads and the examples
# write them: without tuning they assemble for three targets, and of f16 and bf16
# for sm_90a, without spills or advice of ptxas, and cut down to small sizes with
# ragged edges, and to sizes of whole vectors, they agree with the reference. One in
# three of a file's operators is assembled, in full all.
. "${top_srcdir:-.}/tests/lib.sh"

folder=$top_srcdir/tests/workloads
resnet=$top_srcdir/examples/resnet18/conv.wpk
targets="sm_75 sm_80 sm_90"
cd "$scratch" || exit 1

# ---- the files say what the table says ----

# Instances of table rows that match $1, their numbers in the order of $2;
# words of $2 without "=" are taken as they are.
rows() {
	awk -F '\t' -v rows="$1" -v form="$2" '
	$1 ~ rows {
		n = split($3, part, " ")
		for (i = 1; i <= n; i++) {
			split(part[i], kv, "=")
			sub(/,.*/, "", kv[2])
			v[kv[1]] = kv[2]
		}
		text = ""
		n = split(form, want, " ")
		for (i = 1; i <= n; i++) {
			split(want[i], kv, "=")
			if (kv[2] in v) want[i] = kv[1] "=" v[kv[2]]
			text = text " " want[i]
		}
		print tolower($1) text
	}' "$top_srcdir/tests/data/workloads.tsv"
}

# The same of the instances in a file, without what equals its default.
instances() {
	tr '\n' ' ' <"$1" | tr ';' '\n' |
	sed -n 's/.*export op \([a-z0-9]*\) = [a-z_.0-9]*\[\([^]]*\)\].*/\1 \2/p' |
	tr -d ,
}

# same NAME FILE ROWS FORM [INSTANCES]
same() {
	rows "$3" "$4" | sed 's/ [SPD][DHW]=0//g; s/ [SD][DHW]=1//g; s/ Z=1 / /; s/ G=1$//
		s/=/ = /g' | sort >"$scratch/wanted"
	instances "$2" | grep "${5:-.}" | sort >"$scratch/written"
	check "$1 are those of the table" diff "$scratch/wanted" \
		"$scratch/written"
}
conv='C=C H=H W=W F=F R=R S=S SH=stride SW=stride PH=pad PW=pad'
same "ResNet-18 in f32" "$resnet" '^C[0-9]+$' "T=f32 N=N $conv"
same "ResNet-18 in f16" "$folder/conv_f16.wpk" '^C[0-9]+$' "T=f16 N=N $conv"
window="$conv G=groups"
for dtype in f32 f16; do
	same "windows in $dtype" "$folder/windows_$dtype.wpk" '^[DGB][0-9]+$' \
		"T=$dtype N=N $window"
done
same "products" "$folder/gemm.wpk" '^(F[12]|S[123])$' 'T=dtype M=M N=N K=K'
same "thin products" "$folder/gemv.wpk" '^(A([12]|[4578]|1[01])|O[134])$' \
	'T=dtype M=M N=N K=K'
same "products in bf16" "$folder/gemm_bf16.wpk" \
	'^([EM][0-9]|S[45]|O[25]|A(3|6|9|12))$' 'T=dtype Z=batch M=M N=N K=K'
for type in f16 f32; do
	more=$folder/conv_more_$type.wpk
	word="T=$type"
	[ "$type" = f32 ] && word=
	same "other convolutions in $type" "$more" '^(R[0-9]|L[0-9])$' \
		"$word N=N $conv DH=dil DW=dil" '^[rl]'
	same "transposed ones in $type" "$more" '^T[0-9]$' \
		"$word N=N C=C H=H W=W K=F R=R S=S SH=stride SW=stride PH=pad PW=pad" \
		'^t'
	same "convolutions along a line in $type" "$more" '^K[0-9]$' \
		"$word N=N C=C W=L F=F S=R SW=stride PW=pad" '^k'
	same "convolutions in space in $type" "$more" '^V[0-9]$' \
		"$word N=N C=C D=D H=H W=W F=F U=T R=R S=S PD=pad PH=pad PW=pad" \
		'^v'
	same "capsules in $type" "$more" '^P1$' "$word N=N H=H W=W I=4 K=4 J=4 \
		C=C F=F R=R S=S SH=stride SW=stride PH=pad PW=pad" '^p'
done
for file in conv_f16 conv_more_f16 windows_f16; do
	tr '\n' ' ' <"$folder/$file.wpk" | tr ';' '\n' | grep 'export op [^p]' |
		grep -v 'x layout(N, [DHW, ]*C), w layout(.*C.*), y layout(N.*F)'
done >"$scratch/images"
empty "convolutions in f16 have their channels innermost" "$scratch/images"
same "softmax" "$folder/softmax.wpk" '^X[123]$' 'T=dtype B=rows L=cols'
grep -v 'x1[35]' "$folder/maps.wpk" >matrices.wpk
same "maps of matrices" matrices.wpk '^X1[24]$' 'T=dtype M=rows N=cols'
grep -v 'x1[24]' "$folder/maps.wpk" >images.wpk
same "maps of images" images.wpk '^X1[35]$' 'T=dtype N=N C=C H=H W=W'

sed 's/op q\([0-9]*\) =/op c\1 =/' "$folder/fused.wpk" >normalised.wpk
same "normalised convolutions" normalised.wpk '^C(1|4|8|12)$' "T=f16 N=N $conv" '^c'
sed 's/op q\([0-9]*\)f =/op c\1 =/' "$folder/fused.wpk" >normalised.wpk
same "normalised ones in f32" normalised.wpk '^C(1|4|8|12)$' "T=f32 N=N $conv" '^c'
sed 's/ Z = 1,//' "$folder/fused.wpk" >attention.wpk
same "attention" attention.wpk '^Z[0-9]$' \
	'T=dtype H=heads M=S D=D J=heads L=S E=D' '^z'

same "norms along rows" "$folder/rows.wpk" '^X([5-9]|10)$' 'B=rows L=cols' \
	'^x\([5-9]\|10\) '
same "softmax of long rows" "$folder/rows.wpk" '^X4$' 'T=dtype B=rows L=cols' \
	'^x4 '
same "the sum" "$folder/rows.wpk" '^X11$' 'L=n' '^x11 '

# ---- they assemble without spills ----

# Kernels of ptxas's report $1 that use stack or spill; the library's sine and
# cosine have a stack of their own on sm_75 and sm_80.
spills() {
	awk '/Function properties for/ { kernel = $NF }
	/bytes stack frame/ && kernel == "rope_inter_kernel" && $1 <= 32 { $1 = 0 }
	/bytes stack frame/ && ($1 || $5 || $9) { print kernel ":" $0 }' "$1"
}

# Which operators of a file are assembled, as --op=..., or none for all: in full
# all are, and where their registers are what it is about.
some_of() {
	case $WPK_FULL.$1 in
	.*/registers.wpk) ;;
	.*) instances "$1" | awk 'NR % 3 == 1 { print "--op=" $1 }' ;;
	esac
}

# assemble FILE TARGET OPTIONS...
assemble() {
	file=$1
	arch=$2
	shift 2
	# shellcheck disable=SC2046 # operators
	set -- "$@" $(some_of "$file")
	out=$(basename "$file" .wpk).$arch
	what="$(basename "$file" .wpk) for $arch"
	if ! "$wpkc" --no-lock --target="$arch" "$@" "$file" -o "$out.cu" \
		2>"$out.log"
	then
		fail "$what" "$out.log"
	elif ! "$NVCC" -gencode="arch=compute_${arch#sm_},code=$arch" -cubin \
		-Xptxas -v -o "$out.cubin" "$out.cu" >"$out.log" 2>&1
	then
		fail "$what" "$out.log"
	else
		spills "$out.log" >"$out.spills"
		grep '(C7' "$out.log" >>"$out.spills"
		operators=$(some_of "$file" | wc -l)
		[ "$operators" -gt 0 ] ||
			operators=$(instances "$file" | wc -l)
		check "$what: all its kernels" test \
			"$(grep -c 'Used [0-9]* registers' "$out.log")" -ge \
			"$operators"
		empty "$what: no spills, no advice" "$out.spills"
	fi
}

# Slow ones in full only, and the files take turns between the oldest target and
# the newest; batches of 16 are those of 1 with another N.
files="$resnet $folder/*.wpk"
if [ -n "$WPK_FULL" ]; then
	for file in "$resnet" "$folder"/conv*.wpk "$folder/fused.wpk"; do
		name=$(basename "$file" .wpk)_16.wpk
		sed 's/N = 1,/N = 16,/' "$file" >"$name"
		files="$files $name"
	done
else
	files=$(for file in $files; do echo "$file"; done |
		grep -v '_more\|gemm_bf16\|/winograd')
	skip "more convolutions, products and batches of 16" "make check-full"
fi
turn=sm_75
for file in $files; do
	[ $turn = sm_75 ] && turn=sm_90 || turn=sm_75
	for target in $targets; do
		case $WPK_FULL.$(basename "$file").$target in
		[!.]*|.registers.wpk.*|.*.$turn) ;;
		*)	skip "$(basename "$file" .wpk) for $target" "make check-full"
			continue ;;
		esac
		if [ -n "$NVCC" ]; then
			assemble "$file" "$target"
		else
			skip "$(basename "$file" .wpk) for $target" "no nvcc"
		fi
	done
done
# Products and convolutions by four warps.
for table in gemm conv_f16 registers gemm_bf16 conv_more_f16; do
	case $NVCC.$WPK_FULL.$table in
	.*)	skip "$table for sm_90a" "no nvcc" ;;
	*..gemm_bf16|*..conv_more_f16)
		skip "$table for sm_90a" "make check-full" ;;
	*)
		assemble "$folder/$table.wpk" sm_90a
		check "$table for sm_90a: wgmma" grep -q 'sketch = wgmma' \
			"$table.sm_90a.cu" ;;
	esac
done
# The table's windows that Winograd's algorithm is for, by tiles of 2 and of 4.
for m in 2 4; do
	rows=winograd_by_$m.wpk
	{
		echo 'import std.conv;'
		grep -h '^export op \(c2\|c6\|c9\|c12\|b6\) ' "$resnet" \
			"$folder/windows_f32.wpk"
	} >"$rows"
	check "winograd by $m: rows" test "$(instances "$rows" | wc -l)" = 5
	for target in $targets; do
		if [ -z "$NVCC" ]; then
			skip "$(basename "$rows" .wpk) for $target" "no nvcc"
		elif [ -n "$WPK_FULL" ] || [ "$m.$target" = 4.sm_80 ]; then
			assemble "$rows" "$target" \
				--set="sketch=winograd,winograd.acc.m=$m"
		else
			skip "$(basename "$rows" .wpk) for $target" \
				"make check-full"
		fi
	done
done
# The table's greater batches.
for table in windows_f32 windows_f16; do
	for n in 16 128; do
		sed "s/ N = 1,/ N = $n,/" "$folder/$table.wpk" >"$table.n$n.wpk"
		for target in $targets; do
			if [ -n "$NVCC" ] && [ -n "$WPK_FULL" ]; then
				assemble "$table.n$n.wpk" "$target"
			else
				skip "$table.n$n for $target" \
					"make check-full, nvcc"
			fi
		done
	done
done

# Operators that nobody thought of.
for seed in 1 2 3 4; do
	for target in $targets; do
		if [ -n "$NVCC" ] && [ -n "$WPK_FULL" ]; then
			"$top_builddir/tests/unit/random_tool" "$seed" 60 \
				>"random_$seed.wpk"
			assemble "random_$seed.wpk" "$target"
		else
			skip "random_$seed for $target" "make check-full, nvcc"
		fi
	done
done

# ---- they agree with the reference ----

# verified NAME OPTIONS...: one case an operator.
verified() {
	what=$1
	shift
	"$wpkc" --no-lock "$@" >"$scratch/checked" 2>&1
	[ $? -le 4 ] || echo "$what: wpkc: died" >>"$scratch/checked"
	while IFS= read -r line <&3; do
		case $line in
		*": verified "*)	pass "$what: ${line%%:*}" ;;
		*": not verified: "*)	skip "$what: ${line%%:*}" "$line" ;;
		[a-z]*:*)	fail "$what: ${line%%:*}" "$scratch/checked" ;;
		esac
	done 3<"$scratch/checked"
}
# every N: the operators of ragged.wpk whose numbers are N modulo 2.
every() {
	sed -n 's/^export op \([a-z0-9_]*\).*/\1/p' "$folder/ragged.wpk" |
		awk -v n="$1" 'NR % 2 == n' | paste -s -d , -
}
if [ -n "$WPK_FULL" ]; then
	for target in $targets; do
		verified "$target" --check --target="$target" "$folder/ragged.wpk"
	done
else
	verified sm_75 --check --target=sm_75 --op="$(every 0)" \
		"$folder/ragged.wpk"
	verified sm_90 --check --target=sm_90 --op="$(every 1)" \
		"$folder/ragged.wpk"
	skip "the others for each target" "make check-full"
fi
windows=dw_fused,dw_dilated,dw_multiplied,dw_small,full_window,blur,min_pool
windows=$windows,max_pool3,average_pool,local_contrast,stencil
for target in sm_75 sm_90; do
	verified "direct for $target" --check --target="$target" \
		--set=sketch=direct \
		--op="$windows,stem,odd,strided,nhwc,nhwc_stem,nhwc_groups" \
		"$folder/ragged.wpk"
done
# Winograd's tiles of 2 and of 4; two windows in a row, which have no "acc".
windows=$(sed -n 's/^export op \([a-z0-9_]*\).*/\1/p' "$folder/winograd.wpk" |
	grep -v twice | paste -sd, -)
for m in 2 4; do
	verified "winograd by $m" --check --target=sm_80 \
		--set="sketch=winograd,winograd.acc.m=$m" --op="$windows" \
		"$folder/winograd.wpk"
done
verified "winograd twice" --check --target=sm_90 --set=sketch=winograd \
	--op=twice "$folder/winograd.wpk"
verified "winograd watched" --check=address,race,init --target=sm_80 \
	--set=sketch=winograd --op=odd,nhwc,once,twice "$folder/winograd.wpk"
verified "partial schedules" --check --target=sm_80 "$folder/pinned.wpk"
verified "lines, races and unwritten" --check=race,init --target=sm_80 \
	--op=rows,ragged,sums,ragged_sums "$folder/lines.wpk"
verified "lines of wgmma" --check=race,init --target=sm_90a \
	--op=columns,parts "$folder/lines.wpk"
for target in sm_80 sm_90a; do
	"$wpkc" --no-lock --target=$target "$folder/lines.wpk" -o lines.cu
	check "lines for $target: there are some" grep -q 'lines = more_than' \
		lines.cu
done
verified "a stranger's, races and unwritten" --check=race,init --target=sm_75 \
	"$folder/unseen.wpk"
verified "all pairs, races and unwritten" --check=race,init --target=sm_75 \
	"$folder/pairs.wpk"
verified "direct, races and unwritten" --check=race,init --target=sm_75 \
	--set=sketch=direct --op=dw_fused,max_pool3 "$folder/ragged.wpk"
verified "sm_80 with sanitizers" --check=address --target=sm_80 \
	--op=nt_long,nt_bf16,odd,nhwc,residual,soft_long "$folder/ragged.wpk"
verified "sm_75 with sanitizers" --check=address --target=sm_75 \
	--op=nt_odd,nn_f16,stem,grouped,nhwc_stem,soft "$folder/ragged.wpk"
# cut_down FILE UNIT TARGET OPTIONS...: every row of a file at small sizes.
cut_down() {
	name=$(basename "$1" .wpk)_$2
	awk -v unit="$2" -f "$folder/cut.awk" "$1" >"$name.wpk"
	target=$3
	shift 3
	verified "$name for $target" --check --target="$target" "$@" "$name.wpk"
}
if [ -n "$WPK_FULL" ]; then
	for target in $targets; do
		for file in "$resnet" "$folder"/[cfgms]*.wpk \
			"$folder"/windows_*.wpk "$folder/rows.wpk"; do
			cut_down "$file" 1 "$target"
			cut_down "$file" 8 "$target"
		done
		for file in "$resnet" "$folder"/[cgmsw]*.wpk; do
			verified "$(basename "$file" .wpk) in parts for $target" \
				--check --target="$target" "$file"
		done
		verified "all with sanitizers for $target" --check=address \
			--target="$target" "$folder/ragged.wpk"
		verified "a stranger's for $target" --target="$target" \
			--check=address,race,init "$folder/unseen.wpk"
	done
else
	cut_down "$folder/rows.wpk" 1 sm_90 --op=x5,x7,x10,x11
	cut_down "$folder/maps.wpk" 1 sm_75
	cut_down "$folder/fused.wpk" 1 sm_80 --op=q4,q8f,z1
	skip "the other rows, whole sizes, all with sanitizers" "make check-full"
fi
finish
