/* SPDX-License-Identifier: MIT */
/* Expressions as wpkc writes them: C's, over integers of 64 bits, without
 * assignments, calls and casts. They become instructions of a stack machine,
 * which knows no pointers and checks every result, so that a hostile plan can at
 * worst give a number that no size has. */
#include "runtime/lib/number.h"

#include <ctype.h>
#include <string.h>

enum { DEEPEST = 64, LONGEST = 1000 };

enum operation {
	PUSH, LOAD, NEGATE, NOT, MULTIPLY, DIVIDE, REST, ADD, SUBTRACT, LESS,
	LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, UNEQUAL, AND, OR, CHOOSE
};

struct number_code {
	enum operation op;
	int64_t value;			/* PUSH: it; LOAD: which name */
};

/* By how tightly they bind, as in C. Longer spellings first. */
static const struct binary {
	const char *text;
	int level;
	enum operation op;
} binaries[] = {
	{ "||", 1, OR }, { "&&", 2, AND }, { "==", 3, EQUAL },
	{ "!=", 3, UNEQUAL }, { "<=", 4, LESS_EQUAL },
	{ ">=", 4, GREATER_EQUAL }, { "<", 4, LESS }, { ">", 4, GREATER },
	{ "+", 5, ADD }, { "-", 5, SUBTRACT }, { "*", 6, MULTIPLY },
	{ "/", 6, DIVIDE }, { "%", 6, REST }
};

struct parse {
	const char *s, *why;
	const struct number_names *names;
	struct number_code code[LONGEST];
	int n, depth, stack;
};

static void choice(struct parse *p);

static void refuse(struct parse *p, const char *why)
{
	if (!p->why)
		p->why = why;
}

/* "pops" operands give way to one result. */
static void put(struct parse *p, enum operation op, int64_t value, int pops)
{
	p->stack += 1 - pops;
	if (p->n == LONGEST || p->stack > DEEPEST) {
		refuse(p, "is too long");
		p->n = 0;
	}
	p->code[p->n++] = (struct number_code){ op, value };
}

static void skip(struct parse *p)
{
	while (*p->s == ' ' || *p->s == '\n' || *p->s == '\t')
		p->s++;
}

static bool take(struct parse *p, const char *text)
{
	skip(p);
	if (strncmp(p->s, text, strlen(text)))
		return false;
	p->s += strlen(text);
	return true;
}

static void literal(struct parse *p)
{
	int64_t v = 0;

	for (; isdigit((unsigned char)*p->s); p->s++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *p->s - '0', &v))
			refuse(p, "has a number of more than 64 bits");
	put(p, PUSH, v, 0);
}

static void name(struct parse *p)
{
	const char *from = p->s;
	size_t n;

	while (isalnum((unsigned char)*p->s) || *p->s == '_')
		p->s++;
	n = (size_t)(p->s - from);
	for (int i = 0; i < p->names->n; i++)
		if (!strncmp(p->names->v[i], from, n) && !p->names->v[i][n]) {
			put(p, LOAD, i, 0);
			return;
		}
	refuse(p, "names what is no size");
}

static void unary(struct parse *p)
{
	if (++p->depth > DEEPEST) {
		refuse(p, "is too deep");
	} else if (take(p, "-")) {
		unary(p);
		put(p, NEGATE, 0, 1);
	} else if (take(p, "(")) {
		choice(p);
		if (!take(p, ")"))
			refuse(p, "lacks a parenthesis");
	} else if (p->s[0] == '!' && p->s[1] != '=') {
		p->s++;
		unary(p);
		put(p, NOT, 0, 1);
	} else if (isdigit((unsigned char)*p->s)) {
		literal(p);
	} else if (isalpha((unsigned char)*p->s) || *p->s == '_') {
		name(p);
	} else {
		refuse(p, "is no expression");
	}
	p->depth--;
}

static const struct binary *next_binary(struct parse *p, int least)
{
	skip(p);
	for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++)
		if (!strncmp(p->s, binaries[i].text, strlen(binaries[i].text)))
			return binaries[i].level >= least ? &binaries[i] : NULL;
	return NULL;
}

static void chain(struct parse *p, int least)
{
	const struct binary *b;

	unary(p);
	while (!p->why && (b = next_binary(p, least))) {
		p->s += strlen(b->text);
		chain(p, b->level + 1);
		put(p, b->op, 0, 2);
	}
}

/* Both branches are evaluated. */
static void choice(struct parse *p)
{
	chain(p, 1);
	if (p->why || !take(p, "?"))
		return;
	choice(p);
	if (!take(p, ":"))
		refuse(p, "lacks a colon");
	else
		choice(p);
	put(p, CHOOSE, 0, 3);
}

const char *number_parse(struct pool *pool, const char *text,
	const struct number_names *names, struct number *out)
{
	struct parse p = { .s = text, .names = names };
	struct number_code *code;

	choice(&p);
	skip(&p);
	if (*p.s)
		refuse(&p, "goes on where it should end");
	if (p.why)
		return p.why;
	code = pool_take(pool, (size_t)p.n, sizeof *code);
	if (!code)
		return "is too long for the memory there is";
	memcpy(code, p.code, (size_t)p.n * sizeof *code);
	*out = (struct number){ 0, code, p.n };
	return NULL;
}

bool number_is_name(const struct number *x, int name)
{
	return x->n == 1 && x->code->op == LOAD && x->code->value == name;
}

/* ---- evaluation ---- */

static bool divide(enum operation op, int64_t a, int64_t b, int64_t *out)
{
	if (!b || (a == INT64_MIN && b == -1))
		return false;
	*out = op == DIVIDE ? a / b : a % b;
	return true;
}

static bool binary(enum operation op, int64_t a, int64_t b, int64_t *out)
{
	switch (op) {
	case MULTIPLY:
		return !__builtin_mul_overflow(a, b, out);
	case ADD:
		return !__builtin_add_overflow(a, b, out);
	case SUBTRACT:
		return !__builtin_sub_overflow(a, b, out);
	case DIVIDE:
	case REST:
		return divide(op, a, b, out);
	default:
		*out = op == LESS ? a < b : op == LESS_EQUAL ? a <= b :
			op == GREATER ? a > b : op == GREATER_EQUAL ? a >= b :
			op == EQUAL ? a == b : op == UNEQUAL ? a != b :
			op == AND ? a && b : a || b;
		return true;
	}
}

bool number_value(const struct number *x, const int64_t *values, int64_t *out)
{
	int64_t stack[DEEPEST + 1];
	int n = 0;

	*out = x->value;
	for (int i = 0; i < x->n; i++) {
		const struct number_code *c = &x->code[i];

		if (c->op == PUSH || c->op == LOAD) {
			stack[n++] = c->op == PUSH ? c->value :
				values[c->value];
		} else if (c->op == NOT) {
			stack[n - 1] = !stack[n - 1];
		} else if (c->op == NEGATE) {
			if (__builtin_sub_overflow(0, stack[n - 1],
			    &stack[n - 1]))
				return false;
		} else if (c->op == CHOOSE) {
			n -= 2;
			stack[n - 1] = stack[n - 1] ? stack[n] : stack[n + 1];
		} else {
			n--;
			if (!binary(c->op, stack[n - 1], stack[n],
			    &stack[n - 1]))
				return false;
		}
	}
	if (x->n)
		*out = stack[0];
	return true;
}
