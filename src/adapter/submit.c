// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Submission to one instance: a handful of SMTP sessions on its inject socket, opened on demand.
//
// What a newcomer would get wrong: a session that lay idle may have been closed by the server at
// any moment, also after we looked. So a message that fails on a used session before its MAIL was
// answered says nothing of the message: it starts over, once, on a new session. And on_fate may
// free us or give the next message: calling it is the last thing a callback does.
#include "adapter/submit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define SILENCE_USEC (60 * 1000000ULL) // a server that says nothing for so long is not there
#define IDLE_USEC    (5 * 1000000ULL)  // a session without work says QUIT
#define LEAVE_USEC   (5 * 1000000ULL)  // and waits so long for the answer
#define READ_SIZE    4096

struct session {
	struct session *next;
	struct submit *submit;
	int fd; // -1 before it is connected
	struct source *io;
	struct source *timer; // its start, its silence or its idleness, whichever it waits for
	struct smtp *smtp;
	const struct smtp_message *message; // under way, or NULL
	void (*on_fate)(void *arg, const struct smtp_result *result);
	void *arg;
	bool started; // the message was given to smtp, or waits for its greeting
	bool used;    // this connection carried a message before
	bool leaving; // QUIT is on its way
};

struct submit {
	struct loop *loop;
	struct sockaddr_un address;
	char *helo;
	size_t max;
	size_t busy; // sessions with a message
	struct session *sessions;
	struct submit_limits limits;
};

static void on_session_timer(void *arg);
static void on_session_io(void *arg, uint32_t events);

struct submit *submit_new(struct loop *loop, const char *socket_path, size_t max_sessions,
			  const char *helo)
{
	struct submit *submit = mem_new(1, sizeof(*submit));

	submit->loop = loop;
	submit->address.sun_family = AF_UNIX;
	// A path too long is cut and connects to nothing, which every message then says.
	snprintf(submit->address.sun_path, sizeof(submit->address.sun_path), "%s", socket_path);
	submit->helo = mem_strdup(helo);
	submit->max = max_sessions;
	submit->limits = (struct submit_limits){SILENCE_USEC, IDLE_USEC};
	return submit;
}

void submit_set_limits(struct submit *submit, struct submit_limits limits)
{
	submit->limits = limits;
}

static void session_disconnect(struct session *session)
{
	session->io = source_free(session->io);
	session->smtp = smtp_free(session->smtp);
	if (session->fd >= 0)
		close(session->fd);
	session->fd = -1;
	session->used = false;
}

static void session_free(struct session *session)
{
	struct session **link = &session->submit->sessions;

	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	session_disconnect(session);
	source_free(session->timer);
	free(session);
}

static struct session *session_new(struct submit *submit)
{
	struct session *session = mem_new(1, sizeof(*session));

	session->submit = submit;
	session->fd = -1;
	session->timer = loop_add_timer(submit->loop, UINT64_MAX, on_session_timer, session);
	session->next = submit->sessions;
	submit->sessions = session;
	return session;
}

struct submit *submit_free(struct submit *submit)
{
	if (submit == NULL)
		return NULL;
	while (submit->sessions != NULL)
		session_free(submit->sessions);
	free(submit->helo);
	free(submit);
	return NULL;
}

bool submit_has_room(const struct submit *submit)
{
	return submit->busy < submit->max;
}

static struct session *find_idle(const struct submit *submit)
{
	struct session *session = submit->sessions;

	while (session != NULL && (session->message != NULL || session->leaving))
		session = session->next;
	return session;
}

void submit_message(struct submit *submit, const struct smtp_message *message,
		    void (*on_fate)(void *arg, const struct smtp_result *result), void *arg)
{
	struct session *session = find_idle(submit);

	assert(submit_has_room(submit));
	if (session == NULL)
		session = session_new(submit);
	submit->busy++;
	session->message = message;
	session->on_fate = on_fate;
	session->arg = arg;
	session->started = false;
	source_set_timer(session->timer, 0); // not from inside this function
}

// The message's end. Last, because on_fate may do anything.
static void report(struct session *session, const struct smtp_result *result, bool keep)
{
	struct smtp_result copy = *result;
	void (*on_fate)(void *, const struct smtp_result *) = session->on_fate;
	void *arg = session->arg;

	session->submit->busy--;
	session->message = NULL;
	session->used = true;
	if (keep)
		source_set_timer(session->timer, session->submit->limits.idle_usec);
	else
		session_free(session);
	on_fate(arg, &copy);
}

