# SPDX-License-Identifier: MIT
# Reads the suite's records, JSON lines that tests/bench/suite wrote; lines that are
# none, and those of the emulator, are passed over. Of several for the same row and
# contender the last counts. What it leaves:
#
#	n, names[1..n]		rows in the order in which they came
#	class[row]		"convolution, f16, batch 1"
#	ratio[row, contender]	how many times as long as our kernel it takes, cold
#	apart[row, contender]	where both were measured in different runs
#	of_floor[row]		the least time possible over ours
#	bytes_s[row], flops_s[row], tuned[row]
#	told[fact]		device, driver, ... of all records, ", " between

function text(s, key) {
	if (!match(s, "\"" key "\": *\"[^\"]*\""))
		return ""
	s = substr(s, RSTART, RLENGTH)
	sub(/^"[^"]*": *"/, "", s)
	sub(/"$/, "", s)
	return s
}

function number(s, key) {
	if (!match(s, "\"" key "\": *[-0-9.e+]+"))
		return 0
	s = substr(s, RSTART, RLENGTH)
	sub(/^"[^"]*": */, "", s)
	return s + 0
}

# The object behind "key", which has none in it.
function object(s, key) {
	return match(s, "\"" key "\": *\\{[^{}]*\\}") ? \
		substr(s, RSTART, RLENGTH) : ""
}

function tell(key, v) {
	if (v == "" || v == "none" || (key, v) in seen)
		return
	seen[key, v]
	told[key] = told[key] (told[key] == "" ? "" : ", ") v
}

# A name that goes into a table is nothing else there.
function tame(s) {
	gsub(/[^A-Za-z0-9 .,_+-]/, "", s)
	return s
}

function remember(row, who, s,   cold) {
	cold = object(s, "cold")
	if (!(number(cold, "s") > 0))
		return
	seconds[row, who] = number(cold, "s")
	# A later run of our kernel makes earlier ratios those of other runs.
	run[row, who] = text(s, "run")
	paired[row, who] = number(cold, "ratio")
	if (who != "own")
		return
	of_floor[row] = number(cold, "of_floor")
	bytes_s[row] = number(cold, "bytes_s")
	flops_s[row] = number(cold, "flops_s")
	tuned[row] = s ~ /"tuned": *true/
}

/^\{.*\}$/ && !/"emulated": *true/ {
	name = tame(text($0, "row"))
	who = text($0, "contender")
	if (name == "" || who == "")
		next
	if (!(name in class)) {
		names[++n] = name
		class[name] = tame(text($0, "class")) ", " tame(text($0, "dtype"))
		if (name ~ /-[a-z0-9]+-[0-9]+$/)
			class[name] = class[name] ", batch " number($0, "n")
	}
	if (text($0, "process") == "peers" && who == "own")
		next
	remember(name, who, $0)
	split("device driver nvcc wpkc commit", fact, " ")
	for (i in fact)
		tell(fact[i], tame(text($0, fact[i])))
	tell("date", substr(tame(text($0, "date")), 1, 10))
	peers = object($0, "peers")
	if (peers != "") {
		tell("torch", tame(text(peers, "torch")))
		tell("triton", tame(text(peers, "triton")))
	}
}

# Fills "ratio" and "apart". Those of PyTorch's process have our kernel in the same
# blocks always.
function settle(   key, part) {
	for (key in seconds) {
		split(key, part, SUBSEP)
		if (part[2] == "own")
			continue
		if (paired[key] > 0 && (part[2] ~ /^t/ || \
		    run[key] == run[part[1], "own"] || \
		    !((part[1], "own") in seconds))) {
			ratio[key] = paired[key]
		} else if ((part[1], "own") in seconds) {
			ratio[key] = seconds[key] / seconds[part[1], "own"]
			apart[key] = 1
		}
	}
}

# The nearer of the libraries: 0 where there is none. "far" is set where it was
# measured in another run.
function library(row,   a, b) {
	a = (row, "cudnn") in ratio ? ratio[row, "cudnn"] : 0
	b = (row, "cublaslt") in ratio ? ratio[row, "cublaslt"] : 0
	if (a > 0 && (!(b > 0) || a <= b)) {
		far = (row, "cudnn") in apart
		return a
	}
	far = (row, "cublaslt") in apart
	return b
}
