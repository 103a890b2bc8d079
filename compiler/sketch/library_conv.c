/* SPDX-License-Identifier: MIT */
/* Convolutions for cuDNN. A dimension of the image in which a window moves is one
 * whose index x is tied to those of the result, y, and of the weights, w:
 *
 *	x = stride y + dilation w - pad			a convolution
 *	stride x + dilation w = y + pad			a transposed one
 *
 * as affine forms of the axes, however these were split; and every pair of y and
 * w for which there is such an x is summed once, which is counted. The other axes
 * are images, groups, channels and filters by the tensors they occur in. */
#include "sketch/library.h"

/* Pairs of y and w that are looked at. */
enum { PAIRS_MOST = 1 << 22 };

/* "w" is -1 where the window is of one element. "alone": an axis that no window
 * moves along, in place of images. Strides in elements. */
struct spatial {
	int x, y, w;
	bool transposed;
	int64_t stride, dilation, pad, pad_end;
	int64_t extent, taps, x_stride, w_stride;
	struct coordinate at;
	struct ir_affine fx, fw;
};

struct conv {
	const struct library_group *g;
	const struct ir_expr *x, *w;
	const struct ir_affine *x_address, *w_address;
	const struct ir_tensor *x_tensor, *w_tensor, *y_tensor;
	struct spatial s[CALL_SPATIAL];
	int n_spatial;
	bool transposed;
	bool *moves;			/* by axis: of a window */
	struct dim_axes images, groups, channels, filters;
	const char *why;
};

static bool fails(struct conv *v, const char *why)
{
	v->why = why;
	return false;
}

static int64_t extent_of(const struct conv *v, int axis)
{
	return v->g->t->op->axes[axis].extent;
}

static bool form(const struct conv *v, const struct ir_expr *e,
	struct ir_affine *f)
{
	return ir_affine(v->g->t->a, v->g->t->op, e, f);
}

/* ---- windows ---- */

/* An axis in "in" and "too" and not in "not", of extent other than 1, or -1. */
static int axis_in(const struct conv *v, const struct ir_affine *in,
	const struct ir_affine *too, const struct ir_affine *not)
{
	for (int i = 0; i < v->g->t->op->n_axes; i++)
		if (extent_of(v, i) != 1 && in->coef[i] && too->coef[i] &&
		    (!not || !not->coef[i]))
			return i;
	return -1;
}

static bool is_zero(const struct conv *v, const struct ir_affine *x,
	int64_t by_x, const struct ir_affine *y, int64_t by_y,
	const struct ir_affine *w, int64_t by_w)
{
	for (int i = 0; i < v->g->t->op->n_axes; i++)
		if (extent_of(v, i) != 1 && by_x * x->coef[i] + by_y *
		    y->coef[i] + (w ? by_w * w->coef[i] : 0))
			return false;
	return true;
}

/* The same of any extent: a result may be of one element along its window. */
static int moves_by(const struct conv *v, const struct ir_affine *y,
	const struct ir_affine *x, const struct ir_affine *w)
{
	int axis = axis_in(v, y, x, w);

	for (int i = 0; i < v->g->t->op->n_axes && axis < 0; i++)
		if (y->coef[i] && x->coef[i])
			axis = i;
	return axis;
}

/* x = stride y + dilation w - pad */
static bool solve_plain(const struct conv *v, const struct ir_affine *fx,
	const struct ir_affine *fy, const struct ir_affine *fw,
	struct spatial *s)
{
	int y = moves_by(v, fy, fx, fw), w = fw ? axis_in(v, fw, fx, fy) : -1;

	if (y < 0)
		return false;
	s->transposed = false;
	s->stride = fx->coef[y] / fy->coef[y];
	s->dilation = w >= 0 ? fx->coef[w] / fw->coef[w] : 1;
	s->pad = -fx->c + (fw ? s->dilation * fw->c : 0);
	return s->stride > 0 && s->dilation > 0 && s->pad >= 0 &&
		is_zero(v, fx, 1, fy, -s->stride, fw, -s->dilation);
}

/* stride x + dilation w = y + pad */
static bool solve_transposed(const struct conv *v, const struct ir_affine *fx,
	const struct ir_affine *fy, const struct ir_affine *fw,
	struct spatial *s)
{
	int y = axis_in(v, fy, fx, fw), w = fw ? axis_in(v, fw, fx, fy) : -1;

