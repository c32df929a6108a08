// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A worker: the process that takes one message after the other.
//
// Nothing that depends on a message may outlive it here: descriptors, memory, the alarm. It ends by
// the resident's end alone, whether that one stops or dies, and not before the message at hand is
// done with: systemd signals the whole group, so it is deaf to SIGTERM.
#include "intake/worker.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pass.h"
#include "intake/take.h"

static void handle_signals(void)
{
	sigset_t none;

	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void leave(void)
{
	log_flush(1000);
	_exit(0);
}

// Lines that nobody took yet must not wait for the next message.
static void wait_with_lines(int socket)
{
	struct pollfd resident = {.fd = socket, .events = POLLIN};

	while (!log_flush(0) && poll(&resident, 1, 1000) == 0)
		;
}

static int next_connection(int socket)
{
	char word;
	int connection = -1;
	ssize_t len;

	wait_with_lines(socket);
	len = pass_receive(socket, &word, sizeof(word), &connection);

	if (len == 0)
		leave();
	if (len < 0 || connection < 0)
		_exit(1); // it is closed by now, which defers the message
	return connection;
}

_Noreturn void worker_run(int socket, struct spool *spool, uint64_t limit)
{
	handle_signals();
	for (int n = 1;; n++) {
		int connection = next_connection(socket);

		alarm(WORKER_PATIENCE);
		take_message(connection, spool, limit);
		alarm(0);
		close(connection);
		if (n == WORKER_SHARE || send(socket, "", 1, MSG_NOSIGNAL) != 1)
			leave();
	}
}
