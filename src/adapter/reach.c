// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A knock is a list of steps, each with one moment at which it is given up, which no octet that
// drips in puts off. smtp_reply reads; what a step found is written into the address at its end.
//
// What a newcomer would get wrong: on_end may free us, so calling it is the last thing a callback
// does. And nobody but us is to blame where no packet left: that is no result, but UNKNOWN.
#include "adapter/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "mail/smtp_reply.h"

#define PORT       25
#define CONNECT_MS 5000
#define REPLY_MS   5000
#define QUIT_MS    1000
#define READ_SIZE  2048

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct reach {
	struct loop *loop;
	struct reach_options options;
	struct survey_address *address;
	void (*on_end)(void *arg);
	void *arg;
	int fd;
	struct source *io;
	struct source *timer; // the end of the step
	uint64_t began;       // the step
	bool is_quitting;     // the result stands
	struct smtp_reply reply;
	size_t octets; // of the reply at hand
	size_t lines;
};

// ---- the end of a step --------------------------------------------------------------------------

static void disconnect(struct reach *reach)
{
	reach->io = source_free(reach->io);
	reach->timer = source_free(reach->timer);
	smtp_reply_free(&reach->reply);
	if (reach->fd >= 0)
		close(reach->fd);
	reach->fd = -1;
}

static void end(struct reach *reach)
{
	disconnect(reach);
	reach->on_end(reach->arg);
}

static void note_time(struct reach *reach)
{
	uint64_t took = loop_now(reach->loop) - reach->began;

	reach->address->step_ms[reach->address->step] = (int32_t)(took / 1000);
}

static void fail(struct reach *reach, enum survey_reach how)
{
	note_time(reach);
	reach->address->reach = how;
	end(reach);
}

static void begin(struct reach *reach, enum survey_step step, uint32_t ms)
{
	reach->began = loop_now(reach->loop);
	reach->address->step = step;
	reach->octets = reach->lines = 0;
	source_set_timer(reach->timer, ms * UINT64_C(1000));
}

// A fresh connection's buffer has room for a line; where it has not, the other side is gone.
static bool say(struct reach *reach, const char *verb, const char *rest)
{
	char line[SMTP_REPLY_TEXT_SIZE];
	int len = snprintf(line, sizeof(line), "%s%s\r\n", verb, rest);

	return len < (int)sizeof(line) &&
	       send(reach->fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len;
}

// The result stands; what is left is manners.
static void quit(struct reach *reach, enum survey_reach how)
{
	note_time(reach);
	reach->address->reach = how;
	reach->is_quitting = true;
	reach->octets = 0;
	source_set_timer(reach->timer, reach->options.quit_ms * UINT64_C(1000));
	if (!say(reach, "QUIT", ""))
		end(reach);
}

// ---- replies ------------------------------------------------------------------------------------

static void keep_words(struct reach *reach, int code, const char *text, size_t len)
{
	reach->address->code = code;
	text_escape(reach->address->banner, sizeof(reach->address->banner), text, len);
}

// The first line is kept, the further ones of EHLO are looked at.
static void note_line(struct reach *reach)
{
	const char *text = reach->reply.text;

	if (reach->lines++ == 0)
		keep_words(reach, reach->reply.code, text, strlen(text));
	else if (reach->address->step == SURVEY_STEP_EHLO && text_starts_nocase(text, "STARTTLS") &&
		 (text[8] == '\0' || text[8] == ' '))
		reach->address->starttls = SURVEY_YES;
}

// A line that smtp_reply does not take stays in its buffer.
static void on_broken(struct reach *reach)
{
	const struct buf *in = &reach->reply.in;
	const char *line_end = in->len > 0 ? memchr(in->data, '\n', in->len) : NULL;
	size_t len = line_end != NULL ? (size_t)(line_end - in->data) : in->len;

	if (len > 0 && in->data[len - 1] == '\r')
		len--;
	if (reach->lines == 0)
		keep_words(reach, 0, len > 0 ? in->data : "", len);
	fail(reach, SURVEY_REACH_PROTOCOL);
}

static void on_greeting(struct reach *reach)
{
	note_time(reach);
	begin(reach, SURVEY_STEP_EHLO, reach->options.reply_ms);
	if (!say(reach, "EHLO ", reach->options.helo))
		fail(reach, SURVEY_REACH_CLOSED);
}

static void on_reply(struct reach *reach)
{
	struct survey_address *address = reach->address;

	if (address->code / 100 == 4) {
		quit(reach, SURVEY_REACH_BUSY);
	} else if (address->code / 100 == 5) {
		quit(reach, SURVEY_REACH_REJECTED);
	} else if (address->step == SURVEY_STEP_BANNER && address->code == 220) {
		on_greeting(reach);
	} else if (address->step == SURVEY_STEP_EHLO && address->code == 250) {
		if (address->starttls != SURVEY_YES)
			address->starttls = SURVEY_NO;
		quit(reach, SURVEY_REACH_ACCEPTS);
	} else {
		fail(reach, SURVEY_REACH_PROTOCOL);
	}
}

// Lines until one ends a reply, is none, or passes a bound; what comes of that is the last to be
// done, so one reply at most is dealt with.
static void read_lines(struct reach *reach)
{
	enum smtp_read read = SMTP_READ_LINE;

	while (read == SMTP_READ_LINE && reach->lines < REACH_REPLY_LINES) {
		read = smtp_reply_next(&reach->reply);
		if (read == SMTP_READ_LINE || read == SMTP_READ_REPLY)
			note_line(reach);
	}
	if (read == SMTP_READ_REPLY)
		on_reply(reach);
	else if (read == SMTP_READ_BROKEN)
		on_broken(reach);
	else if (read == SMTP_READ_LINE || reach->octets > REACH_REPLY_MAX)
		fail(reach, SURVEY_REACH_PROTOCOL);
}

// ---- the socket ---------------------------------------------------------------------------------

static enum survey_reach of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return SURVEY_REACH_REFUSED;
	case ETIMEDOUT:
		return SURVEY_REACH_TIMEOUT;
	case ECONNRESET:
	case EPIPE:
		return SURVEY_REACH_CLOSED;
	default: // what ICMP says in its many ways
		return SURVEY_REACH_UNREACHABLE;
	}
}

