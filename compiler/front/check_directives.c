/* SPDX-License-Identifier: MIT */
/* Directives: known, legal in their block, and naming only what exists. What a
 * positional argument or a key means comes from the table in names.c; whether
 * a sketch can honour it is not decided here. */
#include "front/directives.h"

#include <stdlib.h>
#include <string.h>

#include "front/names.h"

static const char *place_name(unsigned place)
{
	return place == IN_SCHEDULE ? "a schedule" :
		place == IN_TUNE ? "a tune block" : "a test block";
}

static const struct ast_decl *find_input(const struct block *b,
	const char *name)
{
	const struct ast_item *op = b->op.item;

	for (int i = 0; i < op->n_inputs; i++)
		if (!strcmp(op->inputs[i].name.text, name))
			return &op->inputs[i];
	return NULL;
}

/* Does the name end in what packing appends: axes put together, and how many
 * elements? x_sc8 is x along sc by 8. */
static bool is_packed(const struct block *b, const char *name)
{
	size_t n = strlen(name);

	while (n && strchr("0123456789_", name[n - 1]))
		n--;
	name = arena_strndup(b->c->a, name, n);
	for (const char *p = name; (p = strchr(p, '_')); p++) {
		const char *of = arena_strndup(b->c->a, name,
			(size_t)(p - name));

		if (p[1] && known_axis(b, p + 1) && (find_input(b, of) ||
		    table_get(&b->names->statements, of)))
			return true;
	}
	return false;
}

/* A statement, or what the compiler makes one of inside of it: y_red0 is the first
 * reduction in y, y_factor0 the first factor that is written, y_part0 the first
 * statistic of y's parts, y_other0 product y once more; x_sc8 is x packed. */
bool known_statement(const struct block *b, const char *name)
{
	static const char *const made[] = { "_red", "_factor", "_part",
		"_other" };
	size_t n = strlen(name), digits = 0;

	if (table_get(&b->names->statements, name))
		return true;
	while (digits < n && strchr("0123456789", name[n - digits - 1]))
		digits++;
	n -= digits;
	for (size_t i = 0; digits && i < sizeof made / sizeof *made; i++) {
		size_t tail = strlen(made[i]);

		if (n > tail && !strncmp(name + n - tail, made[i], tail))
			return known_statement(b, arena_strndup(b->c->a, name,
				n - tail));
	}
	return digits && is_packed(b, name);
}

/* A statement and its axes put together: acc.crs. */
static bool is_pair(const struct block *b, const char *name)
{
	const char *point = strrchr(name, '.');

	return point && known_axis(b, point + 1) && known_statement(b,
		arena_strndup(b->c->a, name, (size_t)(point - name)));
}

/* True if "name" is what the directive's positional names are. */
static bool is_subject(const struct block *b, enum names_subject subject,
	const struct names_directive *d, const char *name)
{
	switch (subject) {
	case OF_WORDS:
		return names_has(d->words, name);
	case OF_AXES: case OF_SOME_AXES:
		return known_axis(b, name);
	case OF_INPUTS:
		return find_input(b, name);
	case OF_TENSORS:
		return find_input(b, name) || known_statement(b, name);
	case OF_STATEMENTS:
		return known_statement(b, name);
	case OF_REDUCTIONS:
		return table_get(&b->names->pairs, name) ||
			known_statement(b, name) || is_pair(b, name);
	default:
		return false;
	}
}

static void note_words(struct block *b, const struct names_directive *d,
	const char *near)
{
	diag_note(b->c->d, (struct span){0}, "the words here are %s",
		str_some(b->c->a, near, d->words));
}

static void report_no_word(struct block *b, const struct ast_dir *d,
	const struct names_directive *row)
{
	diag_error(b->c->d, E_DIRECTIVE_FORM, d->name.at,
		"'%s' needs a word first", row->name);
	note_words(b, row, "");
}

static void report_word(struct block *b, const struct names_directive *d,
	const struct ast_expr *e)
{
	diag_error(b->c->d, E_SUBJECT, e->at, "unknown word '%s'", e->name);
	note_words(b, d, e->name);
	hint_nearest(b->c->d, e->name, str_nearest(e->name, d->words));
}

static const char *nearest_tensor(struct block *b, const char *name,
	bool inputs, bool statements)
{
	const struct ast_item *op = b->op.item;
	const struct table *tables[2];
	struct table in;
	int n = 0;

	table_init(&in, b->c->a);
	for (int i = 0; inputs && i < op->n_inputs; i++)
		table_put(&in, op->inputs[i].name.text, &in);
	tables[n++] = &in;
	if (statements)
		tables[n++] = &b->names->statements;
	return nearest_key(b->c->a, name, tables, n);
}

