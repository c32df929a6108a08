// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A small SMTP server of every temper on a unix socket, for unit tests: threads play its sessions.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SESSIONS 32
#define CLOSE    ""  // instead of a reply: close
#define SILENCE  "-" // instead of a reply: nothing, until the client closes

// What a session answers; NULL is the ordinary reply.
struct temper {
	const char *greeting, *ehlo, *mail, *rcpt, *data, *dot, *rset;
	int messages;        // closes after so many, 0 for never
	const char *parting; // said before that, or NULL
	int mails;           // closes on the MAIL after so many messages, 0 for never
	int silent_after;    // after so many it says nothing more, 0 for never
	int slow;            // ms before each reply
};

struct server {
	char folder[32];
	struct sockaddr_un address;
	int listener;
	const struct temper
		*tempers; // of the first session, the second…; the last one's for all later ones
	size_t n_tempers;
	pthread_t acceptor;
	pthread_t threads[SESSIONS];
	atomic_int sessions, messages, quits, open, most_open;
};

struct visit {
	struct server *server;
	const struct temper *temper;
	int fd;
};

static bool reply(const struct visit *visit, const char *text, const char *ordinary)
{
	text = text != NULL ? text : ordinary;
	usleep((useconds_t)visit->temper->slow * 1000);
	if (strcmp(text, SILENCE) == 0)
		return true;
	if (*text == '\0')
		return false;
	return send(visit->fd, text, strlen(text), MSG_NOSIGNAL) > 0 &&
	       send(visit->fd, "\r\n", 2, MSG_NOSIGNAL) > 0;
}

static bool after_message(const struct visit *visit, int *messages)
{
	char drain[100];

	visit->server->messages++;
	++*messages;
	while (*messages == visit->temper->silent_after &&
	       recv(visit->fd, drain, sizeof(drain), 0) > 0)
		;
	if (*messages != visit->temper->messages)
		return true;
	if (visit->temper->parting != NULL)
		reply(visit, visit->temper->parting, "");
	return false;
}

static bool read_text(FILE *in)
{
	char line[1000];

	while (fgets(line, sizeof(line), in) != NULL) {
		if (strcmp(line, ".\r\n") == 0)
			return true;
	}
	return false;
}

static bool answer(const struct visit *visit, const char *line, FILE *in, int *messages)
{
	const struct temper *temper = visit->temper;

	if (strncasecmp(line, "EHLO", 4) == 0)
		return reply(visit, temper->ehlo, "250-mx\r\n250-PIPELINING\r\n250 DSN");
	if (strncasecmp(line, "MAIL", 4) == 0 && temper->mails != 0 && *messages == temper->mails)
		return false;
	if (strncasecmp(line, "MAIL", 4) == 0)
		return reply(visit, temper->mail, "250 2.1.0 Ok");
	if (strncasecmp(line, "RCPT", 4) == 0)
		return reply(visit, temper->rcpt,
			     temper->mail != NULL ? "503 5.5.1 need MAIL" : "250 2.1.5 Ok");
	if (strncasecmp(line, "RSET", 4) == 0)
		return reply(visit, temper->rset, "250 2.0.0 Ok");
	if (strncasecmp(line, "QUIT", 4) == 0) {
		visit->server->quits++;
		return reply(visit, "221 2.0.0 Bye", "") && false;
	}
	if (temper->rcpt != NULL || temper->mail != NULL)
		return reply(visit, temper->data, "554 5.5.1 no valid recipients");
	if (!reply(visit, temper->data, "354 go"))
		return false;
	if (temper->data != NULL)
		return true;
	return read_text(in) && reply(visit, temper->dot, "250 2.0.0 Ok: queued as ABC") &&
	       after_message(visit, messages);
}

static void *run_session(void *arg)
{
	struct visit *visit = arg;
	struct server *server = visit->server;
	FILE *in = fdopen(dup(visit->fd), "r");
	char line[1000];
	int messages = 0;
	int now = ++server->open;

	if (now > server->most_open)
		server->most_open = now;
	if (reply(visit, visit->temper->greeting, "220 mx ESMTP")) {
		while (fgets(line, sizeof(line), in) != NULL && answer(visit, line, in, &messages))
			;
	}
	server->open--;
	fclose(in);
	close(visit->fd);
	free(visit);
	return NULL;
}

static void *run_acceptor(void *arg)
{
	struct server *server = arg;
	int fd = accept(server->listener, NULL, NULL);

	for (; fd >= 0; fd = accept(server->listener, NULL, NULL)) {
		size_t n = (size_t)server->sessions;
		struct visit *visit = calloc(1, sizeof(*visit));

		visit->server = server;
		visit->fd = fd;
		visit->temper = &server->tempers[n < server->n_tempers ? n : server->n_tempers - 1];
		pthread_create(&server->threads[n], NULL, run_session, visit);
		server->sessions++;
	}
	return NULL;
}

static void server_start(struct server *server, const struct temper *tempers, size_t n)
{
	memset(server, 0, sizeof(*server));
	strcpy(server->folder, "/tmp/submit.XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	server->tempers = tempers;
	server->n_tempers = n;
	server->address.sun_family = AF_UNIX;
	snprintf(server->address.sun_path, sizeof(server->address.sun_path), "%s/inject",
		 server->folder);
	server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&server->address,
			      sizeof(server->address)),
			 0);
	assert_int_equal(listen(server->listener, 20), 0);
	pthread_create(&server->acceptor, NULL, run_acceptor, server);
}

static void server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->acceptor, NULL);
	for (int i = 0; i < server->sessions; i++)
		pthread_join(server->threads[i], NULL);
	close(server->listener);
	unlink(server->address.sun_path);
	rmdir(server->folder);
}
