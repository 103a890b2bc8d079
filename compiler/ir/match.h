/* SPDX-License-Identifier: MIT */
/* Clusters, which become groups, and which statements may join them; inside
 * ir/ alone. */
#ifndef WPK_COMPILER_IR_MATCH_H
#define WPK_COMPILER_IR_MATCH_H

#include "ir/group.h"

/* "axis" by coordinate; -1 along those of a row for one value per row. */
struct member {
	int stmt;
	int *axis;
};

/* What joins a contraction: maps that follow it; a second product besides, of
 * what these make; statistics of its rows, whatever their length, and then such
 * a product; or statistics of rows that are short, and no product; or of rows that are
 * one of several along a side, too. In the order in which take_less() gives up, but for
 * the last two. */
enum takes {
	TAKES_MAPS, TAKES_PRODUCT, TAKES_ROWS, TAKES_STATISTICS, TAKES_SEGMENTS
};

/* "coords" are axes of the anchor: the first "n_rows" those it writes along,
 * then (IR_ROW) those it reduces over, or (IR_CHAIN) those that the second
 * product has of its own, one at least. "second" of IR_TWINS is the other product.
 * "across" tells, once a statistic or a
 * second product has joined a contraction, by coordinate along which its rows
 * go. */
struct cluster {
	enum ir_anchor anchor;
	int anchor_stmt, second;
	int *coords, n_coords, n_rows;
	enum takes takes;
	bool *across;
	struct {
		struct member *v;
		int n, cap;
	} members;
};

/* chain.c: is the statement, which takes that, a contraction? One of a chain may
 * find factors by tables. */
bool match_contraction(struct arena *a, const struct ir_operator *o,
	enum takes takes, int stmt, struct ir_contraction *out);

/* chain.c: the member that writes the tensor, or NULL. */
const struct member *match_writer(const struct ir_operator *o,
	const struct cluster *c, int tensor);

/* chain.c: has the member of a contraction's cluster a value for each element of
 * the product? */
bool chain_element(const struct ir_operator *o, const struct cluster *c,
	const struct member *w);

/* chain.c: is the member that of a chain's second product, or a map after it? */
bool chain_after(const struct cluster *c, const struct member *w);

/* chain.c: what of a cluster is read: anything, values for each element of the
 * product, what comes after the second product or is it. */
struct chain_reading {
	bool any, elements, after;
};
struct chain_reading chain_reading(struct arena *tmp,
	const struct ir_operator *o, const struct cluster *c,
	const struct ir_expr *e);

/* chain.c: does the statement, with "axis" along the coordinates of "c", sum a
 * product of which one factor is made of elements of "c", and of nothing that is
 * not at the coordinates, and the other of nothing of "c"? */
bool chain_factors(struct arena *tmp, const struct ir_operator *o,
	const struct cluster *c, int stmt, const int *axis);

/* chain.c: "c" becomes a chain: the axes that statement "second" has beside those
 * of rows are coordinates from now on. "*axis", along the coordinates, grows with
 * them. */
void chain_begin(struct arena *a, const struct ir_operator *o,
	struct cluster *c, int second, int **axis);

/* True if "stmt" may join "c", some of whose tensors it reads; then "*axis",
 * in "a", has its axis along each coordinate. c->across is set where the first
 * statistic joins, and where a second product does, "c" becomes a chain. "tmp"
 * may be reset after. */
bool match_member(struct arena *a, struct arena *tmp,
	const struct ir_operator *o, struct cluster *c, int stmt, int **axis);

/* The same for a statement that reads nothing of "c" but goes over the same
 * coordinates and reads there what "c" reads: a reduction beside reductions, a
 * map beside maps. */
bool match_sibling(struct arena *a, struct arena *tmp,
	const struct ir_operator *o, const struct cluster *c, int stmt,
	int **axis);

/* Are both rows, or both maps, over the same coordinates in order? */
bool match_domains(const struct ir_operator *o, const struct cluster *x,
	const struct cluster *y);

/* The same, and some of "y" reads what some of "x" does at the same coordinates. */
bool match_clusters(struct arena *tmp, const struct ir_operator *o,
	const struct cluster *x, const struct cluster *y);

/* twin.c: the same for a product beside that of "c", of one factor with it. */
bool match_twin(struct arena *a, struct arena *tmp,
	const struct ir_operator *o, const struct cluster *c, int stmt,
	int **axis);

/* True if the maps of "from" may come before reduction "stmt" in its new
 * cluster "to"; perm[coordinate of from] = coordinate of to. */
bool match_source(struct arena *tmp, const struct ir_operator *o,
	const struct cluster *from, const struct cluster *to, int stmt,
	int *perm);

/* "of" by tensor: the cluster that writes it, or -1. "reads" by statement, as
 * they stand before they are put in order. "seen[k]" is "visit" once a search
 * among clusters has been at k. "tmp" is for what one comparison needs. */
struct grouping {
	struct arena *a, *tmp;
	struct ir_operator *o;
	VEC(struct cluster) clusters;
	struct group_reads *reads;
	int *of;
	int *seen, visit;
	enum takes *takes;	/* by statement, of contractions */
	bool pairs;		/* what reduces pairs reduces rows */
	bool parts;		/* what reduces parts of rows does so in one kernel */
	bool twins;		/* contractions take others of one factor, but
				 * for those of these that are apart */
	uint64_t *made_of;	/* then, by statement: bits of those that it is
				 * made of, itself among them */
	struct {
		struct strangers {
			int first, second;
		} *v;
		int n, cap;
	} apart;
};

/* group_close.c: what is grouped, as groups; statements are put in their order. */
struct ir_partition *group_close(struct grouping *g);

#endif
