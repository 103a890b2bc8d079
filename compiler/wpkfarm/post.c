/* SPDX-License-Identifier: MIT */
/* Messages between ranks. Nothing here waits for another process: sending and
 * receiving are begun, and looked at again; what never ends is never missed.
 * Opening and leaving MPI are the exceptions. Each way has a communicator of its
 * own, so that rank 0 can be a rank that works as well. */
#include "wpkfarm/wpkfarm.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAYS = 2 };

/* A message under way, out or in. */
struct transfer {
	MPI_Request request;
	char *text;
	int n, from, kind;
	enum post_way way;
	bool in;
	struct transfer *next;
};

struct post {
	int rank, size, local, locals;
	char host[MPI_MAX_PROCESSOR_NAME];
	MPI_Comm comm[WAYS];
	struct transfer *transfers;
};

/* Ranks of this machine that work: all but rank 0, unless it is alone. */
static void find_locals(struct post *p)
{
	MPI_Comm here;
	int works = p->rank > 0 || p->size == 1;

	MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, p->rank,
		MPI_INFO_NULL, &here);
	MPI_Scan(&works, &p->local, 1, MPI_INT, MPI_SUM, here);
	p->local -= works;
	MPI_Allreduce(&works, &p->locals, 1, MPI_INT, MPI_SUM, here);
	MPI_Comm_free(&here);
}

struct post *post_open(struct arena *a, int *argc, char ***argv)
{
	struct post *p = ARENA_NEW(a, struct post);
	int n;

	MPI_Init(argc, argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &p->rank);
	MPI_Comm_size(MPI_COMM_WORLD, &p->size);
	MPI_Get_processor_name(p->host, &n);
	find_locals(p);
	for (int i = 0; i < WAYS; i++)
		MPI_Comm_dup(MPI_COMM_WORLD, &p->comm[i]);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	for (int i = 0; i < WAYS; i++)
		MPI_Comm_set_errhandler(p->comm[i], MPI_ERRORS_RETURN);
	return p;
}

int post_rank(const struct post *p)
{
	return p->rank;
}

int post_size(const struct post *p)
{
	return p->size;
}

int post_local(const struct post *p)
{
	return p->local;
}

int post_locals(const struct post *p)
{
	return p->locals;
}

const char *post_host(const struct post *p)
{
	return p->host;
}

static struct transfer *transfer(struct post *p, size_t n)
{
	struct transfer *t = calloc(1, sizeof *t);

	if (!t || !(t->text = malloc(n + 1)))
		abort();
	t->text[n] = '\0';
	t->n = (int)n;
	t->next = p->transfers;
	p->transfers = t;
	return t;
}

/* One that could not be begun counts as done, and as nothing. */
static bool is_done(struct transfer *t)
{
	int done = 0;

	return MPI_Test(&t->request, &done, MPI_STATUS_IGNORE) || done;
}

static void forget(struct transfer **at)
{
	struct transfer *t = *at;

	*at = t->next;
	free(t->text);
	free(t);
}

static void forget_sent(struct post *p)
{
	for (struct transfer **at = &p->transfers; *at;)
		if (!(*at)->in && is_done(*at))
			forget(at);
		else
			at = &(*at)->next;
}

void post_send(struct post *p, enum post_way way, int to, enum post_kind kind,
	const char *text, size_t n)
{
	struct transfer *t;

	forget_sent(p);
	t = transfer(p, n);
	memcpy(t->text, text, n);
	if (MPI_Isend(t->text, t->n, MPI_CHAR, to, (int)kind, p->comm[way],
	    &t->request))
		t->request = MPI_REQUEST_NULL;
}

/* Begins to receive whatever has been announced. */
static void receive(struct post *p, enum post_way way)
{
	MPI_Message message;
	MPI_Status s;
	int there = 0;

	while (!MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, p->comm[way], &there,
		&message, &s) && there) {
		struct transfer *t;
		int n = 0;

		MPI_Get_count(&s, MPI_CHAR, &n);
		t = transfer(p, (size_t)n);
		t->way = way;
		t->in = true;
		t->from = s.MPI_SOURCE;
		t->kind = s.MPI_TAG;
		if (!MPI_Imrecv(t->text, n, MPI_CHAR, &message, &t->request))
			continue;
		t->request = MPI_REQUEST_NULL;
		t->in = false;
	}
}

bool post_take(struct post *p, enum post_way way, struct arena *a,
	struct post_message *m)
{
	struct transfer **found = NULL;

	receive(p, way);
	/* The oldest is the last. */
	for (struct transfer **at = &p->transfers; *at; at = &(*at)->next)
		if ((*at)->in && (*at)->way == way && is_done(*at))
			found = at;
	if (!found)
		return false;
	*m = (struct post_message){ (*found)->from,
		(enum post_kind)(*found)->kind, memcpy(arena_alloc(a,
		(size_t)(*found)->n + 1), (*found)->text,
		(size_t)(*found)->n + 1), (size_t)(*found)->n };
	forget(found);
	return true;
}

void post_close(struct post *p, bool together, int code)
{
	if (!together)
		_exit(code);
	for (int i = 0; i < WAYS; i++)
		MPI_Comm_free(&p->comm[i]);
	MPI_Finalize();
	exit(code);
}