// Where there is nobody at the other end to say what is wrong.
static void report_unconnected(struct session *session, int error)
{
	struct smtp_result result = {.fate = SMTP_TRY_AGAIN, .status = {4, 4, 1}};

	snprintf(result.command, sizeof(result.command), "connect");
	snprintf(result.reply, sizeof(result.reply), "cannot connect: %s", strerror(error));
	report(session, &result, false);
}

static int session_connect(struct session *session)
{
	const struct submit *submit = session->submit;

	session->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (session->fd < 0)
		return -errno;
	// A unix socket connects at once or not at all (EAGAIN: its backlog is full).
	if (connect(session->fd, (const struct sockaddr *)&submit->address,
		    sizeof(submit->address)) < 0)
		return -errno;
	session->smtp = smtp_new(submit->helo);
	session->io = loop_add_io(submit->loop, session->fd, EPOLLIN, on_session_io, session);
	return 0;
}

// Writes what it can. An error is left to the reading side, which may still find the server's last
// words; the server, which waits for the rest, is told that none comes.
static void session_flush(struct session *session)
{
	struct buf *out = smtp_out(session->smtp);
	ssize_t n = 0;

	while (out->len > 0 && n >= 0) {
		n = send(session->fd, out->data, out->len, MSG_NOSIGNAL);
		if (n > 0)
			buf_shift(out, (size_t)n);
		else if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0 && errno != EAGAIN) {
			buf_clear(out);
			shutdown(session->fd, SHUT_WR);
		}
	}
	source_set_io(session->io, out->len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void session_start(struct session *session);

// True where the connection had been closed before the message could be its business.
static bool was_stale(const struct session *session, const struct smtp_result *result)
{
	return session->used && result->fate == SMTP_TRY_AGAIN &&
	       (result->code == 0 || result->code == 421) && strcmp(result->command, "MAIL") == 0;
}

static void on_done(struct session *session)
{
	struct smtp_result result = *smtp_result(session->smtp);

	if (was_stale(session, &result)) {
		session_disconnect(session);
		session_start(session);
		return;
	}
	// The server may have said good-bye in the same breath.
	report(session, &result, result.usable && smtp_push(session->smtp, NULL, 0) == SMTP_WAIT);
}

static void on_closed(struct session *session)
{
	struct smtp_result result = *smtp_result(session->smtp);

	if (session->message == NULL)
		session_free(session);
	else if (session->used) { // closed while idle, found before the message was given to it
		session_disconnect(session);
		session_start(session);
	} else
		report(session, &result, false);
}

// One thing at most happens per event: what ends the message or the session is the last of it.
static void session_on_event(struct session *session, enum smtp_event event)
{
	if (event == SMTP_READY)
		event = smtp_send(session->smtp, session->message);
	if (event == SMTP_DONE) {
		on_done(session);
	} else if (event == SMTP_CLOSED) {
		on_closed(session);
	} else {
		session_flush(session);
	}
}

// Gives the message to the session: to a connection at hand, or to a new one once it is greeted.
static void session_start(struct session *session)
{
	int error = 0;

	session->started = true;
	if (session->fd >= 0) {
		source_set_timer(session->timer, session->submit->limits.silence_usec);
		session_on_event(session, smtp_send(session->smtp, session->message));
		return;
	}
	error = session_connect(session);
	if (error < 0)
		report_unconnected(session, -error);
	else
		source_set_timer(session->timer, session->submit->limits.silence_usec);
}

static void session_leave(struct session *session)
{
	session->leaving = true;
	source_set_timer(session->timer, LEAVE_USEC);
	smtp_quit(session->smtp);
	session_flush(session);
}

static void on_silence(struct session *session)
{
	session->used = false; // silence is no stale connection: the message does not start over
	session_on_event(session, smtp_give_up(session->smtp, "the server is silent"));
}

static void on_session_timer(void *arg)
{
	struct session *session = arg;

	if (session->message != NULL && !session->started)
		session_start(session);
	else if (session->message != NULL)
		on_silence(session);
	else if (!session->leaving)
		session_leave(session);
	else
		session_free(session);
}

static void on_session_io(void *arg, uint32_t events)
{
	struct session *session = arg;
	char data[READ_SIZE];
	ssize_t n = -1;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		n = recv(session->fd, data, sizeof(data), 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			n = 0; // reset: as good as closed
	}
	if (n >= 0 && session->started && session->message != NULL)
		source_set_timer(session->timer, session->submit->limits.silence_usec);
	session_on_event(session,
			 smtp_push(session->smtp, n >= 0 ? data : NULL, n >= 0 ? (size_t)n : 0));
}
