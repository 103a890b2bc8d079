#!/bin/sh
# SPDX-License-Identifier: MIT
# Libraries as candidates: which public shapes they serve, when they compete, what
# a search on a driver with stubs of them takes, keeps in the lock, and makes
# again; and that what calls them compiles with libwpk and without.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work" "$scratch/tmp"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
export TMPDIR
folder=$top_srcdir/tests/workloads

# ---- every public product and convolution gives a call, or a sentence ----

# kinds FILE OPERATOR LIBRARY: "gemm", "conv", "matmul", or "-".
kinds() {
	"$wpkc" --no-lock -q --op="$2" --set "sketch=library,library=$3" \
		--emit=kernel "$1" >out 2>&1
	if grep -q '^note: library: .\{20\}' out; then
		echo -
	else
		sed -n 's/^  call.*"\(gemm\)": {.*/\1/p
			s/^  call.*"op": "\(conv\|matmul\)".*/\1/p' out
	fi
}
for file in "$folder"/gemm.wpk "$folder"/gemm_bf16.wpk "$folder"/gemv.wpk \
	"$folder"/conv_*.wpk "$top_srcdir"/examples/resnet18/conv.wpk \
	"$folder"/windows_*.wpk "$folder"/fused.wpk; do
	sed -n 's/^export op \([a-z0-9_]*\) =.*/\1/p' "$file" >operators
	while read -r op <&3; do
		echo "$(basename "$file" .wpk) $op" \
			"$(kinds "$file" "$op" cublaslt)" \
			"$(kinds "$file" "$op" cudnn)"
	done 3<operators
done >served
check "public shapes: what serves them" diff "$top_srcdir/tests/data/library.txt" \
	served

# ---- when it competes ----

cat >mm.wpk <<'END'
import std.act;
export op mm[M = 16, N = 16, K = 16](x: f16[M, K], w: f16[N, K], b: f16[N],
    r: f16[M, N]) -> (y: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](x[i, k] * w[j, k]);
    y[i, j] = f16(act.gelu_tanh(acc[i, j] + b[j] + r[i, j]));
}
schedule s for mm {
    tile(block, i = 16, j = 16);
    fallback(cublaslt, margin = 1.1);
}
END
sed 's/^schedule.*/schedule s for mm {/; /tile/d; /fallback/d' mm.wpk |
	sed '$d' | sed '$d' >bare.wpk
cp mm.wpk source
"$wpkc" -v --no-lock mm.wpk -o own.cu 2>said
check "without a GPU it is left out, with a reason" grep -q \
	'library: what it takes is not known where no GPU is measured' said
check "... and its directive is nobody's obligation" test -s own.cu
"$wpkc" -v --no-lock bare.wpk -o own.cu 2>said
check "without fallback(...) it has to be asked for" grep -q \
	'library: it calls .* serves where fallback(...) or sketch = library' said
"$wpkc" --no-lock --tune=random --trials=5 --no-verify mm.wpk -o own.cu 2>said
check "a search by the model says so once" test "$(grep -c \
	'fallback(...) is left out' said)" = 1
ends 0 "asked for, it serves" "" "$wpkc" --no-lock --set sketch=library mm.wpk \
	-o lib.cu -H lib.h
check "... which the header says" grep -q 'by libwpk (pkg-config wpk)' lib.h
"$wpkc" --no-lock --check --set sketch=library mm.wpk >said 2>&1
check "what it computes is not verified" test "$?.$(grep -c \
	'^mm: not verified: it calls cuBLASLt, which computes on a GPU alone' \
	said)" = 4.1
ends 2 "a library that is not allowed" "library cannot be cudnn: it is cublaslt" \
	"$wpkc" --no-lock --set sketch=library,library=cudnn mm.wpk -o no.cu
sed 's/fallback(.*/fallback(library); deterministic();/; /tile/d' mm.wpk >det.wpk
ends 2 "deterministic() leaves cuBLASLt alone" \
	"library cannot be cudnn: it is cublaslt" "$wpkc" --no-lock \
	--set sketch=library,library=cudnn det.wpk -o no.cu
sed '/fallback(/d' mm.wpk >tiled.wpk
ends 2 "other directives are for other sketches" \
	"library: it does not honour tile" "$wpkc" --no-lock \
	--set sketch=library tiled.wpk -o no.cu
sed 's/fallback(.*/kernel(acc, y, sketch = library);\
fallback(cublaslt, algorithm = 7);/; /tile/d' mm.wpk >pinned.wpk
"$wpkc" --no-lock pinned.wpk -o pinned.cu
check "a schedule names library and algorithm" grep -q '"algorithm": 7}' pinned.cu

