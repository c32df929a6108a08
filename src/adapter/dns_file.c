// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// resolv.conf(5) is asked for by name each time, as it may be a link whose target is replaced, and
// by nobody's notice: that is one system call for a batch of questions, and nothing to go wrong.
#include "adapter/dns_file.h"

static struct stat look(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? info : (struct stat){0};
}

void dns_file_open(struct dns_file *file, const char *path)
{
	file->path = path;
	file->seen = look(path);
}

bool dns_file_is_changed(struct dns_file *file)
{
	const struct stat now = look(file->path), before = file->seen;

	file->seen = now;
	return now.st_ino != before.st_ino || now.st_dev != before.st_dev ||
	       now.st_size != before.st_size || now.st_mtim.tv_sec != before.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != before.st_mtim.tv_nsec;
}
