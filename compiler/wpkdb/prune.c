/* SPDX-License-Identifier: MIT */
/* Deleting records: those that the filters say, that are old enough and not
 * among the best of their problem. Only the user's own layer is open, so what
 * is shipped stays. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wpkdb/wpkdb.h"

typedef VEC(int64_t) id_list;

static bool is_kept(const struct db_record *v, int kept, int64_t id)
{
	for (int i = 0; i < kept; i++)
		if (v[i].id == id)
			return true;
	return false;
}

/* The best are the best of all the problem's records, whatever the filters
 * say. */
static int best_of(struct wpkdb *w, struct arena *a,
	const struct record_key *key, struct db_record **v)
{
	struct db_query asked = w->query;
	int n;

	if (!w->best)
		return 0;
	w->query = (struct db_query){0};
	*v = problems_records(w, a, key, &n);
	w->query = asked;
	if (!*v)
		return -1;
	n = db_count(*v, n);
	return n < w->best ? n : w->best;
}

static bool collect(struct wpkdb *w, const struct record_key *key,
	id_list *ids)
{
	struct arena *a = arena_create();
	struct db_record *best = NULL, *v;
	int kept = best_of(w, a, key, &best), n = 0;

	v = kept < 0 ? NULL : problems_records(w, a, key, &n);
	for (int i = 0; i < n; i++)
		if (!is_kept(best, kept, v[i].id))
			vec_push(w->a, ids, v[i].id);
	arena_destroy(a);
	return v;
}

static bool says_nothing(const struct wpkdb *w)
{
	static const struct db_query none;

	return !memcmp(&w->query, &none, sizeof none) && w->days < 0 &&
		!w->best;
}

int wpkdb_prune(struct wpkdb *w)
{
	id_list ids = {0};
	key_list keys;

	if (says_nothing(w))
		return wpkdb_fail(w, EXIT_USER, "say what to delete: by "
			"filters, --older-than or --keep-best; wpkdb prune "
			"--help tells");
	if (w->days >= 0)
		w->query.before = db_date(w->a, (int64_t)time(NULL) -
			(int64_t)w->days * 86400);
	if (!problems_find(w, &keys))
		return wpkdb_fail_db(w);
	for (int i = 0; i < keys.n; i++)
		if (!collect(w, &keys.v[i], &ids))
			return wpkdb_fail_db(w);
	if (ids.n && !w->dry_run && !db_remove(w->db, ids.v, ids.n))
		return wpkdb_fail_db(w);
	printf("%d records %s\n", ids.n, w->dry_run ? "would be deleted" :
		"deleted");
	return EXIT_DONE;
}

int wpkdb_check(struct wpkdb *w)
{
	if (!db_sound(w->db))
		return wpkdb_fail_db(w);
	printf("%s: sound\n", text_plain(w->a, w->path));
	return EXIT_DONE;
}