	if (y < 0)
		return false;
	s->transposed = true;
	s->stride = fy->coef[y] / fx->coef[y];
	s->dilation = w >= 0 ? -s->stride * fx->coef[w] / fw->coef[w] : 1;
	s->pad = s->stride * fx->c + (fw ? s->dilation * fw->c : 0);
	return s->stride > 0 && s->dilation > 0 && s->pad >= 0 &&
		is_zero(v, fx, s->stride, fy, -1, fw, s->dilation);
}

/* Do the axes of "f" occur in no dimension of these indices but "but"? */
static bool only_there(const struct conv *v, const struct ir_affine *f,
	struct ir_expr *const *index, int n, int but)
{
	struct ir_affine other;

	for (int d = 0; d < n; d++)
		if (d != but && form(v, index[d], &other) &&
		    axis_in(v, &other, f, NULL) >= 0)
			return false;
	return true;
}

/* Every pair (y, w) that the window has is summed once; w outside of the weights
 * is padded by 0. */
static bool counts(const struct conv *v, const struct spatial *s,
	const struct ir_affine *fy, const struct ir_affine *fw)
{
	int64_t pairs = s->extent * s->taps, wanted = 0, found = 0, turns = 1;
	struct dim_axes l = { .n = 0 };
	bool *seen;

	for (int i = 0; i < v->g->t->op->n_axes; i++)
		if (fy->coef[i] || (fw && fw->coef[i]))
			axes_add(v->g, &l, i);
	for (int i = 0; i < l.n && turns <= PAIRS_MOST; i++)
		turns *= extent_of(v, l.v[i]);
	if (pairs > PAIRS_MOST || turns > PAIRS_MOST)
		return false;
	seen = ARENA_ARRAY(v->g->t->a, (size_t)pairs, bool);
	for (int64_t y = 0; y < s->extent; y++)
		for (int64_t w = 0; w < s->taps; w++)
			wanted += !s->transposed || (y + s->pad -
				w * s->dilation) % s->stride == 0;
	for (int64_t turn = 0; turn < turns; turn++) {
		int64_t y = fy->c, w = fw ? fw->c : 0, left = turn;

		for (int i = 0; i < l.n; i++) {
			int64_t at = left % extent_of(v, l.v[i]);

			left /= extent_of(v, l.v[i]);
			y += at * fy->coef[l.v[i]];
			w += fw ? at * fw->coef[l.v[i]] : 0;
		}
		if (y < 0 || y >= s->extent || w < 0 || w >= s->taps)
			continue;
		if (seen[y * s->taps + w])
			return false;
		seen[y * s->taps + w] = true;
		found++;
	}
	return found == wanted;
}

/* What lies behind the end: as before the beginning, or the least that there must
 * be. Of "from" elements a window makes "to". */
static bool ends(struct spatial *s, int64_t from, int64_t to)
{
	int64_t window = s->dilation * (s->taps - 1) + 1;
	int64_t all = (to - 1) * s->stride + window;
	int64_t rest = from + 2 * s->pad - window;

	s->pad_end = s->pad;
	if (rest >= 0 && rest / s->stride + 1 == to)
		return true;
	s->pad_end = all - from - s->pad > 0 ? all - from - s->pad : 0;
	rest = from + s->pad + s->pad_end - window;
	return rest >= 0 && rest / s->stride + 1 == to;
}

/* Does a window move along dimension "d" of the image and "e" of the result, by
 * dimension "k" of the weights (-1: by none)? */
static bool window(struct conv *v, int d, int e, int k, struct spatial *s)
{
	const struct output *out = v->g->last;
	struct ir_affine fy;
	bool w = k >= 0;

	s->x = d;
	s->y = e;
	s->w = k;
	if (!form(v, v->x->args[d], &s->fx) || !form(v, out->index[e], &fy) ||
	    (w && !form(v, v->w->args[k], &s->fw)) || fy.c)
		return false;
	if (!solve_plain(v, &s->fx, &fy, w ? &s->fw : NULL, s) &&
	    !solve_transposed(v, &s->fx, &fy, w ? &s->fw : NULL, s))
		return false;
	s->extent = v->y_tensor->dims[e];
	s->taps = w ? v->w_tensor->dims[k] : 1;
	s->at = coordinate_form(v->g, &fy, s->extent);
	return only_there(v, &s->fx, v->x->args, v->x->n_args, d) &&
		only_there(v, &s->fx, v->w->args, v->w->n_args, k) &&
		only_there(v, &fy, v->w->args, v->w->n_args, k) &&
		only_there(v, &fy, out->index, out->tensor->rank, e) &&
		(!w || only_there(v, &s->fw, out->index, out->tensor->rank, e)) &&
		counts(v, s, &fy, w ? &s->fw : NULL) &&
		ir_dim_stride(v->x_tensor, d, &s->x_stride) &&
		(!w || ir_dim_stride(v->w_tensor, k, &s->w_stride)) &&
		(s->transposed ? ends(s, s->extent, v->x_tensor->dims[d]) :
		ends(s, v->x_tensor->dims[d], s->extent));
}