static void report_subject(struct block *b, enum names_subject subject,
	const struct names_directive *d, const struct ast_expr *e)
{
	const struct table *pairs = &b->names->pairs;
	const char *op = b->op.item->name.text;

	switch (subject) {
	case OF_WORDS:
		report_word(b, d, e);
		break;
	case OF_AXES: case OF_SOME_AXES:
		report_axis(b, e->name, e->at);
		break;
	case OF_INPUTS: case OF_TENSORS:
		diag_error(b->c->d, E_SUBJECT, e->at, "'%s' is no %s of '%s'", e->name,
			subject == OF_INPUTS ? "input" : "tensor", op);
		hint_nearest(b->c->d, e->name, nearest_tensor(b, e->name, true,
			subject == OF_TENSORS));
		break;
	case OF_STATEMENTS:
		diag_error(b->c->d, E_SUBJECT, e->at, "'%s' is no statement of '%s'",
			e->name, op);
		hint_nearest(b->c->d, e->name,
			nearest_tensor(b, e->name, false, true));
		break;
	case OF_REDUCTIONS:
		diag_error(b->c->d, E_SUBJECT, e->at, "'%s' is no axis of a statement of "
			"'%s'", e->name, op);
		diag_note(b->c->d, (struct span){0},
			"such an axis is written acc.k: statement, point, axis");
		hint_nearest(b->c->d, e->name,
			nearest_key(b->c->a, e->name, &pairs, 1));
		break;
	default:
		diag_error(b->c->d, E_DIRECTIVE_FORM, e->at,
			"'%s' takes no '%s' here", d->name,
			e->name);
	}
}

static void check_string(struct block *b, const struct names_directive *d,
	const struct ast_expr *v)
{
	if (v->kind != AST_STRING)
		diag_error(b->c->d, E_DIRECTIVE_FORM, v->at,
			"'%s' takes a string", d->name);
	else if (!*v->name)
		diag_error(b->c->d, E_DIRECTIVE_FORM, v->at, "the string is empty");
}

static void check_at(struct block *b, const struct ast_expr *v)
{
	for (int i = 0; v->kind == AST_SET && i < v->n_args; i++)
		check_at(b, v->args[i]);
	if (v->kind == AST_NAME && !known_axis(b, v->name))
		report_axis(b, v->name, v->at);
	else if (v->kind != AST_NAME && v->kind != AST_SET)
		diag_error(b->c->d, E_DIRECTIVE_FORM, v->at, "an axis is expected here");
}

/* Positional argument number "i": the subject, or one of the directive's own
 * values behind it. */
static void check_positional(struct block *b, const struct names_directive *d,
	const struct ast_expr *v, int i)
{
	enum names_subject subject = d->subject;
	bool value_may_stand = i || subject == OF_SOME_AXES;

	if (subject == OF_STRING) {
		check_string(b, d, v);
		return;
	}
	if (subject == OF_ORDER && (i || v->kind != AST_NAME ||
	    !known_statement(b, v->name))) {
		check_at(b, v);
		return;
	}
	if (subject == OF_ORDER || subject == OF_PLACE)
		subject = i ? OF_AXES : OF_STATEMENTS;
	if (v->kind != AST_NAME) {
		if (!value_may_stand || subject == OF_NOTHING ||
		    subject == OF_WORDS || d->subject == OF_PLACE)
			diag_error(b->c->d, E_VALUE, v->at,
				"'%s' takes no such value here", d->name);
		else
			check_value(b, v, d->words);
		return;
	}
	if (is_subject(b, subject, d, v->name))
		return;
	if (value_may_stand && subject != OF_WORDS &&
	    (names_has(d->words, v->name) || table_get(&b->params, v->name)))
		return;
	report_subject(b, subject, d, v);
}

static const struct names_key *find_key(const struct names_directive *d,
	const char *name)
{
	for (int i = 0; d->keys && d->keys[i].name; i++)
		if (!strcmp(d->keys[i].name, name))
			return &d->keys[i];
	return NULL;
}

static const char *nearest_of_keys(struct arena *a,
	const struct names_directive *d, const char *name)
{
	struct table t;
	const struct table *tables = &t;

	table_init(&t, a);
	for (int i = 0; d->keys && d->keys[i].name; i++)
		table_put(&t, d->keys[i].name, &t);
	return nearest_key(a, name, &tables, 1);
}

