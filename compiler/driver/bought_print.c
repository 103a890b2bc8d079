/* SPDX-License-Identifier: MIT */
/* What was bought, as tables of at most 80 columns. Every cost says whether it
 * is predicted or measured: measured ones end in m. */
#include <math.h>
#include <string.h>

#include "driver/bought.h"

enum { WIDTH = 80, NAME = 20 };

/* "12.3 us" */
static const char *duration(struct arena *a, double seconds)
{
	static const struct {
		double from;
		const char *name;
	} units[] = { { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 0, "ns" } };
	int i = 0;

	if (!isfinite(seconds))
		return "-";
	while (seconds < units[i].from)
		i++;
	return arena_printf(a, "%.3g %s", seconds / (units[i].from > 0 ?
		units[i].from : 1e-9), units[i].name);
}

static const char *cost_text(struct arena *a, const struct bought_cost *c,
	bool by_measure)
{
	return by_measure ? arena_printf(a, "%s m", duration(a, c->measured)) :
		duration(a, c->predicted);
}

static const char *ratio_text(struct arena *a, double ratio)
{
	return !isfinite(ratio) ? "-" : arena_printf(a, ratio < 9.995 ? "%.2f" :
		ratio < 99.95 ? "%.1f" : "%.0f", ratio);
}

/* Text broken at blanks, every line but the first after "indent" blanks; a word
 * longer than a line stays whole. "at": the column where it begins. */
static void put_wrapped(struct str *out, const char *text, int at, int indent)
{
	while (*text) {
		size_t n = strcspn(text, " \n");

		if (at + (int)n > WIDTH && at > indent) {
			while (out->n && out->p[out->n - 1] == ' ')
				out->p[--out->n] = '\0';
			str_printf(out, "\n%*s", indent, "");
			at = indent;
		}
		str_putn(out, text, n);
		at += (int)n;
		text += n;
		if (*text) {
			str_putc(out, ' ');
			text++;
			at++;
		}
	}
	str_putc(out, '\n');
}

/* ---- the winner ---- */

/* "issue 4.43 us, arithmetic 3.53 us": what is worth a word, largest first. */
static const char *parts_text(struct arena *a, const struct model_bounds *m,
	enum bound from, enum bound to)
{
	const char *text = "";
	bool said[N_BOUNDS] = {0};

	for (;;) {
		int next = -1;

		for (int i = (int)from; i <= (int)to; i++)
			if (!said[i] && m->seconds[i] > m->total * 0.01 &&
			    (next < 0 || m->seconds[i] > m->seconds[next]))
				next = i;
		if (next < 0)
			return text;
		said[next] = true;
		text = arena_printf(a, "%s%s%s %s", text, *text ? ", " : "",
			bound_name((enum bound)next),
			duration(a, m->seconds[next]));
	}
}

static void put_bounds(struct str *out, const struct model_bounds *m)
{
	const struct {
		const char *name;
		double seconds;
		enum bound from, to;
	} groups[] = {
		{ "multiprocessors", m->sm, BOUND_ARITHMETIC, BOUND_LATENCY },
		{ "L2", m->seconds[BOUND_L2], BOUND_L2, BOUND_L2 },
		{ "memory", m->seconds[BOUND_MEMORY] + m->seconds[BOUND_FLIGHT],
			BOUND_MEMORY, BOUND_FLIGHT },
		{ "launch", m->seconds[BOUND_LAUNCH], BOUND_LAUNCH,
			BOUND_LAUNCH },
	};
	const char *text;

	str_printf(out, "  limited by %s; the model has\n",
		bound_name(m->limit));
	for (int i = 0; i < 4; i++) {
		str_printf(out, "    %-16s %8s", groups[i].name,
			duration(out->a, groups[i].seconds));
		text = parts_text(out->a, m, groups[i].from, groups[i].to);
		if (*text && (i == 0 || strchr(text, ','))) {
			str_puts(out, "   ");
			put_wrapped(out, text, 32, 32);
		} else {
			str_putc(out, '\n');
		}
	}
}

