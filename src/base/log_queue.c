// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Datagrams that are sent at once or kept. The socket is not connected: a receiver that restarts is
// found by its path, with nothing to reopen. While journald restarts systemd holds its socket, so a
// line either lies in the kernel's queue or, that being full (EAGAIN), here.
#include "base/log_queue.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define DATAGRAM_MAX (3 * LOG_LINE_SIZE) // the text, and once more as fields

static struct {
	pid_t owner;
	int fd;
	struct log_line **lines;
	size_t n;
	size_t n_lost;
	const char *program; // whose lines were lost
} queue = {.fd = -1};

bool log_queue_is_journal(const char *syslog)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char expected[64], place[PATH_MAX];
	struct stat is;

	if (stream != NULL && fstat(STDERR_FILENO, &is) == 0) {
		snprintf(expected, sizeof(expected), "%ju:%ju", (uintmax_t)is.st_dev,
			 (uintmax_t)is.st_ino);
		if (strcmp(stream, expected) == 0)
			return true;
	}
	return syslog != NULL && realpath(syslog, place) != NULL &&
	       text_starts_nocase(place, "/run/systemd/journal/");
}

// 0, or a negative errno.
static int send_to(const char *path, const struct buf *datagram)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (queue.fd < 0)
		queue.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	return sendto(queue.fd, datagram->data, datagram->len, MSG_NOSIGNAL,
		      (struct sockaddr *)&address, sizeof(address)) < 0
		       ? -errno
		       : 0;
}

static int send_line(const struct log_places *places, const struct log_line *line)
{
	auto_buf struct buf datagram = buf_make(DATAGRAM_MAX);
	int error = -ENOENT;

	if (places->journal != NULL) {
		log_fields_journal(&datagram, line);
		error = send_to(places->journal, &datagram);
	}
	if (error == 0 || error == -EAGAIN || places->syslog == NULL)
		return error;
	buf_clear(&datagram);
	log_fields_syslog(&datagram, line);
	return send_to(places->syslog, &datagram);
}

// Only a full queue is waited for: who is not there will not be in some milliseconds.
static int send_patiently(const struct log_places *places, const struct log_line *line,
			  int *patience_ms)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int error = send_line(places, line);

	for (; error == -EAGAIN && *patience_ms > 0; (*patience_ms)--) {
		nanosleep(&pause, NULL);
		error = send_line(places, line);
	}
	return error;
}

// What a parent's lines are is the parent's.
static void own_queue(void)
{
	if (queue.owner == getpid())
		return;
	for (size_t i = 0; i < queue.n; i++)
		free(queue.lines[i]);
	queue.n = queue.n_lost = 0;
	queue.owner = getpid();
}

static void tell_of_lost(const struct log_places *places)
{
	struct log_line line = {.program = queue.program, .level = LOG_WARNING, .time = time(NULL)};

	snprintf(line.text, sizeof(line.text), LOG_LOST, queue.n_lost);
	if (send_line(places, &line) == 0)
		queue.n_lost = 0;
}

bool log_queue_flush(const struct log_places *places, int patience_ms)
{
	size_t n = 0;

	own_queue();
	while (n < queue.n && send_patiently(places, queue.lines[n], &patience_ms) == 0)
		free(queue.lines[n++]);
	queue.n -= n;
	if (n > 0)
		memmove(queue.lines, queue.lines + n, queue.n * sizeof(*queue.lines));
	if (queue.n == 0 && queue.n_lost > 0)
		tell_of_lost(places);
	return queue.n == 0;
}

static void keep(const struct log_line *line)
{
	if (queue.n == LOG_QUEUE_MAX) {
		queue.n_lost++;
		queue.program = line->program;
		return;
	}
	if (queue.lines == NULL)
		queue.lines = mem_new(LOG_QUEUE_MAX, sizeof(struct log_line *));
	queue.lines[queue.n] = mem_new(1, sizeof(*line));
	*queue.lines[queue.n++] = *line;
}

void log_queue_add(const struct log_places *places, const struct log_line *line, int patience_ms)
{
	log_queue_flush(places, 0);
	if (queue.n > 0 || send_patiently(places, line, &patience_ms) < 0)
		keep(line);
}
