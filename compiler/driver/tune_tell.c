/* SPDX-License-Identifier: MIT */
/* What a search says when it is over: a line for each operator, with the counts
 * of verdicts. */
#include "driver/tune.h"

#include <stdlib.h>
#include <string.h>

const char *tune_line(struct session *s, const char **text)
{
	size_t n = strcspn(*text, "\n");
	const char *line = arena_strndup(s->a, *text, n);

	*text += n + ((*text)[n] == '\n');
	return line;
}

static void add_counts(const struct plan *p, int *counts, const char **first)
{
	for (int g = 0; g < p->partition->n_groups; g++)
		for (int i = 0; p->parts[g].results && i < p->parts[g].n; i++) {
			const struct result *r = p->parts[g].results[i];

			for (int v = 0; r && v < N_VERDICTS; v++) {
				counts[v] += r->counts[v];
				if (!first[v])
					first[v] = r->first[v];
			}
		}
}

/* Of "VERDICT MESSAGE\tCOMMAND". */
static const char *message_of(struct session *s, const char *line)
{
	const char *text = strchr(line, ' ') + 1;

	return arena_strndup(s->a, text, strcspn(text, "\t"));
}

/* Each finalist that was passed over, and how to make it again. */
static void tell_passed(struct session *s, const char *passed)
{
	while (passed && *passed) {
		const char *line = tune_line(s, &passed);
		const char *command = strchr(line, '\t');

		session_say(s, "  passed over: %s: %s", verdict_name((enum
			verdict)atoi(line)), message_of(s, line));
		if (command)
			session_say(s, "  again: %s", command + 1);
	}
}

/* "1650 measured, 350 pruned (first: ...)" over all plans, groups and
 * sketches. */
static void put_counts(struct session *s, const struct job *j,
	const char *passed, struct str *out)
{
	int counts[N_VERDICTS] = {0};
	const char *first[N_VERDICTS] = {0}, *sep = "";

	for (int i = 0; i < j->n_plans; i++)
		add_counts(&j->plans[i], counts, first);
	while (passed && *passed) {
		const char *line = tune_line(s, &passed);
		int v = atoi(line);

		counts[v]++;
		counts[V_MEASURED]--;
		if (!first[v])
			first[v] = message_of(s, line);
	}
	for (int v = N_VERDICTS - 1; v >= 0; v--) {
		if (!counts[v])
			continue;
		str_printf(out, "%s%d %s", sep, counts[v], v != V_MEASURED ?
			verdict_name(v) : strcmp(s->how, "model") ?
			"measured" : "candidates scored");
		if (first[v] && v != V_MEASURED)
			str_printf(out, " (first: %s)", first[v]);
		sep = ", ";
	}
	if (!*sep)
		str_puts(out, "not searched");
}

void tune_tell(struct session *s, const struct job *j,
	const char *proof, const char *passed)
{
	struct str out;

	str_init(&out, s->a);
	if (tune_is_measured(j))
		str_printf(&out, "%s: %.4g us %s by", j->name,
			tune_seconds(j) * 1e6, strcmp(s->how, "emu") ?
			"measured" : "of emulation");
	else
		str_printf(&out, "%s: %s%.3g us predicted on %s%s by", j->name,
			j->file ? "at least " : "", tune_seconds(j) * 1e6,
			slice_text(s->a, j->share), j->place->gpu->name);
	for (int g = 0; g < j->partition->n_groups; g++)
		str_printf(&out, "%s %s", g ? "," : "",
			j->parts[g].choice.candidate->sketch->name);
	str_puts(&out, "; ");
	put_counts(s, j, passed, &out);
	session_say(s, "%s", str_text(&out));
	tell_passed(s, passed);
	if (*proof)
		session_say(s, "%s", proof);
}

void tune_tell_places(const struct session *s)
{
	struct str list;

	str_init(&list, s->a);
	for (int i = 0; i < s->n_places; i++)
		str_printf(&list, "%s%s%s (%s)", i ? ", " : "",
			slice_text(s->a, s->places[i].share),
			s->places[i].gpu->name, s->places[i].target->name);
	session_say(s, "no GPU is measured: costs are predictions for %s",
		str_text(&list));
}
