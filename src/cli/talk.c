// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Time limits are the kernel's (SO_RCVTIMEO), which a server that drips could stretch; these are
// our own servers, and TALK_MAX bounds how often.
#include "cli/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "mail/smtp_reply.h"

#define SMTP_PORT 25

static int connect_to(const struct sockaddr *address, socklen_t size, int type)
{
	const struct timeval wait = {.tv_sec = TALK_SECONDS};
	int fd, r;

	fd = socket(address->sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
	    connect(fd, address, size) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

int talk_open(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	return connect_to((const struct sockaddr *)&address, sizeof(address), type);
}

int talk_open_smtp(const char *address)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(SMTP_PORT)};

	if (inet_pton(AF_INET6, address, &to.sin6_addr) != 1)
		return -EINVAL;
	return connect_to((const struct sockaddr *)&to, sizeof(to), SOCK_STREAM);
}

int talk_send(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int talk_read(int fd, struct buf *out)
{
	char bytes[4096];
	ssize_t n;

	do {
		n = recv(fd, bytes, sizeof(bytes), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0)
		return -ECONNRESET;
	buf_add(out, bytes, (size_t)n);
	return buf_failed(out) ? -EMSGSIZE : 0;
}

int talk_smtp(int fd, char *text, size_t size)
{
	auto_buf struct buf bytes = buf_make(TALK_MAX);
	struct smtp_reply reply = smtp_reply_make();
	enum smtp_read read = SMTP_READ_MORE;
	int r = 0;

	while (r == 0 && (read == SMTP_READ_MORE || read == SMTP_READ_LINE)) {
		read = smtp_reply_next(&reply);
		if (read != SMTP_READ_MORE)
			continue;
		buf_clear(&bytes);
		r = talk_read(fd, &bytes);
		if (r == 0)
			smtp_reply_push(&reply, bytes.data, bytes.len);
	}
	if (r == 0)
		r = read == SMTP_READ_REPLY ? reply.code : -EPROTO;
	text_cut(text, size, reply.text);
	smtp_reply_free(&reply);
	return r;
}