static void put_roofline(struct str *out, const struct bought_group *g,
	const struct gpu *gpu)
{
	const struct features *f = &g->cost.features;
	bool measured = isfinite(g->cost.measured);
	double seconds = measured ? g->cost.measured : g->cost.predicted;
	double flops = f->work, roof;

	if (!(flops > 0) || !(f->dram_bytes > 0)) {
		str_printf(out, "  roofline: %.3g GB/s of %.3g (%s)\n",
			f->dram_bytes / seconds / 1e9,
			gpu->dram_bytes_s * gpu->copy / 1e9, measured ?
			"measured" : "predicted");
		return;
	}
	roof = model_roof(gpu, f->rate, flops / f->dram_bytes);
	put_wrapped(out, arena_printf(out->a, "  roofline: %.3g flop/B; %.3g "
		"Tflop/s %s, %.0f %% of what %s allows there, by %s",
		flops / f->dram_bytes, flops / seconds / 1e12, measured ?
		"measured" : "predicted", 100 * flops / seconds / roof,
		gpu->name, roof < model_peak(gpu, f->rate) ? "its memory" :
		f->rate > 0 ? "its tensor cores" : "its f32 units"), 0, 4);
}

/* ---- directives ---- */

static const char *const how_names[] = { "off", "smaller", "larger",
	"instead", "nothing" };

/* A value too long for its column takes from the next, which has room. */
static void put_try(struct str *out, const struct bought_try *t)
{
	const char *value = t->how == TAKE_OFF &&
		!strcmp(t->value, "off") ? "" : t->value;
	int over = (int)strlen(value) - 8;

	str_printf(out, " %8s %-7s %*s %6s%s %s\n", value, how_names[t->how],
		over > 0 ? 9 - over : 9, cost_text(out->a, &t->cost, t->by_measure),
		ratio_text(out->a, t->ratio), t->whole ? "+" : t->rechosen ?
		"*" : " ",
		bound_name(t->cost.bounds.limit));
}

/* A name too long for its column has a line of its own. */
static void put_name(struct str *out, const struct bought_row *r)
{
	const char *mark = r->origin == ORIGIN_PINNED ? "!" : "";
	int n = (int)(strlen(r->name) + strlen(mark));

	if (n > NAME)
		str_printf(out, "  %s%s\n  %*s", r->name, mark, NAME, "");
	else
		str_printf(out, "  %s%s%*s", r->name, mark, NAME - n, "");
	str_printf(out, " %8s", r->value);
}

static void put_row(struct str *out, const struct bought_row *r)
{
	put_name(out, r);
	for (int i = 0; i < r->n; i++) {
		if (i)
			str_printf(out, "  %*s", NAME + 9, "");
		put_try(out, &r->tries[i]);
	}
}

/* Does anything in its place make a difference? */
static bool matters(const struct bought_row *r)
{
	for (int i = 0; i < r->n; i++)
		if (r->tries[i].rechosen ||
		    fabs(r->tries[i].ratio - 1) > 0.0005)
			return true;
	return false;
}

/* What can be taken away, and nobody sees it. */
static void put_same(struct str *out, const struct bought_group *g)
{
	struct str line;
	int n = 0;

	str_init(&line, out->a);
	for (int i = 0; i < g->n_rows; i++) {
		const struct bought_row *r = &g->rows[i];

		if (!r->n || matters(r))
			continue;
		str_printf(&line, "%s%s = %s%s", n++ ? ", " :
			"  the model sees no difference in other values of: ", r->name,
			r->value, r->origin == ORIGIN_PINNED ? "!" : "");
	}
	if (n)
		put_wrapped(out, str_text(&line), 0, 4);
}

