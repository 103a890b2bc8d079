/* SPDX-License-Identifier: MIT */
/* What is used of XGBoost's C API, declared anew: the library is opened at run
 * time, so its header need not be there. Where it is, tests/unit/boost_test.c
 * compares each row with it. */
#ifndef WPK_SEARCH_BOOST_API_H
#define WPK_SEARCH_BOOST_API_H

#include <stdint.h>

/* field, result, symbol, parameters. A result other than 0 is a failure, which
 * XGBGetLastError tells. */
#define BOOST_API(row) \
	row(version, void, XGBoostVersion, (int *, int *, int *)) \
	row(configure, int, XGBSetGlobalConfig, (const char *)) \
	row(last_error, const char *, XGBGetLastError, (void)) \
	row(matrix_create, int, XGDMatrixCreateFromMat_omp, (const float *, \
		uint64_t, uint64_t, float, void **, int)) \
	row(matrix_set, int, XGDMatrixSetFloatInfo, (void *, const char *, \
		const float *, uint64_t)) \
	row(matrix_free, int, XGDMatrixFree, (void *)) \
	row(create, int, XGBoosterCreate, (void *const *, uint64_t, void **)) \
	row(free, int, XGBoosterFree, (void *)) \
	row(set, int, XGBoosterSetParam, (void *, const char *, const char *)) \
	row(update, int, XGBoosterUpdateOneIter, (void *, int, void *)) \
	row(columns, int, XGBoosterGetNumFeature, (void *, uint64_t *)) \
	row(predict, int, XGBoosterPredictFromDMatrix, (void *, void *, \
		const char *, uint64_t const **, uint64_t *, float const **))

#endif
