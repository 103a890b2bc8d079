/* SPDX-License-Identifier: MIT */
/* The whole of a GPU or a slice of it: by a green context, which has some of
 * the multiprocessors, or by MPS, whose server is told a percentage. */
#include "runtime/worker/cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char why[300];

static const char *failed(const char *call, int status)
{
	snprintf(why, sizeof why, "%s: %s", call, cuda_error(status));
	return why;
}

const char *share_prepare(int share, bool mps)
{
	const char *folder = getenv("CUDA_MPS_PIPE_DIRECTORY");
	char path[4096], percent[8];

	if (share == 100 || !mps)
		return NULL;
	snprintf(path, sizeof path, "%s/control", folder && *folder ? folder :
		"/tmp/nvidia-mps");
	if (access(path, F_OK))
		return "no MPS server runs: start nvidia-cuda-mps-control -d, "
			"or leave :mps out";
	snprintf(percent, sizeof percent, "%d", share);
	setenv("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", percent, 1);
	return NULL;
}

/* At least as many multiprocessors as the share is, as many as the device can
 * cut off. */
static const char *open_green(int device, int share, wpk_cu *stream, int *sms)
{
	struct wpk_cu_resource all = { 0 }, part = { 0 }, rest = { 0 };
	const char *lacks = cuda_lacks_green(&cuda);
	wpk_cu description, green, context;
	unsigned groups = 1, want;
	int status;

	if (lacks) {
		snprintf(why, sizeof why, "the CUDA driver is too old to cut a "
			"GPU into slices: it has no %s", lacks);
		return why;
	}
	status = cuda.resource(device, &all, WPK_CU_RESOURCE_SM);
	if (status)
		return failed("cuDeviceGetDevResource", status);
	want = (all.of.sms * (unsigned)share + 99) / 100;
	status = cuda.split(&part, &groups, &all, &rest, 0, want);
	if (status)
		return failed("cuDevSmResourceSplitByCount", status);
	status = cuda.describe(&description, &part, 1);
	if (status)
		return failed("cuDevResourceGenerateDesc", status);
	status = cuda.green(&green, description, device, WPK_CU_GREEN_STREAM);
	if (status)
		return failed("cuGreenCtxCreate", status);
	status = cuda.green_context(&context, green);
	if (!status)
		status = cuda.set_current(context);
	if (status)
		return failed("cuCtxFromGreenCtx", status);
	status = cuda.green_stream(stream, green, WPK_CU_STREAM_NON_BLOCKING,
		0);
	*sms = (int)part.of.sms;
	return status ? failed("cuGreenCtxStreamCreate", status) : NULL;
}

const char *share_open(int device, int share, bool mps, wpk_cu *stream,
	const char **by, int *sms)
{
	wpk_cu context;
	int status = cuda.retain(&context, device);

	*by = "";
	if (!status)
		status = cuda.set_current(context);
	if (status)
		return failed("cuDevicePrimaryCtxRetain", status);
	if (share < 100 && !mps) {
		*by = "a green context";
		return open_green(device, share, stream, sms);
	}
	if (share < 100)
		*by = "MPS";
	status = cuda.stream(stream, WPK_CU_STREAM_NON_BLOCKING);
	return status ? failed("cuStreamCreate", status) : NULL;
}
