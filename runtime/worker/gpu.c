/* SPDX-License-Identifier: MIT */
#include "runtime/worker/worker.h"
static struct outcome no_open(json_t *hello) { (void)hello; return (struct outcome){ "launch", "not yet", true }; }
const struct device *device_gpu(int number, int share, bool mps)
{
	static const struct device d = { "gpu", no_open, NULL, NULL, NULL, NULL, NULL, NULL, NULL };
	(void)number; (void)share; (void)mps;
	return &d;
}