cat >conv.wpk <<'END'
import std.conv;
export op cv = std.conv.conv2d_bias_relu[T = f16, N = 1, C = 8, H = 6, W = 5,
    F = 8, R = 3, S = 3, PH = 1, PW = 1]
    with x layout(N, H, W, C), w layout(F, R, S, C/G), y layout(N, P, Q, F);
schedule s for cv { fallback(cudnn, margin = 1.05); }
END
sed 's/margin = 1.05/algorithm = legacy_1_tensor/' conv.wpk >named.wpk
"$wpkc" --no-lock --set sketch=library named.wpk -o named.cu -H named.h
check "... and one of cuDNN's by its name" grep -q \
	'"algorithm": "legacy_1_tensor"}' named.cu
"$wpkc" --no-lock --set sketch=library --emit=sched named.wpk >chosen
check "... which the schedule that was chosen says again" grep -q \
	'fallback(cudnn, algorithm = legacy_1_tensor);' chosen
sed 's/fallback(.*/fallback(cudnn, algorithm = legacy_0_fma);/; /tile/d' mm.wpk |
	sed 's/^schedule.*/&\
kernel(acc, y, sketch = library);/' >product.wpk
ends 2 "a name that is of convolutions" \
	"cuDNN: legacy algorithms are of convolutions" "$wpkc" --no-lock \
	product.wpk -o no.cu

# ---- numbers that make no sense ----

# refused NAME TEXT VALUES
refused() {
	sed "s/fallback(.*/fallback($3);/" mm.wpk >bad.wpk
	ends 1 "$1" "$2" "$wpkc" --no-lock bad.wpk -o no.cu
}
refused "a margin below 1" "a margin is a number from 1 to 100" \
	"cublaslt, margin = 0.9"
refused "a margin of words" "a margin is a number" "cublaslt, margin = {1, 2}"
refused "an algorithm with a point" "an algorithm is a whole number from 0 to 9999" \
	"cublaslt, algorithm = 1.5"
refused "an algorithm too far" "from 0 to 9999" "cublaslt, algorithm = 10000"
refused "a name that is none" "Did you mean 'legacy_7_fma'" \
	"cudnn, algorithm = legacy_7_fmo"
refused "a name of cuDNN's for cuBLASLt" "algorithms with names are cuDNN's" \
	"cublaslt, algorithm = legacy_7_fma"
refused "an unknown key" "Did you mean 'algorithm'" "cublaslt, algoritm = 1"
refused "an unknown library" "Did you mean 'cudnn'" "cudn"

# ---- what is written compiles ----

if [ -n "$NVCC" ]; then
	check "with libwpk" "$NVCC" -I"$top_srcdir/runtime" -arch=sm_90a \
		-Werror=all-warnings -c -o lib.o lib.cu
	check "... and without" "$NVCC" -DWPK_WITHOUT_LIBRARIES -arch=sm_90a \
		-Werror=all-warnings -c -o lib.o lib.cu
else
	skip "with libwpk" "no nvcc"
fi

# ---- and runs, on a stub ----

# Ones everywhere: a product of 16, a bias and a matrix: gelu(18), that is 18.
cat >main.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <cuda_runtime_api.h>
#include "lib.h"
static unsigned short x[256], w[256], b[16], r[256], y[256];
int main(void)
{
	size_t bytes = mm_workspace();
	void *p = aligned_alloc(256, bytes + 256 - bytes % 256);
	int wrong = 0, status;
	for (int i = 0; i < 256; i++)
		x[i] = w[i] = r[i] = b[i % 16] = 0x3c00;
	status = mm(x, w, b, r, y, p, bytes, 0);
	for (int i = 0; i < 256; i++)
		wrong += y[i] != 0x4c80;
	printf("%d %d %d\n", status, wrong, mm(x, w, b, r, y, p, bytes, 0));
	printf("%d\n", mm(x + 1, w, b, r, y, p, bytes, 0));
	return 0;
}
END
if [ -n "$INSTRUMENT" ] || ! "$CXX" --version >/dev/null 2>&1; then
	skip "a launcher" "instrumented, or no C++ compiler"
elif ! { stub_cublaslt &&
	stub_cuda cuda; } 2>"$scratch/.err"; then
	fail "a library and a driver for tests" "$scratch/.err"
