/* SPDX-License-Identifier: MIT */
/* Proof of a program: the toolchain accepts it without spills, and its text,
 * emulated, agrees with the reference. And running many proofs at once. */
#include "driver/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/check.h"
#include "driver/child.h"
#include "driver/toolchain.h"

enum { NVCC_SECONDS = 60 };

static struct proof verdict(enum verdict v, const char *text)
{
	return (struct proof){ .verdict = v, .text = text };
}

static struct proof assemble(struct session *s, struct arena *a,
	const struct str *cu)
{
	struct toolchain_report r;
	const char *why = toolchain_compile(a, s->nvcc, str_text(cu), cu->n,
		s->target, NVCC_SECONDS, &r);

	if (why)
		return (struct proof){ .verdict = V_COMPILE, .text = why,
			.hopeless = r.broken };
	if (r.spill_bytes || r.stack_bytes)
		return verdict(V_SPILL, arena_printf(a,
			"%d registers, %d bytes spilled, %d bytes of stack",
			r.registers, r.spill_bytes, r.stack_bytes));
	if (r.advisory)
		return verdict(V_COMPILE, r.advisory);
	return verdict(V_MEASURED, "");
}

static struct proof emulate(struct session *s, struct arena *a,
	const struct job *j, const struct program *p, const struct str *cu)
{
	static const enum verdict verdicts[] = {
		[CHECK_VERIFIED] = V_MEASURED, [CHECK_WRONG] = V_WRONG,
		[CHECK_FAULT] = V_FAULT, [CHECK_TIMEOUT] = V_TIMEOUT,
		[CHECK_UNAVAILABLE] = V_MEASURED, [CHECK_STOPPED] = V_TIMEOUT,
	};
	struct check_request r = { .program = p, .op = j->reference,
		.target = s->target, .cuda = str_text(cu), .n_cuda = cu->n,
		.address = s->o->check_address,
		.bytes = s->o->check_bytes, .nvcc = s->o->check_gpu ?
			s->nvcc : NULL, .seed = j->seed ? j->seed : s->o->seed };
	struct check_result c;
	struct proof proof;

	check_program(a, &r, &c);
	proof = verdict(verdicts[c.verdict], c.line);
	proof.emulated = c.verdict == CHECK_VERIFIED;
	if (*c.detail)
		proof.text = arena_printf(a, "%s\n%s", c.line, c.detail);
	return proof;
}

struct proof prove(struct session *s, struct arena *a, const struct job *j,
	const struct program *p)
{
	struct proof r = verdict(V_MEASURED, "");
	struct str cu;

	str_init(&cu, a);
	emit_program(s, p, &cu);
	if (s->nvcc && !s->o->check)
		r = assemble(s, a, &cu);
	return r.verdict == V_MEASURED ? emulate(s, a, j, p, &cu) : r;
}

/* ---- many at once ---- */

struct worker {
	pid_t pid;
	int fd, item;
	struct str text;
};

/* A worker holds signals back: what it runs is stopped and its folder removed,
 * also when wpkc itself is gone. */
static void hold_signals(pid_t parent)
{
	sigset_t before;

	child_hold(&before);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

static bool start_worker(struct session *s, struct worker *w, int item,
	void (*work)(void *, int, struct str *), void *ctx)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe(ends))
		return false;
	*w = (struct worker){ .fd = ends[0], .item = item };
	str_init(&w->text, s->a);
	w->pid = fork();
	if (w->pid == 0) {
		struct str out;
		size_t done = 0;
		ssize_t n = 1;

		hold_signals(parent);
		close(ends[0]);
		str_init(&out, s->a);
		work(ctx, item, &out);
		while (done < out.n && n > 0)
			done += (size_t)(n = write(ends[1], out.p + done,
				out.n - done));
		_exit(n > 0 ? 0 : 1);
	}
	close(ends[1]);
	if (w->pid < 0)
		close(ends[0]);
	return w->pid > 0;
}

/* Waits for any worker to say something; returns its place when it ended. */
static int next_ended(struct worker *w, int n)
{
	struct pollfd p[n];
	char buf[4096];

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){ w[i].fd, POLLIN, 0 };
	if (poll(p, (nfds_t)n, 200) <= 0)
		return -1;
	for (int i = 0; i < n; i++) {
		ssize_t got = p[i].revents ? read(w[i].fd, buf, sizeof buf) : 1;

		if (!p[i].revents)
			continue;
		if (got > 0)
			str_putn(&w[i].text, buf, (size_t)got);
		else if (got == 0 || errno != EINTR)
			return i;
	}
	return -1;
}

static void finish_worker(struct worker *w, const char **texts)
{
	int status = 1;

	close(w->fd);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	texts[w->item] = status == 0 ? str_text(&w->text) : NULL;
}

void prove_parallel(struct session *s, int n, int jobs,
	void (*work)(void *ctx, int i, struct str *out), void *ctx,
	const char **texts)
{
	struct worker *w = ARENA_ARRAY(s->a, (size_t)jobs, struct worker);
	int next = 0, running = 0;
	bool told = false;

	while (running || (next < n && !*s->stop)) {
		int ended;

		for (int i = 0; i < running && *s->stop && !told; i++)
			kill(w[i].pid, SIGTERM);
		told = *s->stop;
		while (running < jobs && next < n && !*s->stop) {
			texts[next] = NULL;
			if (start_worker(s, &w[running], next, work, ctx))
				running++;
			next++;
		}
		ended = running ? next_ended(w, running) : -1;
		if (ended >= 0) {
			finish_worker(&w[ended], texts);
			w[ended] = w[--running];
		}
	}
}