static void on_connected(struct reach *reach)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(reach->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	// (only who was connected can be reset: then that overtook us)
	if (error != 0 && error != ECONNRESET) {
		fail(reach, of_errno(error));
		return;
	}
	note_time(reach);
	begin(reach, SURVEY_STEP_BANNER, reach->options.reply_ms);
	if (error != 0)
		fail(reach, of_errno(error));
	else
		source_set_io(reach->io, EPOLLIN);
}

static void on_io(void *arg, uint32_t events)
{
	struct reach *reach = arg;
	char data[READ_SIZE];
	ssize_t n;

	(void)events;
	if (reach->address->step == SURVEY_STEP_CONNECT) {
		on_connected(reach);
		return;
	}
	n = recv(reach->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (reach->is_quitting) { // anything will do
		end(reach);
	} else if (n <= 0) {
		fail(reach, n == 0 ? SURVEY_REACH_CLOSED : of_errno(errno));
	} else {
		reach->octets += (size_t)n;
		smtp_reply_push(&reach->reply, data, (size_t)n);
		read_lines(reach);
	}
}

// Also the way out for what failed in reach_start().
static void on_timer(void *arg)
{
	struct reach *reach = arg;

	if (reach->is_quitting || reach->fd < 0)
		end(reach);
	else
		fail(reach, SURVEY_REACH_TIMEOUT);
}

// ---- the start ----------------------------------------------------------------------------------

// What has a meaning here and another one there.
static bool is_inside_v4(const struct in_addr *address)
{
	static const struct {
		uint32_t network, mask;
	} rows[] = {
		{0x00000000, 0xff000000}, // this host (RFC 1122)
		{0x0a000000, 0xff000000}, // private (RFC 1918), and the two below
		{0xac100000, 0xfff00000}, {0xc0a80000, 0xffff0000},
		{0x64400000, 0xffc00000}, // behind a provider's NAT (RFC 6598)
		{0x7f000000, 0xff000000}, // loopback
		{0xa9fe0000, 0xffff0000}, // link-local (RFC 3927)
		{0xe0000000, 0xe0000000}, // multicast, reserved, broadcast
	};
	uint32_t number = ntohl(address->s_addr);
	bool is_inside = false;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		is_inside |= (number & rows[i].mask) == rows[i].network;
	return is_inside;
}

static bool is_inside(const char *text, const union endpoint *endpoint)
{
	if (endpoint->any.sa_family == AF_INET)
		return is_inside_v4(&endpoint->v4.sin_addr);
	switch (survey_kind_of(text)) {
	case SURVEY_KIND_UNKNOWN:
	case SURVEY_KIND_ULA:
	case SURVEY_KIND_LINK_LOCAL:
	case SURVEY_KIND_LOOPBACK:
	case SURVEY_KIND_MAPPED:
	case SURVEY_KIND_OTHER:
		return true;
	default:
		return false;
	}
}

static bool read_endpoint(const char *text, uint16_t port, union endpoint *ret_endpoint)
{
	union endpoint endpoint = {.any.sa_family = AF_INET};

	if (inet_pton(AF_INET, text, &endpoint.v4.sin_addr) == 1) {
		endpoint.v4.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, text, &endpoint.v6.sin6_addr) == 1) {
		endpoint.v6.sin6_family = AF_INET6;
		endpoint.v6.sin6_port = htons(port);
	} else {
		return false;
	}
	*ret_endpoint = endpoint;
	return true;
}