/* A window that is one element and does not move by more: no window. */
static bool is_plain(const struct spatial *s)
{
	return s->taps == 1 && s->stride == 1 && !s->pad && s->x >= 0;
}

/* Of dimension "d" of the image. */
static bool find_window(struct conv *v, int d, struct spatial *s)
{
	for (int k = v->w_tensor->rank - 1; k >= -1; k--)
		for (int e = 0; e < v->y_tensor->rank; e++)
			if (window(v, d, e, k, s) && !is_plain(s))
				return true;
	return false;
}

static void take(struct conv *v, const struct spatial *s)
{
	struct ir_affine fy;
	int at = v->n_spatial++;

	for (; at > 0 && v->s[at - 1].y > s->y; at--)
		v->s[at] = v->s[at - 1];
	v->s[at] = *s;
	form(v, v->g->last->index[s->y], &fy);
	for (int i = 0; i < v->g->t->op->n_axes; i++)
		v->moves[i] |= extent_of(v, i) != 1 && (s->fx.coef[i] ||
			fy.coef[i] || (s->w >= 0 && s->fw.coef[i]));
}

static bool find_windows(struct conv *v)
{
	for (int d = 0; d < v->x_tensor->rank; d++) {
		struct spatial s;

		if (!find_window(v, d, &s))
			continue;
		if (v->n_spatial == CALL_SPATIAL)
			return fails(v, "its window moves along more than three "
				"axes");
		if (v->n_spatial && s.transposed != v->transposed)
			return fails(v, "its window is transposed along one axis "
				"and not along another");
		v->transposed = s.transposed;
		take(v, &s);
	}
	return true;
}

/* ---- the other axes ---- */

static bool occurs(const struct ir_affine *address, int axis)
{
	return address->coef[axis] != 0;
}

static void sort_axes(struct conv *v)
{
	const struct ir_contraction *c = &v->g->c;

	for (int i = 0; i < c->stmt->n_axes; i++) {
		int x = c->stmt->axes[i];

		if (v->moves[x])
			continue;
		axes_add(v->g, !occurs(v->w_address, x) ? &v->images :
			occurs(v->x_address, x) ? &v->groups : &v->filters, x);
	}
	for (int i = 0; i < c->n_k; i++)
		if (!v->moves[c->k[i]])
			axes_add(v->g, &v->channels, c->k[i]);
	axes_sort(&v->images, &v->g->result);
	axes_sort(&v->groups, &v->g->result);
	axes_sort(&v->filters, &v->g->result);
	axes_sort(&v->channels, v->x_address);
}

/* The image's axis "at" becomes one along which a window of one moves. */
static bool move_alone(struct conv *v, int axis)
{
	struct ir_affine one = { 0, ARENA_ARRAY(v->g->t->a,
		v->g->t->op->n_axes, int64_t) };
	struct spatial s = { .x = -1, .y = 1000, .w = -1, .stride = 1,
		.dilation = 1, .extent = extent_of(v, axis), .taps = 1,
		.transposed = v->transposed,
		.x_stride = v->x_address->coef[axis] };

	if (v->n_spatial == CALL_SPATIAL || s.x_stride < 0)
		return false;
	one.coef[axis] = 1;
	s.at = coordinate_form(v->g, &one, s.extent);
	v->s[v->n_spatial++] = s;
	return true;
}

/* The last "alone" of the images' axes are no images. */
static bool spread_images(struct conv *v, int alone)
{
	int n = v->images.n;

	if (alone > n)
		return false;
	for (int i = n - alone; i < n; i++)
		if (!move_alone(v, v->images.v[i]))
			return false;
	v->images.n = n - alone;
	return true;
}

