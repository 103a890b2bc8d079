/* SPDX-License-Identifier: MIT */
/* The library of boosted trees, for tests. */
#ifndef WPK_TESTS_UNIT_BOOST_LIBRARY_H
#define WPK_TESTS_UNIT_BOOST_LIBRARY_H

#include "search/boost.h"

/* Where there is none the test is skipped, and why is told. */
const struct boost *boost_or_skip(struct arena *a);

#endif
