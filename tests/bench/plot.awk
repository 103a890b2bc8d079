# SPDX-License-Identifier: MIT
# An SVG of the suite's records (records.awk goes before this): one line a class,
# one dot a row, at how many times as long the best library takes. Black on white,
# whatever the page is.

function x(r) {
	r = r < 0.25 ? 0.25 : r > 16 ? 16 : r
	return sprintf("%.1f", left + log(r / 0.25) / log(64) * wide)
}

function grid(   r, at) {
	for (r = 0.25; r <= 16; r *= 2) {
		at = x(r)
		printf "<line x1=\"%s\" y1=\"24\" x2=\"%s\" y2=\"%d\" " \
			"stroke=\"%s\"/>\n", at, at, bottom, r == 1 ? "#000" : "#ccc"
		printf "<text x=\"%s\" y=\"16\" text-anchor=\"middle\">%s</text>\n",
			at, r
	}
}

function strip(i, key,   k, y, r, sum, count) {
	y = 24 + i * 22 - 8
	printf "<text x=\"8\" y=\"%d\">%s</text>\n", y + 4, key
	for (k = 1; k <= n; k++) {
		r = class[names[k]] == key ? library(names[k]) : 0
		if (r <= 0)
			continue
		sum += log(r)
		count++
		printf "<circle cx=\"%s\" cy=\"%d\" r=\"4\" fill=\"%s\" " \
			"fill-opacity=\"0.6\"><title>%s: %.2f</title></circle>\n",
			x(r), y, (r >= 1 ? "#0a6" : "#c30"), names[k], r
	}
	if (count)
		printf "<line x1=\"%s\" y1=\"%d\" x2=\"%s\" y2=\"%d\" " \
			"stroke=\"#000\" stroke-width=\"2\"/>\n",
			x(exp(sum / count)), y - 8, x(exp(sum / count)), y + 8
}

END {
	settle()
	left = 230
	wide = 460
	for (i = 1; i <= n; i++)
		if (library(names[i]) > 0 && !(class[names[i]] in known)) {
			known[class[names[i]]]
			classes[++m] = class[names[i]]
		}
	bottom = 24 + m * 22 + 4
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" " \
		"height=\"%d\" font-family=\"sans-serif\" font-size=\"12\" " \
		"role=\"img\" aria-labelledby=\"title what\">\n", bottom + 24
	print "<title id=\"title\">The best library's time over ours</title>"
	print "<desc id=\"what\">A line for each class of operators, a dot for" \
		" each operator: right of 1 our kernel is faster.</desc>"
	printf "<rect width=\"720\" height=\"%d\" fill=\"#fff\"/>\n", bottom + 24
	grid()
	for (i = 1; i <= m; i++)
		strip(i, classes[i])
	printf "<text x=\"%d\" y=\"%d\">the best library's time over ours, cold; " \
		"bars are geometric means</text>\n", left, bottom + 18
	print "</svg>"
}