/* ---- the graph ---- */

enum { IMAGE, CHANNEL, SPATIAL };	/* dimensions of a tensor */

/* Elements in which other factors start are none of a library's business. */
static bool starts_at_zero(const struct conv *v)
{
	int64_t x = v->x_address->c, w = v->w_address->c;

	for (int i = 0; i < v->n_spatial; i++) {
		const struct spatial *s = &v->s[i];

		x -= s->x >= 0 ? s->fx.c * s->x_stride : 0;
		w -= s->w >= 0 ? s->fw.c * s->w_stride : 0;
	}
	return !x && !w;
}

/* Dimensions of one element lie behind all others. */
static void settle(struct call_tensor *t)
{
	int64_t all = 1;

	for (int d = 0; d < t->n; d++)
		if (t->dims[d] > 1 && t->dims[d] * t->strides[d] > all)
			all = t->dims[d] * t->strides[d];
	for (int d = 0; d < t->n; d++)
		if (t->dims[d] == 1)
			t->strides[d] = all;
}

static struct call_tensor tensor_of(const struct ir_tensor *t, int n)
{
	return (struct call_tensor){ .tensor = t->id, .type = t->type,
		.align = t->align, .n = n };
}

static bool image_tensor(const struct conv *v, const struct coordinate *images,
	struct call_tensor *t)
{
	struct coordinate c = coordinate_of(v->g, &v->groups, &v->channels);

	*t = tensor_of(v->x_tensor, SPATIAL + v->n_spatial);
	t->dims[IMAGE] = images->extent;
	t->dims[CHANNEL] = c.extent;
	for (int i = 0; i < v->n_spatial; i++) {
		t->dims[SPATIAL + i] = v->s[i].x < 0 ? v->s[i].extent :
			v->x_tensor->dims[v->s[i].x];
		t->strides[SPATIAL + i] = v->s[i].x_stride;
	}
	if (!coordinate_stride(v->g, images, v->x_address,
		&t->strides[IMAGE]) || !coordinate_stride(v->g, &c,
		v->x_address, &t->strides[CHANNEL]))
		return false;
	settle(t);
	return true;
}

/* Of filters and the channels of a group; of a transposed one of channels and the
 * filters of a group. */
static bool weights_tensor(const struct conv *v, struct call_tensor *t)
{
	const struct dim_axes *outer = v->transposed ? &v->channels :
		&v->filters;
	const struct dim_axes *inner = v->transposed ? &v->filters :
		&v->channels;
	struct coordinate f = coordinate_of(v->g, &v->groups, outer);
	struct coordinate c = coordinate_of(v->g, inner, NULL);

	*t = tensor_of(v->w_tensor, SPATIAL + v->n_spatial);
	t->dims[0] = f.extent;
	t->dims[1] = c.extent;
	for (int i = 0; i < v->n_spatial; i++) {
		t->dims[SPATIAL + i] = v->s[i].taps;
		t->strides[SPATIAL + i] = v->s[i].w_stride;
	}
	if (!coordinate_stride(v->g, &f, v->w_address, &t->strides[0]) ||
	    !coordinate_stride(v->g, &c, v->w_address, &t->strides[1]))
		return false;
	settle(t);
	return true;
}

static bool result_tensor(const struct conv *v, const struct coordinate *axes,
	struct call_tensor *t)
{
	*t = tensor_of(v->y_tensor, SPATIAL + v->n_spatial);
	for (int i = 0; i < t->n; i++)
		t->dims[i] = axes[i].extent;
	if (!coordinate_strides(v->g, axes, t->n, &v->g->result, t->strides))
		return false;
	settle(t);
	return true;
}

static struct call_node node_of(const struct conv *v, const char *compute)
{
	struct call_node n = { .op = CALL_CONV, .in = { 0, 1 }, .compute =
		compute, .transposed = v->transposed, .spatial = v->n_spatial };

	for (int i = 0; i < v->n_spatial; i++) {
		n.pad[i] = v->s[i].pad;
		n.pad_end[i] = v->s[i].pad_end;
		n.stride[i] = v->s[i].stride;
		n.dilation[i] = v->s[i].dilation;
	}
	return n;
}

