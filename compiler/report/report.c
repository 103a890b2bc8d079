/* SPDX-License-Identifier: MIT */
/* The page of a report: what stands at its top, its looks, and the order of its
 * parts. In: records. Out: HTML that is XML too. */
#include "report/report.h"

#include <string.h>

#include "report/svg.h"

/* Colours stand once for light and once for dark; pictures take theirs from
 * here. No "<" and no "&": XML reads it as well. */
static const char style[] =
	":root{color-scheme:light dark;--bg:#fdfdfc;--fg:#1c1c1a;--soft:#5d5c57;"
	"--line:#dcdad3;--grid:#ebe9e3;--card:#f6f5f1;--link:#0b57a0;"
	"--s0:#0b62a4;--s1:#c2410c;--s2:#15803d;--s3:#8e3a9d;--s4:#a16207;"
	"--s5:#0f766e;--s6:#be123c;--s7:#57534e}\n"
	"@media (prefers-color-scheme:dark){:root{--bg:#161615;--fg:#e7e5df;"
	"--soft:#a3a099;--line:#3b3a36;--grid:#2b2a27;--card:#1f1e1c;"
	"--link:#7db7ea;--s0:#6cb2eb;--s1:#fb9a5b;--s2:#6ecf8c;--s3:#d39be0;"
	"--s4:#e0bb4a;--s5:#5fcabf;--s6:#fb7f96;--s7:#b8b4ac}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 "
	"system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',"
	"sans-serif;overflow-wrap:anywhere}\n"
	"main,header,footer{max-width:1200px;margin:0 auto;padding:0 20px}\n"
	"header{padding-top:28px}\n"
	"h1{font-size:1.75rem;line-height:1.2;margin:0 0 .4rem}\n"
	"h2{font-size:1.3rem;margin:2.6rem 0 .8rem;padding-top:.8rem;"
	"border-top:1px solid var(--line)}\n"
	"h3{font-size:1.05rem;margin:1.6rem 0 .5rem}\n"
	"p{margin:.4rem 0;max-width:72ch}\n"
	"a{color:var(--link)}\n"
	"a:focus-visible,.scroll:focus-visible{outline:2px solid var(--link);"
	"outline-offset:2px}\n"
	"nav ul{list-style:none;padding:0;margin:1rem 0 0;display:flex;"
	"flex-wrap:wrap;gap:.3rem 1.2rem}\n"
	".soft,.note,figcaption{color:var(--soft);font-size:.875rem}\n"
	".none{color:var(--soft);font-style:italic}\n"
	".scroll{overflow-x:auto;margin:.6rem 0}\n"
	"table{border-collapse:collapse;font-size:.875rem;"
	"font-variant-numeric:tabular-nums;overflow-wrap:normal}\n"
	"th,td{padding:.3rem .9rem .3rem 0;text-align:left;vertical-align:top}\n"
	"th{font-weight:600;border-bottom:1px solid var(--fg);"
	"white-space:nowrap}\n"
	"td{border-bottom:1px solid var(--grid);max-width:min(44ch,70vw);"
	"overflow-wrap:break-word}\n"
	"th.num,td.num{text-align:right;white-space:nowrap}\n"
	"td.zero{color:var(--soft);opacity:.6}\n"
	"td.nm,td.msg{min-width:16ch}td.sizes{min-width:32ch}\n"
	"tr.first td{border-bottom:0;padding-bottom:0}\n"
	"tr.more td{color:var(--soft);max-width:90ch}\n"
	"tr.more div{overflow-wrap:anywhere;max-width:calc(100vw - 5.5rem)}\n"
	"pre{margin:.3rem 0 .4rem;padding:.5rem .7rem;background:var(--card);"
	"color:var(--fg);border-radius:4px;white-space:pre-wrap;"
	"overflow-wrap:anywhere;font:.8125rem/1.45 ui-monospace,Menlo,"
	"'DejaVu Sans Mono',monospace}\n"
	"article{margin:1.4rem 0;padding-top:.2rem}\n"
	".pair{display:grid;grid-template-columns:repeat(auto-fit,"
	"minmax(min(100%,420px),1fr));gap:8px 32px;align-items:start}\n"
	"figure{margin:.4rem 0;min-width:0}\n"
	"svg{display:block;width:100%;max-width:620px;height:auto}\n"
	"svg text{font-family:inherit;font-size:12px;fill:var(--fg)}\n"
	"svg .tick,svg .label,svg .rooflabel{fill:var(--soft)}\n"
	"svg .number{font-size:11px}\n"
	".grid{stroke:var(--grid)}.axis{stroke:var(--soft)}\n"
	".curve{fill:none;stroke:currentColor;stroke-width:2;"
	"stroke-linejoin:round}\n"
	".end{fill:currentColor}\n"
	"path.dashed{stroke-dasharray:5 3}\n"
	".roof{fill:none;stroke:var(--fg);stroke-width:1.5}\n"
	".dot{fill:var(--s0);stroke:var(--bg)}\n"
	".dot.hollow{fill:var(--bg);stroke:var(--s0);stroke-width:2}\n"
	".bar{fill:var(--s0);opacity:.45}.bar.best{opacity:1}\n"
	".cut{stroke:var(--bg);stroke-width:3}\n"
	".mark{stroke:var(--s1);stroke-width:2}\n"
	".s0{color:var(--s0)}.s1{color:var(--s1)}.s2{color:var(--s2)}"
	".s3{color:var(--s3)}.s4{color:var(--s4)}.s5{color:var(--s5)}"
	".s6{color:var(--s6)}.s7{color:var(--s7)}\n"
	".legend{list-style:none;margin:.2rem 0;padding:0;font-size:.875rem;"
	"display:flex;flex-wrap:wrap;gap:.1rem 1.2rem}\n"
	".swatch{display:inline-block;width:20px;border-top:3px solid "
	"currentColor;vertical-align:middle;margin-right:6px}\n"
	".swatch.dashed{border-top-style:dashed}\n"
	"footer{margin-top:3rem;padding-bottom:2rem}\n"
	"@media print{article{break-inside:avoid}}\n";

