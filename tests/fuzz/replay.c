// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Runs a fuzzer over files, as TAP: one test for each folder given, and a last one that some input
// reached the target (a fuzzer that stops at the door finds nothing, and looks well doing so).
// Inputs are copied to the heap at their very size, so that the sanitizer sees a read beyond the
// end. When one kills the program, the sanitizer's last word is its name.
#include "fuzz.h"

#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SLOW 1.0 // seconds of CPU that no input may take, sanitizers included

void __sanitizer_set_death_callback(void (*callback)(void));
const char *__asan_default_options(void);

static const char *current = "none";

const char *__asan_default_options(void)
{
	return "handle_abort=1";
}

static void on_death(void)
{
	fprintf(stderr, "replay: it was %s\n", current);
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

// False where the file could not be read, or took too long.
static bool replay_file(const char *path, size_t size)
{
	uint8_t *bytes = malloc(size);
	FILE *in = fopen(path, "re");
	bool done = false;
	double start;

	current = path;
	if (in && fread(bytes, 1, size, in) == size) {
		start = cpu_seconds();
		LLVMFuzzerTestOneInput(bytes, size);
		done = cpu_seconds() - start < SLOW;
	}
	if (!done)
		printf("# %s: unreadable, or slow\n", path);
	if (in)
		fclose(in);
	free(bytes);
	return done;
}

static void replay_folder(const char *folder, int number)
{
	char *const roots[] = {(char *)folder, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t files = 0, bad = 0;
	FTSENT *entry;

	while (fts && (entry = fts_read(fts))) {
		if (entry->fts_info != FTS_F)
			continue;
		files++;
		bad += !replay_file(entry->fts_path, (size_t)entry->fts_statp->st_size);
	}
	if (fts)
		fts_close(fts);
	printf("%sok %d - %s: %zu inputs\n", files && !bad ? "" : "not ", number, folder, files);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	__sanitizer_set_death_callback(on_death);
	for (int i = 1; i < argc; i++)
		replay_folder(argv[i], i);
	printf("%sok %d - reaches its target: %lu times\n", fuzz_reached ? "" : "not ", argc,
	       fuzz_reached);
	printf("1..%d\n", argc);
	return 0;
}
