# SPDX-License-Identifier: MIT
# Cuts the instances of a file down to sizes that emulate in a moment, each
# still the kind of operator it was: thin stays thin, rows stay long, groups
# divide. Extents become odd, or multiples of 8 with -v unit=8, so that vectors
# are tried as well; none is a multiple of a tile.

function cut(v) {
	if (v <= 16)
		return v
	return unit == 8 ? 8 * (3 + v % 5) : 17 + v % 23
}

function window(v, along, spread) {
	v = v < 12 ? v : 9 + v % spread
	return v < size[along] ? size[along] + 3 : v
}

function convolution(key, v, grouped) {
	grouped = ("G" in size) && size["G"] != size["C"]
	if (key == "N")
		return 2
	if (key == "G" && grouped)
		return 4
	if ((key == "C" || key == "F") && grouped)
		return 4 * (unit == 8 ? 2 : 1) * (2 + v % 3)
	if (key == "H" || key == "D")
		return window(v, "R", 5)
	if (key == "W")
		return window(v, "S", 11)
	return key ~ /^[CFGK]$/ ? cut(v) : v
}

function rows(key, v) {
	if (key == "B")
		return 2 + v % 5
	return (v > 1000000 ? 1000000 : v) - (unit == 8 ? 0 : 3)
}

/^export op/ {
	head = substr($0, 1, index($0, "["))
	rest = substr($0, length(head) + 1)
	tail = substr(rest, index(rest, "]"))
	n = split(substr(rest, 1, length(rest) - length(tail)), part, ", ")
	split("", size)
	for (i = 1; i <= n; i++) {
		split(part[i], kv, " = ")
		size[kv[1]] = kv[2]
	}
	for (i = 1; i <= n; i++) {
		split(part[i], kv, " = ")
		key = kv[1]
		v = kv[2]
		if (v !~ /^[0-9]+$/)
			;
		else if ("S" in size)
			v = convolution(key, v)
		else if ("B" in size || n == 1)
			v = rows(key, v)
		else
			v = cut(v) * (key == "K" ? 5 : 1)
		head = head (i > 1 ? ", " : "") key " = " v
	}
	$0 = head tail
}
{ print }
