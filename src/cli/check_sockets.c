// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The three residents: each is asked a real question on its own socket, since a socket alone proves
// nothing: systemd listens on it for a program that does not start.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/talk.h"

// libmilter's protocol: a length in network order, a command, its data.
#define MILTER_VERSION 6
#define MILTER_ACTIONS 0x1ff
#define MILTER_STEPS   0x1fffff

static void fail(struct check *check, const char *program, const char *path, int error)
{
	check_say(check, CHECK_FAIL, program, "%s: %s", path,
		  error == -ECONNRESET ? "it closed the connection" : strerror(-error));
	if (error == -EACCES || error == -EPERM)
		check_mend(check, "run as root");
	else if (error == -ETIMEDOUT)
		check_mend(check, "it hangs: systemctl restart %s; its log may say why", program);
	else
		check_mend(check, "systemctl start %s; journalctl -t %s says why it ended", program,
			   program);
}

// An address that is nobody's: refused for that, so the question is heard and counts for nothing.
static int ask_policy(int fd, const struct config *config, struct buf *answer)
{
	char question[1024];
	int n = snprintf(question, sizeof(question),
			 "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
			 "sender=\nrecipient=nobody.here@%s\nclient_address=::1\n\n",
			 config->sites[0].v6_domain.text);
	int r = talk_send(fd, question, (size_t)n);

	while (r == 0 && (answer->len < 2 || strcmp(answer->data + answer->len - 2, "\n\n") != 0))
		r = talk_read(fd, answer);
	return r;
}

void check_policy(struct check *check)
{
	const char *path = check->config->policy_socket;
	auto_buf struct buf answer = buf_make(TALK_MAX);
	int fd = talk_open(path, SOCK_STREAM);
	int r = fd < 0 ? fd : ask_policy(fd, check->config, &answer);

	if (fd >= 0)
		close(fd);
	if (r < 0) {
		fail(check, "postsixd", path, r);
	} else if (strncmp(buf_string(&answer), "action=550 5.1.1 ", 17) != 0) {
		check_say(check, CHECK_FAIL, "postsixd",
			  "it does not refuse an unknown address: "
			  "%s",
			  buf_string(&answer));
		check_mend(check, "systemctl restart postsixd: it serves another configuration");
	} else {
		check_say(check, CHECK_OK, "postsixd", "it answers on %s", path);
	}
}

static void put(unsigned char *dst, unsigned long value)
{
	for (int i = 3; i >= 0; i--, value >>= 8)
		dst[i] = (unsigned char)value;
}

static int ask_milter(int fd, struct buf *answer)
{
	unsigned char hello[17] = {0}, bye[5] = {0, 0, 0, 1, 'Q'};
	int r;

	put(hello, 13);
	hello[4] = 'O';
	put(hello + 5, MILTER_VERSION);
	put(hello + 9, MILTER_ACTIONS);
	put(hello + 13, MILTER_STEPS);
	r = talk_send(fd, hello, sizeof(hello));
	while (r == 0 && answer->len < sizeof(hello))
		r = talk_read(fd, answer);
	if (r == 0 && answer->data[4] != 'O')
		r = -EPROTO;
	return r == 0 ? talk_send(fd, bye, sizeof(bye)) : r;
}

void check_milter(struct check *check)
{
	const char *path = check->config->milter_socket;
	auto_buf struct buf answer = buf_make(TALK_MAX);
	int fd, r;

	if (path[0] == '\0') {
		check_say(check, CHECK_OK, "postsix-milter", "the configuration has none");
		return;
	}
	fd = talk_open(path, SOCK_STREAM);
	r = fd < 0 ? fd : ask_milter(fd, &answer);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		fail(check, "postsix-milter", path, r);
	else
		check_say(check, CHECK_OK, "postsix-milter", "it answers on %s", path);
}

// Who connects and has no request is let go without a word: it is the going that counts.
void check_intake(struct check *check)
{
	const char *path = check->config->intake_socket;
	auto_buf struct buf answer = buf_make(TALK_MAX);
	int fd = talk_open(path, SOCK_SEQPACKET);
	int r = fd;

	if (fd >= 0) {
		r = shutdown(fd, SHUT_WR) == 0 ? talk_read(fd, &answer) : -errno;
		close(fd);
	}
	if (r < 0 && r != -ECONNRESET)
		fail(check, "postsix-intake", path, r);
	else if (fd < 0)
		fail(check, "postsix-intake", path, fd);
	else
		check_say(check, CHECK_OK, "postsix-intake", "it answers on %s", path);
}