else
	check "a launcher compiles" "$CXX" -x c++ -std=c++11 -Wall -Wextra \
		-I"$top_srcdir/runtime" -I"$top_srcdir/runtime/emu/host" \
		-include cuda_runtime_api.h -c -o lib.o lib.cu
	check "... and links to libwpk" "$CXX" -x c \
		-I"$top_srcdir/runtime/emu/host" main.c -x none lib.o \
		"$top_builddir/libwpk.a" "$top_builddir/libwpkemu.a" -ljansson \
		-lpthread -ldl -lm -o main
	WPK_LIBCUDA=$scratch/cuda.so WPK_LIBCUBLASLT=$scratch/lt.so \
		./main >said 2>&1
	printf '0 0 0\n1\n' >want
	check "... calls the library, twice, and refuses what is misaligned" \
		diff want said
	WPK_LIBCUDA=$scratch/cuda.so WPK_LIBCUBLASLT=$scratch/none.so \
		./main >said 2>&1
	check "... and says where there is none" grep -q '^801 256 801$' said
fi

# Ones: 8 for each tap that lies in the image, and the bias.
cat >named.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <cuda_runtime_api.h>
#include "named.h"
static unsigned short x[240], w[576], b[8], y[240];
static float real(unsigned h)
{
	return (1024 + h % 1024) * (1 << h / 1024 % 32) / 33554432.f;
}
int main(void)
{
	size_t bytes = cv_workspace();
	void *p = aligned_alloc(256, bytes + 256 - bytes % 256);
	int wrong = 0, status;
	for (int i = 0; i < 576; i++)
		x[i % 240] = w[i] = b[i % 8] = 0x3c00;
	status = cv(x, w, b, y, p, bytes, 0);
	for (int i = 0; i < 240; i++) {
		int h = i / 40, c = i / 8 % 5;
		int taps = (3 - (h % 5 == 0)) * (3 - (c % 4 == 0));
		wrong += real(y[i]) != 8 * taps + 1;
	}
	printf("%d %d %d\n", status, wrong, (int)bytes);
	return 0;
}
END
if [ -n "$INSTRUMENT" ] || ! "$CXX" --version >/dev/null 2>&1; then
	skip "a launcher of a legacy convolution" "instrumented, or no C++ compiler"
elif ! { stub_cudnn && stub_cuda cuda; } 2>"$scratch/.err"; then
	fail "cuDNN and a driver for tests" "$scratch/.err"
else
	"$CXX" -x c++ -std=c++11 -I"$top_srcdir/runtime" \
		-I"$top_srcdir/runtime/emu/host" -include cuda_runtime_api.h -c \
		-o named.o named.cu && "$CXX" -x c \
		-I"$top_srcdir/runtime/emu/host" named.c -x none named.o \
		"$top_builddir/libwpk.a" "$top_builddir/libwpkemu.a" -ljansson \
		-lpthread -ldl -lm -o named
	check "a launcher calls a legacy convolution" test "$(
		WPK_LIBCUDA=$scratch/cuda.so WPK_LIBCUDNN=$scratch/dnn.so \
		./named 2>&1)" = "0 0 768"
fi

# ---- searches on a driver, with stubs ----

emulating_nvcc nvcc
# searched US OPTIONS...: a search in which a library's call takes so long.
searched() {
	us=$1
	shift
	rm -f "$WPK_DB"* list
	STUB_US=$us WPK_LIBCUDA=$scratch/emulating.so WPK_NVRTC=$scratch/none \
		WPK_LIBCUBLASLT=$scratch/lt.so WPK_LIBCUDNN=$scratch/dnn.so \
		NVCC=$scratch/work/nvcc timeout 300 "$wpkc" --tune=random \
		--measure=gpu -j 2 --candidates=list --trials=12 --no-verify \
		--limits=run=60 --time=5m \
		-o out.cu "$@" >said 2>&1
}

if [ -n "$INSTRUMENT" ] || ! "$CXX" --version >/dev/null 2>&1; then
	skip "searches" "instrumented, or no C++ compiler"
elif ! {
	emulating_driver -o "$scratch/emulating.so" &&
		stub_cublaslt &&
		stub_cudnn
} 2>"$scratch/.err"; then
	fail "a driver and libraries" "$scratch/.err"
