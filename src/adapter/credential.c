// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Which file a secret is read from. A credential goes before the file that the configuration
// names, so that the same configuration serves with systemd and without.
#include "adapter/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// dst is FOLDER/NAME, of path's last name; or of its last two, with an underscore between them.
static bool find(const char *folder, const char *name, bool is_joined, char dst[PATH_MAX])
{
	int len = snprintf(dst, PATH_MAX, "%s/%s", folder, name);
	char *slash = len < PATH_MAX ? strrchr(dst + strlen(folder) + 1, '/') : NULL;

	if (is_joined && slash != NULL)
		*slash = '_';
	return len < PATH_MAX && access(dst, F_OK) == 0;
}

const char *credential_place(const char *path, char dst[PATH_MAX])
{
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	const char *last = strrchr(path, '/'), *two = last;

	if (folder == NULL || last == NULL)
		return path;
	while (two > path && two[-1] != '/')
		two--;
	if (find(folder, last + 1, false, dst))
		return dst;
	return two < last && find(folder, two, true, dst) ? dst : path;
}

// The later of content and attributes: what rename(2) puts in place has an old mtime.
static bool is_newer(const struct stat *a, const struct stat *b)
{
	return a->st_ctim.tv_sec != b->st_ctim.tv_sec ? a->st_ctim.tv_sec > b->st_ctim.tv_sec
						      : a->st_ctim.tv_nsec > b->st_ctim.tv_nsec;
}

bool credential_is_stale(const char *path)
{
	char place[PATH_MAX];
	struct stat file, copy;
	const char *used = credential_place(path, place);

	return used != path && stat(path, &file) == 0 && stat(used, &copy) == 0 &&
	       is_newer(&file, &copy);
}