/* ---- the top ---- */

/* How many distinct values "get" has over the problems. */
static int distinct(const struct report *r,
	const char *(*get)(const struct report_problem *p))
{
	int n = 0;

	for (int i = 0; i < r->n; i++) {
		int k = 0;

		while (k < i && strcmp(get(&r->problems[k]),
		       get(&r->problems[i])))
			k++;
		n += k == i;
	}
	return n;
}

static const char *gpu_of(const struct report_problem *p)
{
	return p->key->gpu;
}

static const char *op_of(const struct report_problem *p)
{
	return p->key->op;
}

static const char *how_of(const struct report_problem *p)
{
	return p->key->how;
}

static void put_kinds(const struct report *r, struct str *out)
{
	str_puts(out, "<p>Times here are ");
	for (int i = 0, said = 0; i < r->n; i++) {
		int k = 0, n = 0;

		while (k < i && strcmp(how_of(&r->problems[k]),
		       how_of(&r->problems[i])))
			k++;
		if (k < i)
			continue;
		for (k = i; k < r->n; k++)
			n += strcmp(how_of(&r->problems[k]),
				how_of(&r->problems[i])) ? 0 : r->problems[k].n;
		str_puts(out, said++ ? "; " : "");
		xml_text(out, report_how(r->problems[i].key));
		if (distinct(r, how_of) > 1)
			str_printf(out, " (%d record%s)", n, n == 1 ? "" : "s");
	}
	str_puts(out, ". Times of different kinds are never compared.</p>\n");
}

static void put_number(struct str *out, const char *before, int n,
	const char *what)
{
	str_printf(out, "%s%d %s%s", before, n, what, n == 1 ? "" : "s");
}

static void put_header(const struct report *r, struct str *out)
{
	int runs = 0;

	for (int i = 0; i < r->n; i++)
		runs += r->problems[i].n_runs;
	str_puts(out, "<header>\n<h1>What the searches found</h1>\n<p "
		"class=\"soft\">");
	put_number(out, "", r->all->lines.n, "record");
	put_number(out, " of ", distinct(r, op_of), "operator");
	put_number(out, " on ", distinct(r, gpu_of), "GPU");
	put_number(out, ", from ", runs, "search");
	if (runs != 1) {
		out->p[--out->n] = '\0';
		str_puts(out, "es");
	}
	str_puts(out, ".</p>\n");
	if (r->n)
		put_kinds(r, out);
	else
		str_puts(out, "<p class=\"none\">There are no records.</p>\n");
	str_puts(out, "<nav aria-label=\"parts\"><ul>"
		"<li><a href=\"#summary\">Summary</a></li>"
		"<li><a href=\"#rooflines\">Rooflines</a></li>"
		"<li><a href=\"#kernels\">Kernels</a></li>"
		"<li><a href=\"#verdicts\">Verdicts</a></li>"
		"<li><a href=\"#points\">Best points</a></li></ul></nav>\n"
		"</header>\n");
}

/* ---- kernels ---- */

static void put_facts(const struct report_problem *p, struct str *out)
{
	const char *const facts[] = { p->key->shape, p->key->types };

	str_puts(out, "<p class=\"soft\">");
	xml_text(out, *p->key->gpu ? p->key->gpu : "unnamed GPU");
	if (*p->key->target) {
		str_puts(out, ", ");
		xml_text(out, p->key->target);
	}
	if (p->key->share && p->key->share != 100)
		str_printf(out, ", %d %% of it", p->key->share);
	str_puts(out, "; times ");
	xml_text(out, report_how(p->key));
	for (int i = 0; i < 2; i++)
		if (*facts[i]) {
			str_puts(out, "; ");
			xml_text(out, facts[i]);
		}
	str_puts(out, "</p>\n");
}

static void put_kernel(const struct report *r, const struct report_problem *p,
	struct str *out)
{
	str_printf(out, "<article id=\"p%d\">\n<h3>%d. ", p->number, p->number);
	xml_text(out, report_name(r->a, p));
	str_puts(out, "</h3>\n");
	put_facts(p, out);
	str_puts(out, "<div class=\"pair\">\n");
	report_curve(r, p, out);
	report_bars(r, p, out);
	str_puts(out, "</div>\n</article>\n");
}

static void put_kernels(const struct report *r, struct str *out)
{
	str_puts(out, "<section id=\"kernels\">\n<h2>Kernels</h2>\n");
	for (int i = 0; i < r->n; i++)
		put_kernel(r, &r->problems[i], out);
	str_puts(out, "</section>\n");
}

/* Of no records there is nothing but the top. */
void report_print(struct arena *a, const struct record_lines *lines,
	struct str *out)
{
	struct report r = report_gather(a, lines);

	str_puts(out, "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/"
		"xhtml\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
		"<meta name=\"viewport\" content=\"width=device-width, "
		"initial-scale=1\"/>\n<title>What the searches found</title>\n"
		"<style>\n");
	str_puts(out, style);
	str_puts(out, "</style>\n</head>\n<body>\n");
	put_header(&r, out);
	str_puts(out, "<main>\n");
	report_summary(&r, out);
	report_rooflines(&r, out);
	put_kernels(&r, out);
	report_verdicts(&r, out);
	report_points(&r, out);
	str_puts(out, "</main>\n<footer class=\"soft\"><p>Made by wpkc report."
		"</p></footer>\n</body>\n</html>\n");
}