else
	searched 0.9 mm.wpk
	check "a library that is fast enough is taken" grep -q \
		'^sketch = library$' mm.wpk.lock
	check "... as measured" grep -q '^measured = 0.9 us$' mm.wpk.lock
	check "... its algorithm pinned" grep -q \
		'^pinned = {"algo":"[0-9a-f]*","version":130100}$' mm.wpk.lock
	check "... and not verified" grep -q '^verified = none$' mm.wpk.lock
	check "what it computed was compared" test "$(awk '
		$3 == "library" && $4 == "measured"' list | wc -l)" -ge 2
	cp out.cu first.cu
	rm -f "$WPK_DB"*
	"$wpkc" --frozen mm.wpk -o again.cu
	check "source and lock give the same bytes" cmp first.cu again.cu
	check "... with what was pinned" grep -q '"pinned":' again.cu
	"$wpkc" --frozen --emit=manifest mm.wpk >manifest
	check "... in the manifest, too" sh -c \
		'grep -q "\"library\": \"cublaslt\"" manifest &&
		grep -q "\"pinned\": {" manifest'
	sed 's/^pinned = .*/pinned = [1]/' mm.wpk.lock >edited.lock
	ends 3 "a lock whose pin is none" "what is pinned is no JSON object" \
		"$wpkc" --frozen --lock=edited.lock mm.wpk -o no.cu
	rm -f mm.wpk.lock
	searched 1.08 mm.wpk
	check "one within the margin is not" grep -q \
		'^sketch = \(fma\|gemv\|mma\|wgmma\)$' mm.wpk.lock
	check "... and was measured all the same" grep -q "	library	measured" list
	rm -f mm.wpk.lock
	searched 100 mm.wpk
	check "one that is slow is slow" grep -q "	library	slow" list
	rm -f mm.wpk.lock
	searched 0.9 mm.wpk --set sketch=library,algorithm=9999
	check "an algorithm that there is not fails to launch" grep -q \
		'	launch		cuBLASLt has no algorithm 9999 for this: it has' \
		list
	check "... and nothing is taken" grep -q \
		"no call of a library that computes 'mm' could be measured" said
	searched 0.5 conv.wpk
	check "cuDNN likewise" sh -c '{ grep -q "^library = cudnn$" conv.wpk.lock &&
		grep -q "^pinned = {\"engine\":" conv.wpk.lock
	} || { cat said list conv.wpk.lock; exit 1; }'
	rm -f conv.wpk.lock
	searched 0.5 conv.wpk --set sketch=library,library=cudnn,algorithm=4
	check "... its legacy algorithms among its engines" grep -q \
		'^pinned = {"legacy":1,"math":"tensor","version":91900}$' \
		conv.wpk.lock
	searched 0.5 named.wpk
	check "one with a name is measured" sh -c '{ awk "
		\$3 == \"library\" && \$4 == \"measured\"" list | grep -q . &&
		grep -q "^pinned = {\"legacy\":1,\"math\":\"tensor\"" \
		named.wpk.lock; } || { cat said list named.wpk.lock; exit 1; }'
	cp out.cu first.cu
	rm -f "$WPK_DB"*
	"$wpkc" --frozen named.wpk -o again.cu
	check "... and made again" cmp first.cu again.cu
	"$wpkc" --frozen --emit=manifest named.wpk >manifest
	tr -s ' \n\t' '   ' <manifest >flat
	check "... by its name and pinned, as in the manifest" grep -q \
		'"algorithm": "legacy_1_tensor", "pinned": { "legacy": 1, "math"' \
		flat
	sed 's/legacy_1_tensor/legacy_4_fma/' named.wpk >spoilt.wpk
	searched 0.5 spoilt.wpk
	check "... or is none, and no other" sh -c '{ grep -q \
		"	library	launch		cuDNN does not take legacy 4 " \
		list && ! grep -q "	library	measured" list; } ||
		{ cat said list; exit 1; }'
	STUB_DNN_WRONG=1
	export STUB_DNN_WRONG
	rm -f named.wpk.lock
	searched 0.5 named.wpk
	check "... and what computes wrong is not taken" sh -c '{ grep -q \
		"	library	wrong		" list && ! grep -q "library" \
		named.wpk.lock; } || { cat said list named.wpk.lock; exit 1; }'
	unset STUB_DNN_WRONG
	WPK_LIBCUDA=$scratch/emulating.so
	export WPK_LIBCUDA
	rm -f conv.wpk.lock
	mv "$scratch/dnn.so" "$scratch/away.so"
	searched 0.5 conv.wpk
	check "a library that is missing says so" grep -q \
		'	library	launch		cuDNN is not on this machine' list
	check "... and others are taken" test -s conv.wpk.lock
	unset WPK_LIBCUDA
fi
finish