static void report_key(struct block *b, const struct names_directive *d,
	const struct ast_arg *arg)
{
	diag_error(b->c->d, E_DIRECTIVE_FORM, arg->key_at,
		"'%s' has no '%s'", d->name, arg->key);
	hint_nearest(b->c->d, arg->key, nearest_of_keys(b->c->a, d, arg->key));
}

/* "20m": a number of seconds, minutes or hours. */
static void check_time(struct block *b, const struct ast_expr *v)
{
	char *end = NULL;
	double t = v->kind == AST_STRING ? strtod(v->name, &end) : 0;

	if (t > 0 && t < 1e9 && end && *end && strchr("smh", *end) && !end[1])
		return;
	diag_error(b->c->d, E_VALUE, v->at, "a time is a string such as \"90s\", \"20m\" "
		"or \"2h\"");
}

static void check_trials(struct block *b, const struct ast_expr *v)
{
	int64_t n;

	if (!constant(v, &n) || n < 1 || n > 100000000)
		diag_error(b->c->d, E_VALUE, v->at, "trials is a whole number "
			"from 1 to 100000000");
}

/* As many elements as an instruction copies of some type, or two of them. */
static void check_pack(struct block *b, const struct ast_expr *v)
{
	int64_t n;

	for (int i = 0; v->kind == AST_SET && i < v->n_args; i++)
		check_pack(b, v->args[i]);
	if (!constant(v, &n) || n == 4 || n == 8 || n == 16)
		return;
	diag_error(b->c->d, E_VALUE, v->at, "a tensor is packed by 4, 8 or 16 "
		"elements, not by %lld", (long long)n);
	diag_hint(b->c->d, "Take %d.", n < 6 ? 4 : n < 12 ? 8 : 16);
}

/* Which sketches there are is known later. */
static void check_sketch(struct block *b, const struct ast_expr *v)
{
	if (v->kind != AST_NAME)
		diag_error(b->c->d, E_VALUE, v->at, "the name of a sketch is "
			"expected here");
}

static void check_keyed_word(struct block *b, const struct names_directive *d,
	const struct ast_arg *arg)
{
	const struct names_key *key = find_key(d, arg->key);

	if (!key)
		report_key(b, d, arg);
	else if (!strcmp(key->name, "at") || !strcmp(key->name, "along"))
		check_at(b, arg->value);
	else if (!strcmp(key->name, "time"))
		check_time(b, arg->value);
	else if (!strcmp(key->name, "trials"))
		check_trials(b, arg->value);
	else if (!strcmp(key->name, "sketch"))
		check_sketch(b, arg->value);
	else if (!strcmp(key->name, "pack") && arg->value->kind != AST_NAME)
		check_pack(b, arg->value);
	else
		check_value(b, arg->value, key->words);
}

static void check_fuse(struct block *b, const struct ast_arg *arg)
{
	const struct symbol *y = scope_find(b->signature, arg->key);

	if (named_axis(b, arg->key) || (y && y->kind != SYM_ERROR))
		diag_error(b->c->d, E_TWICE, arg->key_at, "'%s' is already %s", arg->key,
			y ? symbol_kind_name(y->kind) : "an axis");
	if (arg->value->kind != AST_SET || arg->value->n_args < 2)
		diag_error(b->c->d, E_DIRECTIVE_FORM, arg->value->at,
			"a fused axis is made of a set of axes, as in {n, p}");
	else
		check_at(b, arg->value);
	table_put(&b->made, arg->key, b);
}

static bool fixed_by_instance(const struct block *b, const char *name)
{
	for (int i = 0; b->instance && i < b->instance->n_attrs; i++)
		if (!strcmp(b->instance->attrs[i].name.text, name))
			return true;
	return false;
}

/* Sizes start at 1, attributes at 0. */
static void check_size_of_shape(struct block *b, const struct symbol *y,
	const struct ast_expr *v)
{
	bool size = y->kind == SYM_SIZE;
	int64_t n;

	for (int i = 0; v->kind == AST_SET && i < v->n_args; i++)
		check_size_of_shape(b, y, v->args[i]);
	if (constant(v, &n) && n < size)
		diag_error(b->c->d, E_SIZE_VALUE, v->at, size ?
			"size '%s' is %lld; sizes start at 1" :
			"'%s' is %lld, and a shape gives no negative numbers",
			y->name, (long long)n);
}