/* "B: tile.block.i, tile.block.j" of params. */
static void put_params(struct str *out, const struct bought_group *g)
{
	for (int i = 0; i < g->n_rows; i++) {
		const struct bought_row *r = &g->rows[i];
		struct str line;

		if (!r->names[0] || !strcmp(r->names[0], r->name))
			continue;
		str_init(&line, out->a);
		str_printf(&line, "  param %s gives", r->name);
		for (int k = 0; r->names[k]; k++)
			str_printf(&line, "%s %s", k ? "," : "", r->names[k]);
		put_wrapped(out, str_text(&line), 0, 4);
	}
}

/* What has no row because nothing can be put in its place. */
static void put_rest(struct str *out, const struct bought_group *g)
{
	struct str line;
	int n = 0;

	str_init(&line, out->a);
	for (int i = 0; i < g->n_rows; i++)
		if (!g->rows[i].n)
			str_printf(&line, "%s%s = %s%s", n++ ? ", " :
				"  with no other legal value: ", g->rows[i].name,
				g->rows[i].value, g->rows[i].origin ==
				ORIGIN_PINNED ? "!" : "");
	if (n)
		put_wrapped(out, str_text(&line), 0, 4);
}

/* The signs that the rows have, explained. */
static void put_legend(struct str *out, const struct bought_group *g,
	bool general)
{
	bool rechosen = false, whole = false, pinned = false, measured = false;
	bool below = isfinite(g->better);

	for (int i = 0; i < g->n_rows; i++) {
		pinned |= g->rows[i].origin == ORIGIN_PINNED;
		for (int k = 0; k < g->rows[i].n; k++) {
			whole |= g->rows[i].tries[k].whole;
			rechosen |= g->rows[i].tries[k].rechosen &&
				!g->rows[i].tries[k].whole;
			measured |= g->rows[i].tries[k].by_measure;
			below |= g->rows[i].tries[k].ratio < 0.9995;
		}
	}
	if (rechosen)
		str_puts(out, general ? "  * with one or two other numbers changed, "
			"since it is not legal as it stands\n" :
			"  * with the other open numbers chosen again by a "
			"short look; else as they are\n");
	if (whole)
		str_puts(out, "  + with all its directive says, and the open "
			"numbers chosen again\n");
	if (pinned)
		str_puts(out, "  ! pinned by the schedule or --set\n");
	if (measured)
		str_puts(out, "  m measured; the least time on record with that "
			"value\n");
	if (below)
		str_puts(out, "  a ratio below 1 is a better point than this: a "
			"search (--tune) may find it\n");
}

static void put_rows(struct str *out, const struct bought_group *g,
	bool general)
{
	int n = 0;

	for (int i = 0; i < g->n_rows; i++)
		n += matters(&g->rows[i]);
	if (n)
		str_printf(out, "\n  %-*s %8s %8s %-7s %9s %6s  %s\n", NAME,
			"number", "value", "instead", "", "cost", "ratio",
			"limited by");
	for (int i = 0; i < g->n_rows; i++)
		if (matters(&g->rows[i]))
			put_row(out, &g->rows[i]);
	put_legend(out, g, general);
	put_params(out, g);
	put_same(out, g);
	put_rest(out, g);
}

/* ---- rivals, plans ---- */

static void put_rival(struct str *out, const struct bought_rival *r)
{
	str_printf(out, "  %-12s ", r->sketch->name);
	if (r->why)
		put_wrapped(out, r->why, 15, 15);
	else
		str_printf(out, "%9s %6s  %s\n", cost_text(out->a, &r->cost,
			r->by_measure), ratio_text(out->a, r->ratio),
			bound_name(r->cost.bounds.limit));
}

static void put_rivals(struct str *out, const struct bought_group *g)
{
	if (!g->n_rivals)
		return;
	str_printf(out, "\n  %-12s %9s %6s  %s\n", "sketch", "cost", "ratio",
		"limited by, or why it does not serve");
	for (int i = 0; i < g->n_rivals; i++)
		put_rival(out, &g->rivals[i]);
}

