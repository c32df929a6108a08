// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A hostile mail server on a loopback port of its own, for those who knock: a thread plays its
// sessions, one after the other.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSE "" // instead of words: close

// NULL: says nothing until the client goes.
struct temper {
	const char *banner, *ehlo;
	size_t banner_len; // where it has NULs
	int times;         // ehlo is said so often
	int pause;         // ms after each octet
	bool is_reset;     // closes by RST
};

struct server {
	const struct temper *temper;
	int listener;
	uint16_t port;
	pthread_t thread;
	char heard[2000]; // all that the client said
	int sessions;
};

static bool say(const struct temper *temper, int fd, const char *text, size_t len)
{
	bool is_fine = true;

	len = len != 0 ? len : strlen(text);
	if (temper->pause == 0)
		return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
	for (size_t i = 0; i < len && is_fine; i++) {
		is_fine = send(fd, text + i, 1, MSG_NOSIGNAL) == 1;
		usleep((useconds_t)temper->pause * 1000);
	}
	return is_fine;
}

// A line into heard; false at the end.
static bool hear(struct server *server, int fd)
{
	size_t len = strlen(server->heard);
	ssize_t n = 1;
	char c = '\0';

	while (n == 1 && c != '\n' && len < sizeof(server->heard) - 1) {
		n = recv(fd, &c, 1, 0);
		if (n == 1)
			server->heard[len++] = c;
	}
	return n == 1;
}

static void play(struct server *server, int fd)
{
	const struct temper *temper = server->temper;
	bool is_fine = true;

	if (temper->banner != NULL && *temper->banner == '\0' && temper->banner_len == 0)
		return;
	if (temper->banner != NULL)
		say(temper, fd, temper->banner, temper->banner_len);
	while (is_fine && hear(server, fd)) {
		if (strstr(server->heard, "QUIT") != NULL)
			is_fine = say(temper, fd, "221 bye\r\n", 0);
		else if (temper->ehlo != NULL && *temper->ehlo == '\0')
			is_fine = false;
		else if (temper->ehlo != NULL)
			for (int i = 0; is_fine && i < 1 + temper->times; i++)
				is_fine = say(temper, fd, temper->ehlo, 0);
	}
}

static void *run_server(void *arg)
{
	struct server *server = arg;
	int fd = accept(server->listener, NULL, NULL);

	for (; fd >= 0; fd = accept(server->listener, NULL, NULL)) {
		struct linger linger = {1, 0};

		server->sessions++;
		play(server, fd);
		if (server->temper->is_reset)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(fd);
	}
	return NULL;
}

static int listen_on(int backlog, uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void server_start(struct server *server, const struct temper *temper)
{
	memset(server, 0, sizeof(*server));
	server->temper = temper;
	server->listener = listen_on(5, &server->port);
	pthread_create(&server->thread, NULL, run_server, server);
}

static void server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
}
