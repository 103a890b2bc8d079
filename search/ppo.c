/* SPDX-License-Identifier: MIT */
/* Proximal policy optimisation (Schulman et al., "Proximal Policy Optimization
 * Algorithms", 2017, eq. 7 and 9) with advantages of GAE (Schulman et al.,
 * 2016, eq. 16) and Adam (Kingma and Ba, 2015). States come in, moves go out;
 * rewards come in, and the network changes. Two hidden layers of tanh carry
 * both heads: a logit for each move of each gene and the value of the state.
 * All is a function of the seed. */
#include "search/ppo.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { HIDDEN = 32, EPOCHS = 4 };
enum { LANES = 4 };	/* numbers that are worked on together */

#define DISCOUNT 0.9
#define LAMBDA 0.9
#define CLIP 0.2
#define RATE 3e-3
#define MOVING 1.0		/* genes in a step, at first */
#define VALUE_SHARE 0.5
#define ENTROPY_SHARE 0.01
#define MOST_SLOPE 0.5		/* norm of the gradient */

/* Rows are "wide" and there are "tall" of them: "in" and "out" rounded up to
 * LANES, and what is beyond stays 0. */
struct layer {
	int in, out, wide, tall;
	double *w, *b;		/* tall rows of "wide"; tall */
	double *dw, *db;	/* their gradients */
};

enum { N_LAYERS = 3 };

/* A state, and what the network makes of it: "chance" is of each move of each
 * gene, "log_chance" its logarithm. */
struct step {
	double *state, *hidden[N_LAYERS - 1], *out;
	double *chance, *log_chance;
	int *moves;
	double likely, value, reward;	/* "likely": log probability */
	double advantage, target;
	bool last;
};

struct ppo {
	int inputs, genes, outputs, n, cap;
	struct rng *rng;
	struct layer layers[N_LAYERS];
	int n_weights;
	double *weights, *slopes, *first, *second;	/* Adam's moments */
	int updates;
	struct step *steps;
	double *d_out, *d_hidden[N_LAYERS - 1];
};

/* ---- the network ---- */