/* Of a file nothing is known but what any kernel must do. */
static void put_by_hand(struct str *out, const char *name)
{
	put_wrapped(out, arena_printf(out->a, "  %s is written by hand: the model "
		"knows the bytes and operations that there must be, and not "
		"what limits it", name), 0, 4);
}

static void put_group(const struct bought *b, const struct bought_group *g,
	struct str *out)
{
	struct arena *a = out->a;
	const struct bought_cost *c = &g->cost;

	str_putc(out, '\n');
	put_wrapped(out, arena_printf(a, "kernel %s: %s, %s%s predicted%s",
		g->kernel, g->open->sketch->name, b->job->file ? "at least " :
		"", duration(a, c->predicted), isfinite(c->measured) ?
		arena_printf(a, ", %s measured", duration(a, c->measured)) :
		""), 0, 4);
	if (b->job->file) {
		put_by_hand(out, b->job->file->name);
		return;
	}
	put_bounds(out, &c->bounds);
	put_roofline(out, g, g->open->task.gpu);
	if (isfinite(g->better))
		put_wrapped(out, arena_printf(a, "  a short look from here "
			"predicts %s: a search may find better",
			duration(a, g->better)), 0, 4);
	put_rows(out, g, b->job->general != NULL);
	put_rivals(out, g);
}

static void put_plan(struct str *out, const struct bought_plan *p)
{
	str_printf(out, "  %9s %6s  ", duration(out->a, p->predicted),
		isinf(p->ratio) ? "-" : ratio_text(out->a, p->ratio));
	put_wrapped(out, arena_printf(out->a, "%s%s%s%s%s%s", p->kernels,
		p->why ? ": " : *p->by ? " by " : "", p->why ? p->why : p->by,
		p->taken ? " (taken)" : "", "", ""), 20, 22);
}

static void put_plans(const struct bought *b, struct str *out)
{
	if (b->n_plans == 1) {
		str_printf(out, "\ncuts into kernels: this is the only one\n");
		return;
	}
	str_printf(out, "\n  %9s %6s  %s\n", "predicted", "ratio",
		"cut into kernels (with ; between)");
	for (int i = 0; i < b->n_plans; i++)
		put_plan(out, &b->plans[i]);
}

/* ---- an operator ---- */

static const char *sizes_of(struct arena *a, const struct job *j)
{
	const char *text = "";

	for (int i = 0; i < j->op->n_sizes; i++)
		text = arena_printf(a, "%s%s%s = %lld", text, i ? ", " : "",
			j->op->sizes[i].name,
			(long long)j->op->sizes[i].value);
	return text;
}

void bought_print(const struct bought *b, struct str *out)
{
	struct arena *a = out->a;
	const struct job *j = b->job;
	const char *sizes = sizes_of(a, j);
	bool measured = false;

	if (j->dropped)
		return;
	for (int g = 0; g < b->n_groups; g++)
		measured |= isfinite(b->groups[g].cost.measured);
	put_wrapped(out, arena_printf(a, "%s on %s%s, code for %s%s%s%s",
		j->name, slice_text(a, j->share), j->place->gpu->name,
		j->place->target->name, *sizes ?
		j->general ? "; all sizes, looked at where " : "; " : "", sizes,
		""), 0, 4);
	put_wrapped(out, arena_printf(a, "the schedule is %s; %s", b->from_lock ?
		"the lock's" : "the best of a short look by the model",
		measured ? "costs that end in m are measured, all others are "
		"predictions of the model" :
		"no GPU was asked: every cost is a prediction of the model"), 0,
		4);
	if (b->unused)
		put_wrapped(out, arena_printf(a, "the lock's is not used: %s",
			b->unused), 0, 4);
	for (int g = 0; g < b->n_groups; g++)
		put_group(b, &b->groups[g], out);
	put_plans(b, out);
}
