/* SPDX-License-Identifier: MIT */
/* What descriptors must have before the stub of cuDNN finalises them. */
#include "tests/runtime/libcudnn.h"

static bool has(const struct descriptor *d, const int *names, int n)
{
	int64_t count;

	for (int i = 0; i < n; i++)
		if (!attribute_of(d, names[i], &count))
			return false;
	return true;
}

#define HAS(d, ...) has(d, (const int[]){ __VA_ARGS__ }, \
	sizeof((int[]){ __VA_ARGS__ }) / sizeof(int))

static const int64_t *dims_of(const struct descriptor *t, int64_t *n)
{
	return attribute_of(t, WPK_DNN_TENSOR_DIMENSIONS, n);
}

static int check_tensor(struct descriptor *d)
{
	int64_t n = 0, m = 0;

	attribute_of(d, WPK_DNN_TENSOR_STRIDES, &m);
	if (!HAS(d, WPK_DNN_TENSOR_TYPE, WPK_DNN_TENSOR_STRIDES,
	    WPK_DNN_TENSOR_ID, WPK_DNN_TENSOR_ALIGNMENT) || !dims_of(d, &n) ||
	    n != m || n < 3 || n > 8)
		return BAD_PARAM;
	return 0;
}

static int check_convolution(struct descriptor *d)
{
	static const int names[] = { WPK_DNN_CONVOLUTION_DILATIONS,
		WPK_DNN_CONVOLUTION_STRIDES, WPK_DNN_CONVOLUTION_POST,
		WPK_DNN_CONVOLUTION_PRE };
	int64_t spatial = number_of(d, WPK_DNN_CONVOLUTION_SPATIAL), n;

	if (int_of(d, WPK_DNN_CONVOLUTION_MODE) != WPK_DNN_CROSS_CORRELATION ||
	    int_of(d, WPK_DNN_CONVOLUTION_COMPUTE) < 0 || spatial < 2 ||
	    spatial > 3)
		return BAD_PARAM;
	for (int i = 0; i < 4; i++)
		if (!attribute_of(d, names[i], &n) || n != spatial)
			return BAD_PARAM;
	return 0;
}

static int64_t entry(const struct descriptor *d, int name, int64_t i)
{
	int64_t n;

	return ((const int64_t *)attribute_of(d, name, &n))[i];
}

/* Of a forward convolution; x and y change places in the other direction. */
static int check_conv(const struct descriptor *c, const struct descriptor *x,
	const struct descriptor *w, const struct descriptor *y)
{
	int64_t nx, nw, ny;
	const int64_t *dx = dims_of(x, &nx), *dw = dims_of(w, &nw);
	const int64_t *dy = dims_of(y, &ny);

	if (nx != nw || nx != ny || nx - 2 != number_of(c,
	    WPK_DNN_CONVOLUTION_SPATIAL) || dx[0] != dy[0] || dw[0] != dy[1] ||
	    dx[1] % dw[1] || dw[0] % (dx[1] / dw[1]))
		return BAD_PARAM;
	for (int64_t i = 0; i < nx - 2; i++) {
		int64_t span = entry(c, WPK_DNN_CONVOLUTION_DILATIONS, i) *
			(dw[i + 2] - 1) + 1;
		int64_t room = dx[i + 2] - span +
			entry(c, WPK_DNN_CONVOLUTION_PRE, i) +
			entry(c, WPK_DNN_CONVOLUTION_POST, i);

		if (room < 0 || dy[i + 2] != room /
		    entry(c, WPK_DNN_CONVOLUTION_STRIDES, i) + 1)
			return BAD_PARAM;
	}
	return 0;
}

static int check_forward(struct descriptor *d)
{
	if (!HAS(d, WPK_DNN_FORWARD_ALPHA, WPK_DNN_FORWARD_BETA,
	    WPK_DNN_FORWARD_CONVOLUTION, WPK_DNN_FORWARD_X, WPK_DNN_FORWARD_W,
	    WPK_DNN_FORWARD_Y))
		return BAD_PARAM;
	return check_conv(child_of(d, WPK_DNN_FORWARD_CONVOLUTION),
		child_of(d, WPK_DNN_FORWARD_X), child_of(d, WPK_DNN_FORWARD_W),
		child_of(d, WPK_DNN_FORWARD_Y));
}

static int check_backward(struct descriptor *d)
{
	if (!HAS(d, WPK_DNN_BACKWARD_ALPHA, WPK_DNN_BACKWARD_BETA,
	    WPK_DNN_BACKWARD_CONVOLUTION, WPK_DNN_BACKWARD_DX,
	    WPK_DNN_BACKWARD_W, WPK_DNN_BACKWARD_DY))
		return BAD_PARAM;
	return check_conv(child_of(d, WPK_DNN_BACKWARD_CONVOLUTION),
		child_of(d, WPK_DNN_BACKWARD_DX),
		child_of(d, WPK_DNN_BACKWARD_W),
		child_of(d, WPK_DNN_BACKWARD_DY));
}

