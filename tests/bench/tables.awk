# SPDX-License-Identifier: MIT
# README's text on performance, from the suite's records (records.awk goes before
# this): by class how often and by how much our kernels are ahead.

function add(key, r) {
	if (!(r > 0))
		return
	count[key]++
	logs[key] += log(r)
	wins[key] += r >= 1
	if (!(key in least) || r < least[key])
		least[key] = r
	if (r > most[key])
		most[key] = r
}

function figure(v) {
	return sprintf(v < 10 ? "%.2f" : v < 100 ? "%.1f" : "%.0f", v)
}

function cell(key) {
	if (!count[key])
		return "-"
	return figure(exp(logs[key] / count[key])) " (" figure(least[key]) " to " \
		figure(most[key]) "), " wins[key] "/" count[key]
}

function line(title, key,   i, s) {
	s = "| " title " | " rows[key] " |"
	for (i = 1; i <= columns; i++)
		s = s " " cell(key SUBSEP word[i]) " |"
	floors = count[key SUBSEP "floor"] ? \
		sprintf("%.0f%%", 100 * exp(logs[key SUBSEP "floor"] / \
		count[key SUBSEP "floor"])) : "-"
	print s " " floors " |"
}

function collect(key, row,   i, r) {
	rows[key]++
	for (i = 1; i <= columns; i++) {
		far = (row, word[i]) in apart
		r = word[i] == "library" ? library(row) : ratio[row, word[i]]
		add(key SUBSEP word[i], r)
		others += far && r > 0 && word[i] != "library"
	}
	add(key SUBSEP "floor", of_floor[row])
	untuned += !tuned[row]
}

function heading(   s, i) {
	split("best library,cuDNN,cuBLASLt,PyTorch,torch.compile,Triton", title,
		",")
	s = "| rows | |"
	for (i = 1; i <= columns; i++)
		s = s " " title[i] " |"
	print s " of the floor |"
	s = "|---|---|"
	for (i = 1; i <= columns + 1; i++)
		s = s "---|"
	print s
}

function facts(   s) {
	s = told["device"] ", driver " told["driver"]
	if (told["nvcc"] != "")
		s = s ", CUDA " told["nvcc"]
	if (told["torch"] != "")
		s = s ", PyTorch " told["torch"]
	if (told["triton"] != "")
		s = s ", Triton " told["triton"]
	return s "; commit " told["commit"] ", " told["date"]
}

function legend() {
	print ""
	print "How many times as long as our kernel each takes, cold: geometric mean" \
		" (least to most),"
	print "rows that we win of those measured; cuDNN and cuBLASLt by the best of" \
		" all their"
	print "algorithms, PyTorch eager and compiled with max-autotune, Triton by the" \
		" templates of"
	print "the latter. The floor is the least time for the bytes at the speed of a" \
		" copy, or for"
	print "the operations."
	if (others)
		print others " of the ratios are between runs of their own, not" \
			" between neighbouring blocks."
	if (untuned)
		print untuned " of our " ours " kernels are not tuned."
	print "Measured on " facts() "."
}

END {
	settle()
	columns = split("library cudnn cublaslt torch torch-compiled triton", word,
		" ")
	for (i = 1; i <= n; i++) {
		if (!((names[i], "own") in seconds))
			continue
		ours++
		if (!(class[names[i]] in rows))
			classes[++m] = class[names[i]]
		collect(class[names[i]], names[i])
	}
	if (!ours) {
		print "Nothing was measured on a GPU yet."
		exit
	}
	heading()
	for (i = 1; i <= m; i++)
		line(classes[i], classes[i])
	legend()
}