/* Type of factors and of sums: what cuDNN computes in, or NULL. */
static const char *compute_of(const struct conv *v)
{
	enum dtype x = v->x_tensor->type, w = v->w_tensor->type;
	enum dtype acc = v->g->acc;

	if (x == w && (x == T_F16 || x == T_BF16 || x == T_F32 || x == T_E4M3 ||
	    x == T_E5M2) && acc == T_F32)
		return "f32";
	if (x == w && x == T_F64 && acc == T_F64)
		return "f64";
	return x == w && x == T_I8 && acc == T_I32 ? "i32" : NULL;
}

static bool make_graph(struct conv *v, struct p_call *out)
{
	struct coordinate axes[CALL_RANK];
	struct call_graph *q = &out->graph;
	struct call_tensor x, w, y;
	const char *compute = compute_of(v);

	axes[IMAGE] = coordinate_of(v->g, &v->images, NULL);
	axes[CHANNEL] = coordinate_of(v->g, &v->groups, &v->filters);
	for (int i = 0; i < v->n_spatial; i++)
		axes[SPATIAL + i] = v->s[i].at;
	q->n_tensors = q->n_nodes = 0;
	if (!compute)
		return fails(v, arena_printf(v->g->t->a, "cuDNN has no %s x %s "
			"convolutions summed in %s",
			dtype_row(v->x_tensor->type)->name,
			dtype_row(v->w_tensor->type)->name,
			dtype_row(v->g->acc)->name));
	if (!image_tensor(v, &axes[IMAGE], &x) || !weights_tensor(v, &w) ||
	    !result_tensor(v, axes, &y))
		return fails(v, "images, channels or filters go by no one "
			"stride");
	graph_tensor(q, x);
	graph_tensor(q, w);
	return graph_follow(v->g, q, axes, y, node_of(v, compute), &v->why);
}

static bool try_alone(struct conv *v, int alone, struct p_call *out)
{
	struct conv with = *v;

	if (!spread_images(&with, alone))
		return false;
	if (make_graph(&with, out))
		return true;
	if (!v->why)
		v->why = with.why;
	return false;
}

/* The first of the ways to share out the axes that works. */
static bool share_out(struct conv *v, struct p_call *out)
{
	int want = 2 - v->n_spatial;

	if (want > 0 && v->images.n > want && try_alone(v, want, out))
		return true;
	for (int alone = !v->n_spatial; alone <= CALL_SPATIAL; alone++)
		if (try_alone(v, alone, out))
			return true;
	return v->why ? false : fails(v, "no axis of it belongs to images alone");
}

static uint64_t dims_moved(const struct conv *v, bool weights)
{
	uint64_t mask = 0;

	for (int i = 0; i < v->n_spatial; i++) {
		int d = weights ? v->s[i].w : v->s[i].x;

		mask |= d >= 0 ? (uint64_t)1 << d : 0;
	}
	return mask;
}

static bool try_image(struct conv *v, struct p_call *out)
{
	v->x_tensor = &v->g->t->op->tensors[v->x->tensor];
	v->w_tensor = &v->g->t->op->tensors[v->w->tensor];
	v->y_tensor = v->g->last->tensor;
	v->moves = ARENA_ARRAY(v->g->t->a, v->g->t->op->n_axes, bool);
	if (!find_windows(v))
		return false;
	if (!library_inside(v->g, v->x, dims_moved(v, false)) ||
	    !library_inside(v->g, v->w, dims_moved(v, true)))
		return fails(v, "a window moves in a way that strides, pads and "
			"dilations do not tell");
	if (!starts_at_zero(v))
		return fails(v, "a factor is not read from its beginning");
	sort_axes(v);
	return share_out(v, out);
}

/* The image is the factor in which windows move, or else either. */
bool library_conv(const struct library_group *g, struct p_call *out,
	const char **why)
{
	struct conv left = { .g = g, .x = g->c.left, .w = g->c.right,
		.x_address = &g->c.left_addr, .w_address = &g->c.right_addr };
	struct conv right = { .g = g, .x = g->c.right, .w = g->c.left,
		.x_address = &g->c.right_addr, .w_address = &g->c.left_addr };

	*out = (struct p_call){ .library = CALL_CUDNN };
	if (try_image(&left, out) || try_image(&right, out))
		return true;
	*why = right.n_spatial > left.n_spatial ? right.why : left.why;
	return false;
}