static double normal(struct rng *rng)
{
	double u = 1 - rng_unit(rng), v = rng_unit(rng);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* The last layer starts small, and biased towards staying, so that one or two
 * genes move in a step. */
static void init_weights(struct ppo *p)
{
	for (int i = 0; i < N_LAYERS; i++) {
		struct layer *l = &p->layers[i];
		double size = (i == N_LAYERS - 1 ? 0.01 : 1) / sqrt(l->in);

		for (int o = 0; o < l->out; o++)
			for (int k = 0; k < l->in; k++)
				l->w[o * l->wide + k] = size * normal(p->rng);
	}
	for (int g = 0; g < p->genes; g++)
		p->layers[N_LAYERS - 1].b[PPO_MOVES * g + PPO_STAY] =
			log((PPO_MOVES - 1) * fmax(1, p->genes / MOVING - 1));
}

static void place_layers(struct ppo *p)
{
	double *w = p->weights, *d = p->slopes;

	for (int i = 0; i < N_LAYERS; i++) {
		struct layer *l = &p->layers[i];

		l->w = w;
		l->dw = d;
		l->b = w + l->wide * l->tall;
		l->db = d + l->wide * l->tall;
		w = l->b + l->tall;
		d = l->db + l->tall;
	}
}

static int rounded(int n)
{
	return (n + LANES - 1) / LANES * LANES;
}

static void place_step(struct ppo *p, struct arena *a, struct step *s)
{
	s->state = ARENA_ARRAY(a, rounded(p->inputs), double);
	for (int i = 0; i < N_LAYERS - 1; i++)
		s->hidden[i] = ARENA_ARRAY(a, HIDDEN, double);
	s->out = ARENA_ARRAY(a, rounded(p->outputs), double);
	s->chance = ARENA_ARRAY(a, p->outputs, double);
	s->log_chance = ARENA_ARRAY(a, p->outputs, double);
	s->moves = ARENA_ARRAY(a, p->genes, int);
}

struct ppo *ppo_create(struct arena *a, int inputs, int genes, int steps,
	struct rng *rng)
{
	struct ppo *p = ARENA_NEW(a, struct ppo);

	*p = (struct ppo){ .inputs = inputs, .genes = genes,
		.outputs = PPO_MOVES * genes + 1, .cap = steps, .rng = rng };
	for (int i = 0; i < N_LAYERS; i++) {
		struct layer *l = &p->layers[i];

		l->in = i ? HIDDEN : inputs;
		l->out = i == N_LAYERS - 1 ? p->outputs : HIDDEN;
		l->wide = rounded(l->in);
		l->tall = rounded(l->out);
		p->n_weights += (l->wide + 1) * l->tall;
	}
	p->weights = ARENA_ARRAY(a, p->n_weights, double);
	p->slopes = ARENA_ARRAY(a, p->n_weights, double);
	p->first = ARENA_ARRAY(a, p->n_weights, double);
	p->second = ARENA_ARRAY(a, p->n_weights, double);
	place_layers(p);
	init_weights(p);
	p->steps = ARENA_ARRAY(a, steps, struct step);
	for (int i = 0; i < steps; i++)
		place_step(p, a, &p->steps[i]);
	for (int i = 0; i < N_LAYERS - 1; i++)
		p->d_hidden[i] = ARENA_ARRAY(a, HIDDEN, double);
	p->d_out = ARENA_ARRAY(a, p->outputs, double);
	return p;
}

/* A sum waits for its last addition: those of LANES rows do so at once. */
static void apply(const struct layer *l, const double *x, double *y, bool bend)
{
	for (int o = 0; o < l->tall; o += LANES) {
		const double *w = l->w + o * l->wide;
		const double *w1 = w + l->wide, *w2 = w1 + l->wide;
		const double *w3 = w2 + l->wide;
		double a = l->b[o], b = l->b[o + 1];
		double c = l->b[o + 2], d = l->b[o + 3];

		for (int i = 0; i < l->in; i++) {
			a += w[i] * x[i];
			b += w1[i] * x[i];
			c += w2[i] * x[i];
			d += w3[i] * x[i];
		}
		y[o] = a;
		y[o + 1] = b;
		y[o + 2] = c;
		y[o + 3] = d;
	}
	for (int o = 0; bend && o < l->out; o++)
		y[o] = tanh(y[o]);
}

/* What the network makes of the state of "s". */
static void look(struct ppo *p, struct step *s)
{
	apply(&p->layers[0], s->state, s->hidden[0], true);
	apply(&p->layers[1], s->hidden[0], s->hidden[1], true);
	apply(&p->layers[2], s->hidden[1], s->out, false);
	for (int g = 0; g < p->genes; g++) {
		const double *z = s->out + PPO_MOVES * g;
		double *c = s->chance + PPO_MOVES * g, most = z[0], sum = 0;
		double *log_c = s->log_chance + PPO_MOVES * g;

		for (int k = 1; k < PPO_MOVES; k++)
			most = fmax(most, z[k]);
		for (int k = 0; k < PPO_MOVES; k++)
			sum += c[k] = exp(z[k] - most);
		for (int k = 0; k < PPO_MOVES; k++) {
			c[k] /= sum;
			log_c[k] = log(c[k] + 1e-12);
		}
	}
}

static double value(const struct ppo *p, const struct step *s)
{
	return s->out[p->outputs - 1];
}

/* to[i] += times * from[i] */
static void add(double *restrict to, const double *restrict from, double times,
	int n)
{
	for (int i = 0; i < n; i += LANES)
		for (int k = 0; k < LANES; k++)
			to[i + k] += times * from[i + k];
}

/* Add the gradient of layer "l", whose input was "x", given that of its
 * output; set that of its input unless "dx" is NULL. */
static void back(struct layer *l, const double *x, const double *dy,
	double *dx)
{
	if (dx)
		memset(dx, 0, (size_t)l->in * sizeof *dx);
	for (int o = 0; o < l->out; o++) {
		l->db[o] += dy[o];
		add(l->dw + o * l->wide, x, dy[o], l->wide);
		if (dx)
			add(dx, l->w + o * l->wide, dy[o], l->wide);
	}
}

static void unbend(const double *y, double *dy)
{
	for (int i = 0; i < HIDDEN; i++)
		dy[i] *= 1 - y[i] * y[i];
}

static void propagate(struct ppo *p, const struct step *s)
{
	back(&p->layers[2], s->hidden[1], p->d_out, p->d_hidden[1]);
	unbend(s->hidden[1], p->d_hidden[1]);
	back(&p->layers[1], s->hidden[0], p->d_hidden[1], p->d_hidden[0]);
	unbend(s->hidden[0], p->d_hidden[0]);
	back(&p->layers[0], s->state, p->d_hidden[0], NULL);
}

/* ---- acting ---- */

static double log_chance(const struct ppo *p, const struct step *s)
{
	double sum = 0;

	for (int g = 0; g < p->genes; g++)
		sum += s->log_chance[PPO_MOVES * g + s->moves[g]];
	return sum;
}

/* One of the moves, by their chances. */
static int draw(struct rng *rng, const double *chance)
{
	double u = rng_unit(rng);
	int k = 0;

	for (; k < PPO_MOVES - 1 && u >= chance[k]; k++)
		u -= chance[k];
	return k;
}

bool ppo_act(struct ppo *p, const double *state, int *moves)
{
	struct step *s = &p->steps[p->n];

	if (p->n == p->cap)
		return false;
	memcpy(s->state, state, (size_t)p->inputs * sizeof *state);
	look(p, s);
	for (int g = 0; g < p->genes; g++)
		moves[g] = draw(p->rng, s->chance + PPO_MOVES * g);
	memcpy(s->moves, moves, (size_t)p->genes * sizeof *moves);
	s->likely = log_chance(p, s);
	s->value = value(p, s);
	p->n++;
	return true;
}

void ppo_reward(struct ppo *p, double reward, bool last)
{
	assert(p->n);
	p->steps[p->n - 1].reward = reward;
	p->steps[p->n - 1].last = last;
}

/* ---- learning ---- */

/* Episodes are cut, not ended, so the last step's own value stands for what
 * would follow it. Advantages are brought to mean 0 and deviation 1. */
static void set_advantages(struct ppo *p)
{
	double ahead = 0, next = 0, sum = 0, squares = 0, sd;

	for (int i = p->n - 1; i >= 0; i--) {
		struct step *s = &p->steps[i];

		if (s->last) {
			ahead = 0;
			next = s->value;
		}
		ahead = s->reward + DISCOUNT * next - s->value
			+ DISCOUNT * LAMBDA * ahead;
		next = s->value;
		s->advantage = ahead;
		s->target = ahead + s->value;
		sum += ahead;
		squares += ahead * ahead;
	}
	sum /= p->n;
	sd = sqrt(fmax(0, squares / p->n - sum * sum)) + 1e-8;
	for (int i = 0; i < p->n; i++)
		p->steps[i].advantage = (p->steps[i].advantage - sum) / sd;
}

/* Gradient of the loss of step "s" by the network's outputs. */
static void set_output_slope(struct ppo *p, const struct step *s)
{
	double ratio = exp(log_chance(p, s) - s->likely);
	bool clipped = s->advantage > 0 ? ratio > 1 + CLIP : ratio < 1 - CLIP;
	double push = clipped ? 0 : -s->advantage * ratio / p->n;

	for (int g = 0; g < p->genes; g++) {
		const double *c = s->chance + PPO_MOVES * g;
		const double *log_c = s->log_chance + PPO_MOVES * g;
		double *d = p->d_out + PPO_MOVES * g, entropy = 0;

		for (int k = 0; k < PPO_MOVES; k++)
			entropy -= c[k] * log_c[k];
		for (int k = 0; k < PPO_MOVES; k++)
			d[k] = push * ((k == s->moves[g]) - c[k]) +
				ENTROPY_SHARE / p->n * c[k] *
				(log_c[k] + entropy);
	}
	p->d_out[p->outputs - 1] = VALUE_SHARE / p->n *
		(value(p, s) - s->target);
}

static void descend(struct ppo *p)
{
	double norm = 0, shrink, fade1, fade2;

	for (int i = 0; i < p->n_weights; i++)
		norm += p->slopes[i] * p->slopes[i];
	norm = sqrt(norm);
	shrink = norm > MOST_SLOPE ? MOST_SLOPE / norm : 1;
	p->updates++;
	fade1 = 1 - pow(0.9, p->updates);
	fade2 = 1 - pow(0.999, p->updates);
	for (int i = 0; i < p->n_weights; i++) {
		double d = p->slopes[i] * shrink;

		p->first[i] += 0.1 * (d - p->first[i]);
		p->second[i] += 0.001 * (d * d - p->second[i]);
		p->weights[i] -= RATE * p->first[i] / fade1 /
			(sqrt(p->second[i] / fade2) + 1e-8);
	}
}

/* Of the first epoch, what the network made of the states is known. */
void ppo_learn(struct ppo *p)
{
	if (!p->n)
		return;
	p->steps[p->n - 1].last = true;
	set_advantages(p);
	for (int epoch = 0; epoch < EPOCHS; epoch++) {
		memset(p->slopes, 0, (size_t)p->n_weights * sizeof *p->slopes);
		for (int i = 0; i < p->n; i++) {
			if (epoch)
				look(p, &p->steps[i]);
			set_output_slope(p, &p->steps[i]);
			propagate(p, &p->steps[i]);
		}
		descend(p);
	}
	p->n = 0;
}