static int bind_source(int fd, const char *source, sa_family_t family)
{
	union endpoint endpoint;
	socklen_t len = family == AF_INET ? sizeof(endpoint.v4) : sizeof(endpoint.v6);

	if (source == NULL || source[0] == '\0')
		return 0;
	if (!read_endpoint(source, 0, &endpoint) || endpoint.any.sa_family != family)
		return -EINVAL;
	return bind(fd, &endpoint.any, len) < 0 ? -errno : 0;
}

// UNKNOWN where it is on its way, or where the fault is ours; then the socket is closed.
static enum survey_reach open_connection(struct reach *reach, const union endpoint *to)
{
	const int on = 1;
	sa_family_t family = to->any.sa_family;
	const char *source =
		family == AF_INET ? reach->options.source_v4 : reach->options.source_v6;
	socklen_t len = family == AF_INET ? sizeof(to->v4) : sizeof(to->v6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? errno : -bind_source(fd, source, family);

	if (error == 0 && family == AF_INET6) // a mapped address is no way to IPv4
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (error == 0 && (connect(fd, &to->any, len) == 0 || errno == EINPROGRESS)) {
		reach->fd = fd;
		return SURVEY_REACH_UNKNOWN;
	}
	// by connect(2) at once: no route or no address here, or the answer of our own host
	error = error != 0 ? -1 : errno;
	if (fd >= 0)
		close(fd);
	return error == ECONNREFUSED || error == EHOSTUNREACH ? of_errno(error)
							      : SURVEY_REACH_UNKNOWN;
}

static struct reach_options with_defaults(const struct reach_options *options)
{
	struct reach_options with = *options;

	with.connect_ms = with.connect_ms != 0 ? with.connect_ms : CONNECT_MS;
	with.reply_ms = with.reply_ms != 0 ? with.reply_ms : REPLY_MS;
	with.quit_ms = with.quit_ms != 0 ? with.quit_ms : QUIT_MS;
	with.port = with.port != 0 ? with.port : PORT;
	return with;
}

struct reach *reach_start(struct loop *loop, const struct reach_options *options,
			  struct survey_address *address, void (*on_end)(void *arg), void *arg)
{
	struct reach *reach = mem_new(1, sizeof(*reach));
	union endpoint to;
	bool is_address;

	reach->loop = loop;
	reach->options = with_defaults(options);
	reach->address = address;
	reach->on_end = on_end;
	reach->arg = arg;
	reach->fd = -1;
	reach->reply = smtp_reply_make();
	reach->timer = loop_add_timer(loop, 0, on_timer, reach);
	for (int i = 0; i < SURVEY_STEPS; i++)
		address->step_ms[i] = -1;
	begin(reach, SURVEY_STEP_CONNECT, reach->options.connect_ms);
	is_address = read_endpoint(address->text, reach->options.port, &to);
	if (is_address && !options->is_inside && is_inside(address->text, &to))
		address->reach = SURVEY_REACH_UNREACHABLE;
	else if (is_address)
		address->reach = open_connection(reach, &to);
	if (reach->fd >= 0)
		reach->io = loop_add_io(loop, reach->fd, EPOLLOUT, on_io, reach);
	else
		source_set_timer(reach->timer, 0);
	if (address->reach == SURVEY_REACH_REFUSED)
		note_time(reach);
	return reach;
}

struct reach *reach_free(struct reach *reach)
{
	if (reach == NULL)
		return NULL;
	disconnect(reach);
	free(reach);
	return NULL;
}
