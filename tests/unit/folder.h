// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A temporary folder for a test, and files in it.
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder_path[100];

// cmocka set-up: folder_path is a new folder, which others may enter.
static inline int folder_make(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(folder_path, sizeof(folder_path), "%s/postsix-XXXXXX",
		 base == NULL ? "/tmp" : base);
	return mkdtemp(folder_path) == NULL || chmod(folder_path, 0755) < 0 ? -1 : 0;
}

static inline int folder_remove_one(const char *path, const struct stat *info, int type,
				    struct FTW *at)
{
	(void)info, (void)type, (void)at;
	return remove(path);
}

// cmocka tear-down.
static inline int folder_remove(void **state)
{
	(void)state;
	return nftw(folder_path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// The path of a name in it, in one of four static buffers.
static inline const char *folder_file(const char *name)
{
	static char paths[4][400];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder_path, name);
	return path;
}

static inline void folder_write(const char *name, const void *data, size_t len)
{
	FILE *file = fopen(folder_file(name), "w");

	if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0)
		abort();
}