static int check_product(struct descriptor *d)
{
	int64_t na, nb, nc;
	const int64_t *a, *b, *c;

	if (!HAS(d, WPK_DNN_PRODUCT_A, WPK_DNN_PRODUCT_B, WPK_DNN_PRODUCT_C,
	    WPK_DNN_PRODUCT_MATMUL))
		return BAD_PARAM;
	a = dims_of(child_of(d, WPK_DNN_PRODUCT_A), &na);
	b = dims_of(child_of(d, WPK_DNN_PRODUCT_B), &nb);
	c = dims_of(child_of(d, WPK_DNN_PRODUCT_C), &nc);
	if (na != 3 || nb != 3 || nc != 3 || a[1] != c[1] || b[2] != c[2] ||
	    a[2] != b[1] || (a[0] != c[0] && a[0] != 1) ||
	    (b[0] != c[0] && b[0] != 1))
		return BAD_PARAM;
	return 0;
}

static bool spreads(const struct descriptor *x, const struct descriptor *y)
{
	int64_t nx, ny;
	const int64_t *dx = dims_of(x, &nx), *dy = dims_of(y, &ny);

	if (nx != ny)
		return false;
	for (int64_t i = 0; i < nx; i++)
		if (dx[i] != dy[i] && dx[i] != 1)
			return false;
	return true;
}

/* One tensor, or two where the mode is of two. */
static int check_apply(struct descriptor *d)
{
	struct descriptor *b = child_of(d, WPK_DNN_APPLY_B), *p, *y;
	int mode;

	if (!HAS(d, WPK_DNN_APPLY_X, WPK_DNN_APPLY_Y, WPK_DNN_APPLY_POINTWISE))
		return BAD_PARAM;
	p = child_of(d, WPK_DNN_APPLY_POINTWISE);
	y = child_of(d, WPK_DNN_APPLY_Y);
	mode = int_of(p, WPK_DNN_POINTWISE_MODE);
	if ((b != NULL) != (mode < 10 && mode != 4) ||
	    !spreads(child_of(d, WPK_DNN_APPLY_X), y) || (b && !spreads(b, y)))
		return BAD_PARAM;
	return 0;
}

static int check_pack(struct descriptor *d)
{
	int64_t n = 0, m = 0;

	attribute_of(d, WPK_DNN_PACK_IDS, &n);
	attribute_of(d, WPK_DNN_PACK_POINTERS, &m);
	return n && n == m && HAS(d, WPK_DNN_PACK_WORKSPACE) ? 0 : BAD_PARAM;
}

int check(struct descriptor *d)
{
	switch (d->kind) {
	case WPK_DNN_TENSOR: return check_tensor(d);
	case WPK_DNN_CONVOLUTION: return check_convolution(d);
	case WPK_DNN_OPERATION_FORWARD: return check_forward(d);
	case WPK_DNN_OPERATION_BACKWARD: return check_backward(d);
	case WPK_DNN_OPERATION_MATMUL: return check_product(d);
	case WPK_DNN_OPERATION_POINTWISE: return check_apply(d);
	case WPK_DNN_PACK: return check_pack(d);
	case WPK_DNN_POINTWISE: return HAS(d, WPK_DNN_POINTWISE_MODE,
		WPK_DNN_POINTWISE_PRECISION) ? 0 : BAD_PARAM;
	case WPK_DNN_MATMUL: return HAS(d, WPK_DNN_MATMUL_COMPUTE) ? 0 :
		BAD_PARAM;
	case WPK_DNN_GRAPH: return HAS(d, WPK_DNN_GRAPH_HANDLE,
		WPK_DNN_GRAPH_OPERATIONS) ? 0 : BAD_PARAM;
	case WPK_DNN_HEURISTIC: return HAS(d, WPK_DNN_HEURISTIC_GRAPH,
		WPK_DNN_HEURISTIC_MODE) ? 0 : BAD_PARAM;
	case WPK_DNN_ENGINE: return HAS(d, WPK_DNN_ENGINE_GRAPH,
		WPK_DNN_ENGINE_INDEX) ? 0 : BAD_PARAM;
	case WPK_DNN_CONFIG: return HAS(d, WPK_DNN_CONFIG_ENGINE) ? 0 :
		BAD_PARAM;
	case WPK_DNN_KNOB_CHOICE: return HAS(d, WPK_DNN_CHOICE_TYPE,
		WPK_DNN_CHOICE_VALUE) ? 0 : BAD_PARAM;
	case WPK_DNN_PLAN: return HAS(d, WPK_DNN_PLAN_HANDLE,
		WPK_DNN_PLAN_CONFIG) ? 0 : BAD_PARAM;
	default: return BAD_PARAM;
	}
}
