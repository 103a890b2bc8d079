/* SPDX-License-Identifier: MIT */
/* Random numbers: a seed comes in, a stream of 64-bit words goes out, the
 * same on every machine. The generator is xoshiro256** 1.0 (Blackman and
 * Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4),
 * 2021); its state is filled by splitmix64 (Steele, Lea, Flood, OOPSLA 2014)
 * as its authors advise, so that seeds 1, 2, 3 give unrelated streams. Both
 * are in the public domain: https://prng.di.unimi.it/. */
#include "search/search.h"

#include <assert.h>

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void rng_seed(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* Words at or above the largest multiple of "n" are drawn again: every value
 * is exactly as likely as any other. Divisions are what it costs: most words need
 * but one, of one value none. */
int rng_below(struct rng *r, int n)
{
	uint64_t un = (uint64_t)n, word;

	assert(n > 0);
	do
		word = rng_next(r);
	while (word > UINT64_MAX - un && word >= UINT64_MAX - UINT64_MAX % un);
	return un > 1 ? (int)(word % un) : 0;
}

double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}
