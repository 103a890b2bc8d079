/* SPDX-License-Identifier: MIT */
/* wpkfarm: every rank reads the same command line; rank 0 says what is wrong
 * with it. */
#include "wpkfarm/wpkfarm.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Of what the command line asks for or lacks, one rank speaks. */
static int answer(const struct post *p, enum asked asked, const struct str *text)
{
	if (post_rank(p) == 0)
		fputs(str_text(text), asked == ASKED_TEXT ? stdout : stderr);
	return asked == ASKED_TEXT ? EXIT_DONE : EXIT_USER;
}

/* Until rank 0 says that it is over, or is silent. mpirun ends who tarries after
 * Ctrl-C. */
static void work(struct arena *a, struct post *p, const struct farm_options *f,
	bool *together)
{
	struct rank *r = rank_open(a, p, f);

	while (rank_step(r, together))
		signals_pause();
	rank_close(r);
}

/* Nothing was begun. */
static void send_home(struct post *p)
{
	for (int i = 1; i < post_size(p); i++)
		post_send(p, POST_DOWN, i, POST_LEAVE, "1", 1);
}

static int lead(struct arena *a, struct post *p, const struct farm_options *f,
	bool *together)
{
	struct rank *own = NULL;
	struct tasks t;
	int code;

	if (!tasks_find(a, f, &t)) {
		send_home(p);
		return EXIT_USER;
	}
	if (post_size(p) == 1)
		own = rank_open(a, p, f);
	code = hub_run(a, p, f, &t, own, together);
	if (own)
		rank_close(own);
	return code;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	struct farm_options f;
	struct post *p;
	enum asked asked;
	bool together = true;
	struct str text;
	int code = EXIT_DONE;

	p = post_open(a, &argc, &argv);
	signals_begin();
	str_init(&text, a);
	asked = farm_options_read(a, argc, argv, &f, &text);
	if (asked != ASKED_COMPILE)
		code = answer(p, asked, &text);
	else if (post_rank(p) == 0)
		code = lead(a, p, &f, &together);
	else
		work(a, p, &f, &together);
	fflush(NULL);
	post_close(p, together, code);
}
