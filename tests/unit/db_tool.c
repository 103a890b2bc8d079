/* SPDX-License-Identifier: MIT */
/* db_tool write PATH NAME COUNT: stores COUNT records called NAME in the
 * database PATH, one by one as a run of its own, and prints "RUN.NUMBER" of each
 * when it is stored. PATH "" is the user's.
 *
 * db_tool sample PATH: stores a few records that tests know, of two problems, on
 * two GPUs, with failures, in one run.
 *
 * db_tool kill PATH ROUNDS SEED: ROUNDS times two writers are killed, each at a
 * moment of its own; then every record that either had reported must be in the
 * database, which must be sound. Prints "ROUNDS killed, N records reported, all
 * there". */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "search/db.h"

static struct db *open_db(struct arena *a, const char *path, enum db_mode mode)
{
	const char *paths[] = { *path ? path : db_user_path(a), NULL }, *why;
	struct db *db = db_open(a, paths, mode, &why);

	if (!db) {
		fprintf(stderr, "db_tool: %s\n", why);
		exit(1);
	}
	return db;
}

static void need(struct db *db, bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "db_tool: %s\n", db_why(db));
	exit(1);
}

static struct record record_of(const char *op, int i)
{
	static const char *const names[] = { "tile.block.i", "unroll" };
	static const char *const values[][2] = {
		{ "16", "1" }, { "32", "2" }, { "64", "4" }, { "128", "8" }
	};

	return (struct record){ .key = { .hash = 0x00f1d2d2f924e986,
		.family = 0xfa11, .op = op, .shape = "M=64 N=64",
		.types = "f32 f32 f32", .kernel = "", .sketch = "fma",
		.target = "sm_90a", .gpu = "h200", .how = "gpu", .share = 100 },
		.names = names, .values = values[i % 4], .n = 2,
		.verdict = V_MEASURED, .seconds = 1e-6 * (1 + i % 4),
		.spread = 0.01, .compile_seconds = 0.5, .registers = 32,
		.clock_mhz = 1980, .driver = "12.8", .version = "0.1.0",
		.date = "2026-11-20T12:00:00Z" };
}

static int64_t begin_run(struct db *db)
{
	const char *argv[] = { "wpkc", "my mm.wpk", "--tune=ga", "--trials=9",
		"--set=mm:unroll=1", "-Ilib", "-omm.cu", NULL };
	struct db_run run = { .folder = "/tmp", .argv = argv, .argc = 7,
		.version = "0.1.0", .started = "2026-11-20T12:00:00Z" };
	int64_t id = db_run_begin(db, &run);

	need(db, id != 0);
	return id;
}

static int write_records(const char *path, const char *op, int count)
{
	struct arena *a = arena_create();
	struct db *db = open_db(a, path, DB_WRITE);
	int64_t run = begin_run(db);
	int number;

	for (int i = 0; i < count; i++) {
		struct record r = record_of(op, i);

		r.date = db_date(a, 1763640000 + run * 100000 + i);
		need(db, db_put(db, run, &r, 1, &number));
		printf("%lld.%d\n", (long long)run, number);
		fflush(stdout);
	}
	need(db, db_run_end(db, run, "2026-11-20T13:00:00Z", false));
	db_close(db);
	arena_destroy(a);
	return 0;
}

/* ---- sample ---- */

static int sample(const char *path)
{
	struct arena *a = arena_create();
	struct db *db = open_db(a, path, DB_WRITE);
	int64_t run = begin_run(db);
	struct record v[9];

	for (int i = 0; i < 9; i++)
		v[i] = record_of("mm", i);
	v[2].verdict = V_SPILL;
	v[2].message = "40 bytes spilt, \"which\" is\ntoo many";
	v[2].seconds = INFINITY;
	v[3].verdict = V_SLOW;
	v[4].seconds = 2e-7;
	v[4].throttled = true;
	v[5].seconds = 1.5e-6;
	v[5].date = "2026-11-21T12:00:00Z";
	v[6].key.gpu = v[7].key.gpu = "h100";
	v[8].key.op = "gelu";
	v[8].key.hash = 7;
	v[8].key.shape = "N=100";
	v[8].key.sketch = "elementwise";
	need(db, db_put(db, run, v, 9, NULL));
	need(db, db_run_end(db, run, "2026-11-21T13:00:00Z", true));
	db_close(db);
	arena_destroy(a);
	return 0;
}

/* ---- kill ---- */

struct writer {
	pid_t pid;
	FILE *said;
};

static struct writer start_writer(const char *path, const char *op)
{
	struct writer w;
	int fds[2];

	if (pipe(fds)) {
		perror("db_tool");
		exit(1);
	}
	w.pid = fork();
	if (w.pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		_exit(write_records(path, op, 1000000));
	}
	close(fds[1]);
	w.said = fdopen(fds[0], "r");
	return w;
}

static bool is_there(struct db *db, struct arena *a, long long run, int number)
{
	struct db_query q = { .run = run, .number = number };
	int n;
	struct db_record *v = db_find(db, a, &q, &n);

	need(db, v != NULL);
	return n == 1;
}

/* What the writer had said before it died, a line torn at the end not. */
static int missing(struct writer *w, struct db *db, struct arena *a,
	int *reported)
{
	char line[64];
	int n = 0, number;
	long long run;

	while (fgets(line, sizeof line, w->said)) {
		if (!strchr(line, '\n'))
			break;
		if (sscanf(line, "%lld.%d", &run, &number) != 2) {
			fprintf(stderr, "db_tool: a writer said %s", line);
			exit(1);
		}
		++*reported;
		n += !is_there(db, a, run, number);
	}
	fclose(w->said);
	return n;
}

static int kill_writers(const char *path, int rounds, unsigned seed)
{
	int reported = 0, lost = 0;

	for (int i = 0; i < rounds; i++) {
		struct writer w[2];
		struct arena *a = arena_create();
		struct db *db;

		for (int k = 0; k < 2; k++)
			w[k] = start_writer(path, k ? "left" : "right");
		for (int k = 0; k < 2; k++) {
			usleep((useconds_t)(rand_r(&seed) % 25000));
			kill(w[k].pid, SIGKILL);
			waitpid(w[k].pid, NULL, 0);
		}
		db = open_db(a, path, DB_READ);
		for (int k = 0; k < 2; k++)
			lost += missing(&w[k], db, a, &reported);
		need(db, db_sound(db));
		db_close(db);
		arena_destroy(a);
	}
	printf("%d killed, %d records reported, ", rounds, reported);
	if (lost)
		printf("%d lost\n", lost);
	else
		printf("all there\n");
	return lost || !reported;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "write"))
		return write_records(argv[2], argv[3], atoi(argv[4]));
	if (argc == 3 && !strcmp(argv[1], "sample"))
		return sample(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "kill"))
		return kill_writers(argv[2], atoi(argv[3]),
			(unsigned)atoi(argv[4]));
	fprintf(stderr, "usage: db_tool write PATH NAME COUNT | sample PATH | "
		"kill PATH ROUNDS SEED\n");
	return 1;
}
