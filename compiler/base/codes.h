/* SPDX-License-Identifier: MIT */
/* Codes of diagnostics: one row a kind of mistake, by which wpkc --explain
 * finds its explanation (driver/explain.c). A code keeps its meaning for ever;
 * one that no message uses any more is not given to another. */
#ifndef WPK_COMPILER_BASE_CODES_H
#define WPK_COMPILER_BASE_CODES_H

/* CODE(NAME, number, what is wrong) */
#define DIAG_CODES(CODE) \
	CODE(STRAY, 101, "a character that the language does not have") \
	CODE(NUMBER, 102, "a malformed number") \
	CODE(UNCLOSED, 103, "a comment or string that is never closed") \
	CODE(SYNTAX, 104, "a word or sign where the grammar has none") \
	CODE(LIMIT, 105, "more of something than the compiler takes") \
	CODE(UNKNOWN, 201, "a name that means nothing here") \
	CODE(UNKNOWN_OPERATOR, 202, "an operator that nobody defines") \
	CODE(UNKNOWN_DTYPE, 203, "a dtype that the language does not have") \
	CODE(TWICE, 204, "a name that is given, defined or imported twice") \
	CODE(KIND, 205, "a name of another kind of thing") \
	CODE(AMBIGUOUS, 206, "a name with several meanings") \
	CODE(C_NAME, 207, "two things with one name in emitted C") \
	CODE(ORDER, 208, "a name used before it has its meaning") \
	CODE(RECURSION, 209, "a function or operator that uses itself") \
	CODE(IMPORT, 301, "an import that is not found") \
	CODE(UNREADABLE, 302, "a file that cannot be read") \
	CODE(IMPORT_CYCLE, 303, "files that import one another") \
	CODE(FORGOTTEN_INDEX, 401, "an index that nothing binds") \
	CODE(RANK, 402, "as many indices as the tensor does not have") \
	CODE(READ_BOUNDS, 403, "a read that may leave its tensor") \
	CODE(WRITE_BOUNDS, 404, "a write that leaves its tensor") \
	CODE(EXTENT_UNKNOWN, 405, "an index whose extent nothing tells") \
	CODE(EXTENTS_DISAGREE, 406, "extents that should be equal and are not") \
	CODE(COMPUTED_INDEX, 407, "a computed index without pad") \
	CODE(PAD, 408, "a pad that is no value for its tensor") \
	CODE(INDEX_TYPE, 409, "an index or size that is no integer") \
	CODE(COVERAGE, 410, "an output not written exactly once") \
	CODE(EMPTY, 411, "a reduction over nothing, or an empty extent") \
	CODE(CONVERSION, 501, "a value that does not become the type by itself") \
	CODE(TRUTH, 502, "a truth value expected, or not") \
	CODE(ARGUMENTS, 503, "a wrong number of arguments") \
	CODE(REDUCER, 504, "a reduction that cannot stand like this") \
	CODE(ZERO_DIVISION, 505, "a division by zero") \
	CODE(CONSTANT, 506, "something that must be constant and is not") \
	CODE(SIZE_OPEN, 601, "a size or attribute without a value") \
	CODE(SIZE_VALUE, 602, "a value that no size can have") \
	CODE(OVERFLOW, 603, "a size or a number of elements too large") \
	CODE(WHERE, 604, "a condition that does not hold") \
	CODE(ATTRIBUTE, 605, "an attribute that cannot be set so") \
	CODE(INSTANCE, 606, "an instance where an operator is wanted") \
	CODE(SIZE_EXPRESSION, 607, "a size made of what is no size") \
	CODE(LAYOUT, 701, "a layout that does not order the dimensions") \
	CODE(STRIDE, 702, "strides that do not fit the tensor") \
	CODE(ALIGN, 703, "an alignment that is no power of two") \
	CODE(QUALIFIER, 704, "an unknown or repeated qualifier") \
	CODE(UNKNOWN_DIRECTIVE, 801, "a directive that does not exist") \
	CODE(PLACE, 802, "a directive that does not belong here") \
	CODE(DIRECTIVE_FORM, 803, "a directive with the wrong arguments") \
	CODE(SUBJECT, 804, "a directive about what the operator does not have") \
	CODE(VALUE, 805, "a value or range that a directive cannot take") \
	CODE(TARGET, 806, "an unknown or empty range of targets") \
	CODE(WHEN, 807, "a condition of a schedule without a value") \
	CODE(SHAPE, 808, "a shape that does not fit the operator") \
	CODE(NO_SKETCH, 901, "no way to compute this as asked") \
	CODE(UNTAKEN, 902, "a directive that no kernel takes") \
	CODE(HANDWRITTEN, 903, "a hand-written file that cannot be used") \
	CODE(IR_TEXT, 1001, "a text that is no operator IR")

enum diag_code {
	E_NONE,
#define CODE(name, number, title) E_##name = number,
	DIAG_CODES(CODE)
#undef CODE
	W_UNUSED = 1
};

#endif
