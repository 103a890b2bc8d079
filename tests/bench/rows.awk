# SPDX-License-Identifier: MIT
# The rows of the suite, from tests/data/workloads.tsv: every operator, type and
# batch is one. Tab-separated:
#
#	row	"C2-f16-16"
#	id	"C2"
#	class	what it is counted with
#	dtype
#	n	batch, or 1
#	file	the source, whose operators have batch 1
#	name	its operator in that file
#	flops	operations of one pass that are counted (two for a multiply-add
#		of a contraction; 0 elsewhere)
#	shape	as the table has it
#	op	the operator's kind, as the table has it
#
# A convolution is there in f16 and f32, everything else in its own type.

BEGIN {
	FS = OFS = "\t"
	more = "tests/workloads/conv_more_"
	windows = "tests/workloads/windows_"
	big["S4"]; big["S5"]
	big["A3"]; big["A6"]; big["A9"]; big["A12"]
	thin["A1"]; thin["A2"]; thin["A4"]; thin["A5"]; thin["A7"]; thin["A8"]
	thin["A10"]; thin["A11"]; thin["O1"]; thin["O3"]; thin["O4"]
	vector["A1"]; vector["A4"]; vector["A7"]; vector["A10"]
	split("conv2d depthwise grouped dilated transposed conv1d conv3d capsule",
		word, " ")
	for (i in word) windowed[word[i]]
}

function value(key, otherwise) {
	return key in v ? v[key] + 0 : otherwise
}

# Extent of an output: "x" padded by "p" on both sides.
function extent(x, r, s, p, d) {
	return int((x + 2 * p - d * (r - 1) - 1) / s) + 1
}

function source(id, dtype, letter,   i) {
	if (letter == "C" && dtype == "f32")
		return "examples/resnet18/conv.wpk"
	if (letter == "C")
		return "tests/workloads/conv_f16.wpk"
	if (letter ~ /[DGB]/)
		return windows dtype ".wpk"
	if (letter ~ /[RLTKVP]/)
		return more dtype ".wpk"
	if (letter ~ /[QZ]/)
		return "tests/workloads/fused.wpk"
	if (letter == "X") {
		i = substr(id, 2) + 0
		if (i <= 3)
			return "tests/workloads/softmax.wpk"
		return "tests/workloads/" (i <= 11 ? "rows" : "maps") ".wpk"
	}
	if (id in thin)
		return "tests/workloads/gemv.wpk"
	if (letter == "F" || id ~ /^S[123]$/)
		return "tests/workloads/gemm.wpk"
	return "tests/workloads/gemm_bf16.wpk"
}

# Multiply-adds of one image, or of the whole where there is no batch.
function multiplications(op,   s, p, d, q) {
	s = value("stride", 1); p = value("pad", 0); d = value("dil", 1)
	if (op == "transposed")
		return v["H"] * v["W"] * v["C"] * v["F"] * v["R"] * v["S"]
	if (op == "conv1d")
		return extent(v["L"], v["R"], s, p, 1) * v["C"] * v["F"] * v["R"]
	q = extent(v["H"], v["R"], s, p, d) * extent(v["W"], v["S"], s, p, d)
	q *= v["C"] / value("groups", 1) * v["F"] * v["R"] * v["S"]
	if (op == "conv3d")
		q *= extent(v["D"], v["T"], s, p, 1) * v["T"]
	return op == "capsule" ? q * 64 : q
}

function class_of(id, op, dtype) {
	if (op == "conv2d")
		return "convolution"
	if (op == "depthwise")
		return "depthwise"
	if (op in windowed)
		return "other convolution"
	if (op == "conv_bn_relu")
		return "fused convolution"
	if (op == "attention")
		return "attention"
	if (op != "gemm")
		return "memory"
	if (dtype == "f32")
		return "product in f32"
	if (id in big)
		return "large product"
	return (id in vector ? "vector" : "small") " product"
}

function row(id, op, dtype, n, flops, shape,   name, letter) {
	letter = substr(id, 1, 1)
	name = tolower(id) (op == "conv_bn_relu" && dtype == "f32" ? "f" : "")
	print id "-" dtype (batched ? "-" n : ""), id, class_of(id, op, dtype),
		dtype, n, source(id, dtype, letter), name,
		sprintf("%.0f", flops), shape, op
}

/^#/ || $1 == "id" { next }
{
	id = $1; op = $2; shape = $3
	if (op == "conv_bn_relu") {
		sub(/^as /, "", shape)
		shape = shapes[shape]
	}
	shapes[id] = shape
	split("", v)
	count = split(shape, part, " ")
	for (i = 1; i <= count; i++) {
		at = index(part[i], "=")
		v[substr(part[i], 1, at - 1)] = substr(part[i], at + 1)
	}
	batched = op in windowed || op == "conv_bn_relu"
	if (batched) {
		m = split("f16 f32", types, " ")
		split(v["N"], batches, ",")
		for (t = 1; t <= m; t++)
			for (k = 1; k in batches; k++)
				row(id, op, types[t], batches[k],
					2 * batches[k] * multiplications(op), shape)
	} else if (op == "gemm")
		row(id, op, v["dtype"], 1,
			2 * v["batch"] * v["M"] * v["N"] * v["K"], shape)
	else if (op == "attention")
		row(id, op, v["dtype"], 1,
			4 * v["B"] * v["heads"] * v["S"] * v["S"] * v["D"], shape)
	else
		row(id, op, v["dtype"], 1, 0, shape)
}
