/* SPDX-License-Identifier: MIT */
/* What tf32 costs: kernels of a family of sketches are within the bound of the
 * precision that was asked for, and near enough to it that another is not. */
#ifndef WPK_TESTS_UNIT_TENSOR_PRECISION_H
#define WPK_TESTS_UNIT_TENSOR_PRECISION_H

#include "tensor_cases.h"

void tensor_precision_agrees(const struct tensor_family *of);

#endif
