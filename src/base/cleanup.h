// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Scope-bound resources: `auto_fd int fd = open(…)` closes when it goes out of scope.
// Only for things a function opens and closes itself; an owner that outlives the function frees by
// hand.
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file(FILE **file)
{
	if (*file != NULL)
		fclose(*file);
}

static inline void cleanup_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

#define auto_free                  __attribute__((cleanup(cleanup_free)))
#define auto_fd                    __attribute__((cleanup(cleanup_fd)))
#define auto_file                  __attribute__((cleanup(cleanup_file)))
#define auto_dir                   __attribute__((cleanup(cleanup_dir)))
#define must_check                 __attribute__((warn_unused_result))
#define printf_like(string, first) __attribute__((__format__(__printf__, string, first)))
