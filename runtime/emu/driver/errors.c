/* SPDX-License-Identifier: MIT */
/* Names and texts of the codes. */
#include "runtime/emu/driver/driver.h"

static const struct row {
	CUresult code;
	const char *name, *text;
} rows[] = {
#define X(name, code, text) { name, #name, text },
	CUDA_ERRORS(X)
#undef X
};

static const struct row *row_of(CUresult error)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].code == error)
			return &rows[i];
	return NULL;
}

CUresult cuGetErrorName(CUresult error, const char **name)
{
	const struct row *r = row_of(error);

	if (!name)
		return CUDA_ERROR_INVALID_VALUE;
	*name = r ? r->name : NULL;
	return r ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text)
{
	const struct row *r = row_of(error);

	if (!text)
		return CUDA_ERROR_INVALID_VALUE;
	*text = r ? r->text : NULL;
	return r ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
