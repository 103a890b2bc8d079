/* SPDX-License-Identifier: MIT */
/* Tensors as files in memory that the emulated program maps too: inputs filled
 * with reproducible values, outputs with a byte that differs between the two
 * runs, so that an element that nobody writes is told from one that is
 * written by chance as poison. Contents end where a page ends (as far as their
 * alignment lets them), for the program maps a page behind that faults. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/check_parts.h"

int check_poison(int run)
{
	return run ? 0xa5 : 0xff;
}

static bool open_file(struct check_tensor *t, int run)
{
	int fd = memfd_create("tensor", 0);
	size_t size = t->offset + t->bytes;

	t->fd[run] = fd;
	if (fd < 0 || ftruncate(fd, (off_t)size))
		return false;
	if (!size)
		return true;
	t->map[run] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		0);
	if (t->map[run] == MAP_FAILED) {
		t->map[run] = NULL;
		return false;
	}
	t->p[run] = t->map[run] + t->offset;
	return true;
}

static void describe(struct check_tensor *t, const struct p_tensor *p, int ir)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t align = p->align > 16 ? (size_t)p->align : 16;
	int bits = dtype_row(p->type)->bits;

	t->ir = ir;
	t->type = p->type;
	t->output = p->role == P_OUT;
	t->align = align;
	t->bytes = (size_t)p->elements * (size_t)(bits < 8 ? 1 : bits / 8);
	t->offset = (page - t->bytes % page) % page / align * align;
	for (int run = 0; run < CHECK_RUNS; run++)
		t->fd[run] = -1;
}

/* The program's tensors are the operator's inputs and outputs, in order. */
static void describe_all(struct check *c)
{
	const struct program *p = c->r->program;
	const struct ir_operator *o = c->r->op;
	int in = 0, out = o->n_inputs;

	c->tensors = ARENA_ARRAY(c->a, (size_t)p->tensors.n,
		struct check_tensor);
	for (int i = 0; i < p->tensors.n; i++) {
		const struct p_tensor *t = &p->tensors.v[i];

		if (t->role == P_IN || t->role == P_OUT)
			describe(&c->tensors[c->n_tensors++], t,
				t->role == P_IN ? in++ : out++);
	}
}

/* What both runs hold at once, in bytes. */
static double held(const struct check *c)
{
	double bytes = (double)c->r->program->workspace +
		(double)c->r->program->prepared;

	for (int i = 0; i < c->n_tensors; i++)
		bytes += (double)c->tensors[i].bytes *
			(c->tensors[i].output ? CHECK_RUNS : 1);
	return bytes;
}

const char *check_memory_lacks(struct check *c)
{
	double all = (double)sysconf(_SC_PHYS_PAGES) *
		(double)sysconf(_SC_PAGESIZE), need;

	describe_all(c);
	need = held(c);
	if (need <= all / 2)
		return NULL;
	return arena_printf(c->a, "not verified: its tensors and workspace take "
		"%.1f GiB, more than half of this machine's memory: check it "
		"at smaller sizes", need / 0x1p30);
}

bool check_memory_open(struct check *c)
{
	for (int i = 0; i < c->n_tensors; i++) {
		struct check_tensor *t = &c->tensors[i];

		for (int run = 0; run < (t->output ? CHECK_RUNS : 1); run++) {
			if (!open_file(t, run))
				return false;
			if (t->output && t->bytes)
				memset(t->p[run], check_poison(run), t->bytes);
		}
		if (!t->output && t->bytes)
			ir_eval_fill(c->r->op, t->ir, c->r->seed, t->p[0]);
	}
	return true;
}

void check_memory_close(struct check *c)
{
	for (int i = 0; i < c->n_tensors; i++) {
		struct check_tensor *t = &c->tensors[i];

		for (int run = 0; run < CHECK_RUNS; run++) {
			if (t->map[run])
				munmap(t->map[run], t->offset + t->bytes);
			if (t->fd[run] >= 0)
				close(t->fd[run]);
		}
	}
}
