// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The spool folder. Everything goes by the two folders' descriptors, which processes forked later
// share.
//
// Names are entry_name()'s: what begins with a dot is a temporary file of file_put_durably(). One
// is left behind whenever a writer is killed, so old ones are swept when the spool is opened.
#include "adapter/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/entry.h"
#include "base/file.h"
#include "base/mem.h"

#define STALE_AFTER 3600 // seconds; a writer that needs longer was killed

struct spool {
	int new_fd;
	int quarantine_fd;
	char *watch_path;
};

struct name {
	char text[ENTRY_NAME_MAX + 1];
};

static int folder_open(const char *path, const char *name)
{
	auto_fd int base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (base < 0)
		return -errno;
	fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

// A listing of its own: the descriptor's position is shared with every process that inherited it.
static int folder_list(int folder_fd, DIR **ret_dir)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_dir = fdopendir(fd);
	if (*ret_dir != NULL)
		return 0;
	close(fd);
	return -ENOMEM;
}

static void sweep(int folder_fd)
{
	const time_t now = time(NULL);
	auto_dir DIR *dir = NULL;
	struct dirent *item;
	struct stat info;

	if (folder_list(folder_fd, &dir) < 0)
		return;
	while ((item = readdir(dir)) != NULL)
		if (item->d_name[0] == '.' &&
		    fstatat(folder_fd, item->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(info.st_mode) && now - info.st_mtime > STALE_AFTER)
			unlinkat(folder_fd, item->d_name, 0);
}

int spool_open(const char *path, struct spool **ret_spool)
{
	struct spool *spool = mem_new(1, sizeof(*spool));
	size_t size = strlen(path) + sizeof("/new");
	int error = 0;

	spool->new_fd = folder_open(path, "new");
	spool->quarantine_fd = folder_open(path, "quarantine");
	if (spool->new_fd < 0)
		error = spool->new_fd;
	else if (spool->quarantine_fd < 0)
		error = spool->quarantine_fd;
	if (error != 0) {
		spool_free(spool);
		return error;
	}
	spool->watch_path = mem_new(1, size);
	snprintf(spool->watch_path, size, "%s/new", path);
	sweep(spool->new_fd);
	*ret_spool = spool;
	return 0;
}

struct spool *spool_free(struct spool *spool)
{
	if (spool == NULL)
		return NULL;
	if (spool->new_fd >= 0)
		close(spool->new_fd);
	if (spool->quarantine_fd >= 0)
		close(spool->quarantine_fd);
	free(spool->watch_path);
	free(spool);
	return NULL;
}

int spool_put(struct spool *spool, const char *name, const void *data, size_t len)
{
	return file_put_durably(spool->new_fd, name, data, len);
}

// Files in a folder, counted up to max.
static size_t folder_count(int folder_fd, size_t max)
{
	auto_dir DIR *dir = NULL;
	struct dirent *item;
	size_t n = 0;

	if (folder_list(folder_fd, &dir) < 0)
		return max;
	while (n < max && (item = readdir(dir)) != NULL)
		n += item->d_name[0] != '.';
	return n;
}

int spool_quarantine(struct spool *spool, const char *name, const void *data, size_t len)
{
	int fd, error;

	if (folder_count(spool->quarantine_fd, SPOOL_QUARANTINE_MAX) >= SPOOL_QUARANTINE_MAX)
		return -EDQUOT;
	fd = openat(spool->quarantine_fd, name,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	error = file_write_fd(fd, data, len);
	if (close(fd) < 0 && error == 0)
		error = -errno;
	if (error != 0)
		unlinkat(spool->quarantine_fd, name, 0); // half a copy misleads
	return error;
}

// Puts a name in its place among the (at most max) first ones. names has room for max.
static void first_names_add(struct name *names, size_t *n, size_t max, const char *name)
{
	size_t low = 0, high = *n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(names[middle].text, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == max || strlen(name) > ENTRY_NAME_MAX)
		return;
	if (*n < max)
		(*n)++;
	memmove(&names[low + 1], &names[low], (*n - low - 1) * sizeof(*names));
	strcpy(names[low].text, name);
}

int spool_each(struct spool *spool, size_t max, int (*on_name)(void *arg, const char *name),
	       void *arg)
{
	auto_free struct name *names = mem_new(max + 1, sizeof(*names));
	auto_dir DIR *dir = NULL;
	struct dirent *item;
	size_t n = 0;
	int result = folder_list(spool->new_fd, &dir);

	if (result < 0)
		return result;
	while ((item = readdir(dir)) != NULL)
		if (item->d_name[0] != '.')
			first_names_add(names, &n, max, item->d_name);
	for (size_t i = 0; i < n && result >= 0; i++)
		result = on_name(arg, names[i].text);
	return result < 0 ? result : (int)n;
}

int spool_read(struct spool *spool, const char *name, struct buf *buf)
{
	// intake, who meets the strangers, has the folder: a pipe there would hold us up for ever,
	// and a link lead elsewhere
	auto_fd int fd = openat(spool->new_fd, name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat info;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EMEDIUMTYPE : -errno;
	if (fstat(fd, &info) < 0)
		return -errno;
	if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) // a read says EISDIR
		return -EMEDIUMTYPE;
	return file_read_fd(fd, buf);
}

int spool_remove(struct spool *spool, const char *name)
{
	return unlinkat(spool->new_fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int spool_reject(struct spool *spool, const char *name)
{
	return renameat(spool->new_fd, name, spool->quarantine_fd, name) == 0 ? 0 : -errno;
}

const char *spool_watch_path(const struct spool *spool)
{
	return spool->watch_path;
}
