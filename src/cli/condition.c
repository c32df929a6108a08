// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// An instance is asked by showq, since its master listens there whatever else is busy, and nothing
// is logged. Since when a part runs is systemd's to say: it leaves a link for each unit's start.
// Where it listens itself, for a service, anybody is connected: whoever answers is the service.

#include "cli/condition.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/unit.h"

#define UNITS     "/run/systemd/units/invocation:"
#define WAIT_MS   1000
#define PAUSE_MS  50
#define STARTS_MS 4000
#define SETTLED   2             // seconds
#define READ_MAX  (1024 * 1024) // of a mail queue's list

static int connect_to(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = WAIT_MS / 1000};
	int fd;

	if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

// What showq says is read to its end, so that it has no broken pipe to complain about.
static int ask_instance(const struct config_instance *instance)
{
	char path[4200], block[4096];
	auto_fd int fd = -1;
	ssize_t n, all = 0;

	snprintf(path, sizeof(path), "%s", instance->inject);
	if (strrchr(path, '/') == NULL)
		return -ENOENT;
	strcpy(strrchr(path, '/'), "/showq");
	fd = connect_to(path, SOCK_STREAM);
	if (fd < 0)
		return fd;
	while (all < READ_MAX && (n = read(fd, block, sizeof(block))) > 0)
		all += n;
	return all > 0 ? 0 : -ETIMEDOUT;
}

static int64_t started(const char *unit)
{
	struct stat info;
	char path[200];

	snprintf(path, sizeof(path), UNITS "%s", unit);
	return lstat(path, &info) == 0 ? info.st_mtime : 0;
}

// Whether it has been there for a while, which one that ends again and again never is.
static bool is_settled(const char *unit)
{
	const int64_t since = started(unit), now = time(NULL);

	return since > 0 && (since + SETTLED <= now || since > now);
}

// By a name without ".service". A service that the connection starts has a moment for it.
static int ask_service(const char *name, const char *path, int type)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	struct ucred listener = {0};
	socklen_t size = sizeof(listener);
	char service[64];
	auto_fd int fd = connect_to(path, type);

	if (fd < 0)
		return fd;
	snprintf(service, sizeof(service), "%s.service", name);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &size) < 0 || listener.pid != 1)
		return 0;
	for (int i = 0; i < STARTS_MS / PAUSE_MS && !is_settled(service); i++)
		nanosleep(&pause, NULL);
	return is_settled(service) ? 0 : -ESRCH;
}

// An instance's unit has one of two names, and only one that runs has a link: nobody has to be
// asked.
static int64_t started_instance(const char *instance)
{
	char name[64], folder[64];
	int64_t since;

	snprintf(name, sizeof(name), UNIT_PREFIX_NAME "%s.service", instance);
	snprintf(folder, sizeof(folder), UNIT_PREFIX_FOLDER "%s.service", instance);
	since = started(name);
	return since > 0 ? since : started(folder);
}

static int64_t count_files(const char *folder, const char *name, int64_t *ret_oldest)
{
	auto_dir DIR *dir = NULL;
	char path[4200];
	int64_t n = 0;

	*ret_oldest = 0;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		struct stat info;

		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		n++;
		if (*ret_oldest == 0 || info.st_mtime < *ret_oldest)
			*ret_oldest = info.st_mtime;
	}
	return n;
}

void condition_find(const struct config *config, struct condition *ret_condition)
{
	int64_t unused;
	struct condition condition = {
		.parts =
			{
				{"postsixd",
				 ask_service("postsixd", config->policy_socket, SOCK_STREAM),
				 started("postsixd.service")},
				{"intake",
				 ask_service("postsix-intake", config->intake_socket,
					     SOCK_SEQPACKET),
				 started("postsix-intake.service")},
				{"milter",
				 config->milter_socket[0] == '\0'
					 ? -ENOENT
					 : ask_service("postsix-milter", config->milter_socket,
						       SOCK_STREAM),
				 started("postsix-milter.service")},
				{"postfix-dual", ask_instance(&config->dual),
				 started_instance("dual")},
				{"postfix-v6", ask_instance(&config->v6), started_instance("v6")},
			},
	};

	condition.spool = count_files(config->spool_directory, "new", &condition.oldest);
	condition.quarantine = count_files(config->spool_directory, "quarantine", &unused);
	*ret_condition = condition;
}
