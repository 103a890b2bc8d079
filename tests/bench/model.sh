#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bench-model`: how well the learned model orders what it has not seen.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
model=$top_builddir/tests/bench/model
data=$top_srcdir/tests/data
conv=$top_srcdir/examples/resnet18/conv.wpk
export top_srcdir

echo "## from some points of a space, the rest of it"
"$model" within "$data/conv-a100.csv" "$data/conv-a4000.csv" \
	"$data/dedisp-a100.csv" "$data/gemm-rtx3090.csv"
echo "## from all points on one GPU and some on the other, the rest of that"
"$model" gpu "$data/conv-a100.csv" a100 "$data/conv-a4000.csv" a4000
echo "## from other shapes and GPUs; stand-in times"
"$model" standin "$conv"
echo "## own cost"
"$model" cost "$conv"