static void check_shape(struct block *b, const struct names_directive *d,
	const struct ast_arg *arg)
{
	const unsigned kinds = 1u << SYM_SIZE | 1u << SYM_ATTR;
	const struct symbol *y = scope_find(b->signature, arg->key);

	if (find_key(d, arg->key) && b->place == IN_TUNE) {
		check_keyed_word(b, d, arg);
		return;
	}
	if (!y || !(kinds & 1u << y->kind)) {
		diag_error(b->c->d, E_SHAPE, arg->key_at, y && y->kind == SYM_DERIVED ?
			"'%s' is computed by '%s' and cannot be given" :
			"'%s' is no symbolic size of '%s'",
			arg->key, b->op.item->name.text);
		if (!y || y->kind == SYM_ERROR)
			hint_nearest(b->c->d, arg->key, scope_nearest(
				b->signature, arg->key, kinds));
		return;
	}
	if (fixed_by_instance(b, arg->key))
		diag_error(b->c->d, E_SHAPE, arg->key_at,
			"'%s' has a value in instance '%s' already", arg->key,
			b->instance->name.text);
	check_value(b, arg->value, NULL);
	check_size_of_shape(b, y, arg->value);
}

static void check_keyed(struct block *b, const struct names_directive *d,
	const struct ast_arg *arg)
{
	switch (d->keyed) {
	case BY_LIST:
		check_keyed_word(b, d, arg);
		break;
	case BY_AXIS:
		if (find_key(d, arg->key)) {
			check_keyed_word(b, d, arg);
			break;
		}
		if (!known_axis(b, arg->key))
			report_axis(b, arg->key, arg->key_at);
		check_value(b, arg->value,
			d->subject == OF_WORDS ? NULL : d->words);
		break;
	case BY_NEW_AXIS:
		check_fuse(b, arg);
		break;
	case BY_SIZE:
		check_shape(b, d, arg);
		break;
	case BY_TUNABLE:
		check_tunable(b, arg->key, arg->key_at);
		check_seed(b, arg->key, arg->value);
	}
}

static void check_count(struct block *b, const struct ast_dir *d,
	const struct names_directive *row, int positional)
{
	int keyed = d->n_args - positional;

	if (row->subject == OF_PLACE && positional != 2)
		diag_error(b->c->d, E_DIRECTIVE_FORM, d->name.at,
			"'%s' takes a statement and an axis", row->name);
	else if (row->subject == OF_STRING && positional != 1)
		diag_error(b->c->d, E_DIRECTIVE_FORM, d->name.at, "'%s' takes one string",
			row->name);
	else if (row->subject == OF_WORDS && !positional)
		report_no_word(b, d, row);
	else if (row->subject != OF_NOTHING && !positional &&
		 !(row->keyed == BY_AXIS && keyed && (row->subject ==
		 OF_AXES || row->subject == OF_SOME_AXES)))
		diag_error(b->c->d, E_DIRECTIVE_FORM, d->name.at,
			"'%s' needs to say of what",
			row->name);
	else if (row->subject == OF_NOTHING && !keyed &&
		 (row->keyed != BY_LIST || row->keys))
		diag_error(b->c->d, E_DIRECTIVE_FORM, d->name.at,
			"'%s' says nothing", row->name);
}

static void check_args(struct block *b, const struct ast_dir *d,
	const struct names_directive *row)
{
	struct table keys;
	int n = 0;

	table_init(&keys, b->c->a);
	for (int i = 0; i < d->n_args && !diag_full(b->c->d); i++) {
		const struct ast_arg *arg = &d->args[i];

		if (!arg->key) {
			check_positional(b, row, arg->value, n++);
			continue;
		}
		if (table_get(&keys, arg->key))
			diag_error(b->c->d, E_TWICE, arg->key_at, "'%s' is given twice",
				arg->key);
		table_put(&keys, arg->key, (void *)arg);
		check_keyed(b, row, arg);
	}
	check_count(b, d, row, n);
}

void check_directive(struct block *b, const struct ast_dir *d)
{
	const struct names_directive *row = names_directive(d->name.text);

	if (!row) {
		diag_error(b->c->d, E_UNKNOWN_DIRECTIVE, d->name.at,
			"unknown directive '%s'",
			d->name.text);
		hint_nearest(b->c->d, d->name.text,
			str_nearest(d->name.text, front_directives()));
		return;
	}
	if (!(row->where & b->place)) {
		diag_error(b->c->d, E_PLACE, d->name.at, "'%s' does not belong in %s",
			d->name.text, place_name(b->place));
		return;
	}
	check_args(b, d, row);
}
