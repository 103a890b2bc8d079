/* SPDX-License-Identifier: MIT */
/* A fuzzer's target without the fuzzer: every file that is named goes through
 * it once. Files that were findings must not be findings again. */
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20 };

static char buffer[LARGEST];

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "r");
		size_t n;

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		n = fread(buffer, 1, sizeof buffer, f);
		fclose(f);
		LLVMFuzzerTestOneInput((const uint8_t *)buffer, n);
	}
	printf("%d files\n", argc - 1);
	return argc < 2;
}
