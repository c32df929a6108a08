// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The two instances as a daemon meets them: SMTP on unix sockets, played inside its own loop, all
// that came recorded.
#pragma once

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "adapter/loop.h"
#include "unit/daemon/house.h"

#define SINK_MAILS 64

struct sink_mail {
	char from[400], rcpt[600], text[30010];
};

struct sink {
	const char *name; // "dual" or "v6"
	int fd;
	struct source *source;
	struct sink_visit *visits;
	// Instead of the ordinary reply to a line, or NULL; "" closes. line "." is the final dot.
	const char *(*temper)(const char *line);
	size_t n_mails; // that it took, whether its 250 was heard or not
	struct sink_mail mails[SINK_MAILS];
	size_t n_visits, n_lines;
};

struct sink_visit {
	struct sink_visit *next;
	struct sink *sink;
	int fd;
	struct source *source;
	char in[30000];
	size_t len;
	bool in_text, has_rcpt;
	struct sink_mail mail;
};

static struct sink sink_dual = {.name = "dual", .fd = -1}, sink_v6 = {.name = "v6", .fd = -1};

static inline bool sink_say(const struct sink_visit *visit, const char *reply)
{
	char line[300];
	int n = snprintf(line, sizeof(line), "%s\r\n", reply);

	return reply[0] != '\0' && send(visit->fd, line, (size_t)n, MSG_NOSIGNAL) == n;
}

static inline const char *sink_ordinary(const char *line)
{
	if (strncmp(line, "EHLO", 4) == 0)
		return "250-mx\r\n250-PIPELINING\r\n250-DSN\r\n250 SMTPUTF8";
	if (strncmp(line, "DATA", 4) == 0)
		return "354 go";
	if (strncmp(line, "QUIT", 4) == 0)
		return "221 2.0.0 Bye";
	return strcmp(line, ".") == 0 ? "250 2.0.0 Ok: queued as 4QSINK" : "250 2.0.0 Ok";
}

// False where the session is over.
static inline bool sink_line(struct sink_visit *visit, const char *line)
{
	struct sink *sink = visit->sink;
	const char *reply = sink->temper == NULL ? NULL : sink->temper(line);
	bool ok;

	sink->n_lines++;
	if (reply == NULL && strncmp(line, "DATA", 4) == 0 && !visit->has_rcpt)
		reply = "554 5.5.1 no valid recipients";
	reply = reply == NULL ? sink_ordinary(line) : reply;
	ok = sink_say(visit, reply);
	if (strncmp(line, "MAIL", 4) == 0)
		visit->has_rcpt = false;
	if (strncmp(line, "RCPT", 4) == 0)
		visit->has_rcpt = reply[0] == '2';
	if (strncmp(line, "MAIL", 4) == 0)
		snprintf(visit->mail.from, sizeof(visit->mail.from), "%.399s", line);
	if (strncmp(line, "RCPT", 4) == 0)
		snprintf(visit->mail.rcpt, sizeof(visit->mail.rcpt), "%.599s", line);
	visit->in_text = strncmp(line, "DATA", 4) == 0 && reply[0] == '3';
	if (strcmp(line, ".") == 0 && (reply[0] == '2' || reply[0] == '\0') &&
	    sink->n_mails < SINK_MAILS)
		sink->mails[sink->n_mails++] = visit->mail;
	return ok && strncmp(line, "QUIT", 4) != 0;
}

// Takes the next line, or the whole text; 0 where there is none yet, -1 at the end.
static inline int sink_step(struct sink_visit *visit)
{
	const char *mark = visit->in_text ? "\r\n.\r\n" : "\r\n";
	char *end = memmem(visit->in, visit->len, mark, strlen(mark));
	size_t n;
	bool go_on;

	if (end == NULL)
		return 0;
	n = (size_t)(end - visit->in) + strlen(mark);
	*end = '\0';
	if (visit->in_text)
		snprintf(visit->mail.text, sizeof(visit->mail.text), "%s\r\n", visit->in);
	go_on = sink_line(visit, visit->in_text ? "." : visit->in);
	memmove(visit->in, visit->in + n, visit->len - n);
	visit->len -= n;
	return go_on ? 1 : -1;
}

static inline void sink_end_visit(struct sink_visit *visit)
{
	struct sink_visit **link = &visit->sink->visits;

	while (*link != visit)
		link = &(*link)->next;
	*link = visit->next;
	source_free(visit->source);
	close(visit->fd);
	free(visit);
}

static inline void sink_on_bytes(void *arg, uint32_t events)
{
	struct sink_visit *visit = arg;
	ssize_t n = recv(visit->fd, visit->in + visit->len, sizeof(visit->in) - visit->len, 0);
	int step = n > 0 ? 1 : -1;

	(void)events;
	visit->len += n > 0 ? (size_t)n : 0;
	while (step > 0)
		step = sink_step(visit);
	if (step < 0)
		sink_end_visit(visit);
}

static inline void sink_on_visit(void *arg, uint32_t events)
{
	struct sink *sink = arg;
	struct sink_visit *visit = calloc(1, sizeof(*visit));
	const char *greeting = sink->temper == NULL ? NULL : sink->temper("");

	(void)events;
	sink->n_visits++;
	visit->sink = sink;
	visit->fd = accept(sink->fd, NULL, NULL);
	visit->next = sink->visits;
	sink->visits = visit;
	visit->source = loop_add_io(house->loop, visit->fd, EPOLLIN, sink_on_bytes, visit);
	if (!sink_say(visit, greeting == NULL ? "220 mx ESMTP" : greeting))
		sink_end_visit(visit);
}

// In the house's loop, at the configured path. What came before stays recorded.
static inline void sink_open(struct sink *sink)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", folder_file(sink->name));
	unlink(address.sun_path);
	sink->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(sink->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(sink->fd, 20) < 0)
		abort();
	sink->source = loop_add_io(house->loop, sink->fd, EPOLLIN, sink_on_visit, sink);
}

static inline void sink_close(struct sink *sink)
{
	if (sink->fd < 0)
		return;
	while (sink->visits != NULL)
		sink_end_visit(sink->visits);
	sink->source = source_free(sink->source);
	close(sink->fd);
	sink->fd = -1;
	unlink(folder_file(sink->name));
}

static inline void sink_forget(struct sink *sink)
{
	sink->n_mails = sink->n_visits = sink->n_lines = 0;
	sink->temper = NULL;
}
