// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The ceiling: what stands in postsix-pipe's place and does nothing but inject two fixed messages,
// of the size of postsix's own, with the NOTIFY that postsix asks for. A DSN is thrown away. It
// parses nothing, knows nothing, keeps nothing: no responder that runs once per message and answers
// by two messages can be much faster.
//
//   responder RUN/intake/socket sender=ADDRESS name=value…
//
// The two inject sockets are RUN/dual/public/inject and RUN/v6/public/inject.

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

// Octets of postsix's own for a domain with one mail server, as submitted.
#define REPORT_SIZE     9400
#define SIX_SIZE        2000
#define SIZE_MAX_OF_ALL 16384

#define TEMPORARY(text) (puts("4.3.0 " text), EX_TEMPFAIL)

static const char report_head[] =
	"From: IPv6 e-mail checker <postmaster@dual.test>\r\n"
	"Subject: Auto: IPv6 e-mail checker: your message reached us\r\n"
	"Date: Tue, 25 Oct 2016 00:07:20 +0200\r\n"
	"Message-ID: <nk5lfso37m44caheme35jjxfmq6ruv34cpzy4ya@dual.test>\r\n"
	"Auto-Submitted: auto-replied\r\n";
static const char six_head[] = "From: IPv6 e-mail checker <postmaster@six.test>\r\n"
			       "Subject: Auto: IPv6 e-mail checker: mail over IPv6 reaches you\r\n"
			       "Date: Tue, 25 Oct 2016 00:07:20 +0200\r\n"
			       "Message-ID: <nk5lfso37m44eaheme33kkb7svql4xsfqtvmizq@six.test>\r\n"
			       "Auto-Submitted: auto-replied\r\n";
static const char line[] =
	"This is a line of the message, as long as a line of text usually is.\r\n";

// Reads until the last line of a reply whose code is wanted.
static bool await(int fd, const char *wanted, unsigned n_replies)
{
	char text[4096];
	size_t len = 0;

	while (n_replies > 0) {
		ssize_t got = recv(fd, text + len, sizeof(text) - len - 1, 0);
		char *end;

		if (got <= 0)
			return false;
		len += (size_t)got;
		text[len] = '\0';
		while (n_replies > 0 && (end = strchr(text, '\n')) != NULL) {
			if (strncmp(text, wanted, 3) != 0 && strncmp(text, "354", 3) != 0)
				return false;
			n_replies -= text[3] == ' ';
			len -= (size_t)(end + 1 - text);
			memmove(text, end + 1, len + 1);
		}
	}
	return true;
}

static bool say(int fd, const char *text, size_t len)
{
	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool say_text(int fd, const char *text)
{
	return say(fd, text, strlen(text));
}

static int connect_to(const char *intake, const char *instance)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *end = strstr(intake, "/intake/");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (end == NULL || fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.*s/%s/public/inject",
		 (int)(end - intake), intake, instance);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

static bool inject(const char *intake, const char *instance, const char *sender, const char *to,
		   const char *notify, const char *head, size_t size)
{
	int fd = connect_to(intake, instance);
	char text[SIZE_MAX_OF_ALL];
	size_t len;

	if (fd < 0 || !await(fd, "220", 1) || !say_text(fd, "EHLO localhost\r\n") ||
	    !await(fd, "250", 1))
		return false;
	snprintf(text, sizeof(text), "MAIL FROM:<%s>\r\nRCPT TO:<%s> NOTIFY=%s\r\nDATA\r\n", sender,
		 to, notify);
	if (!say_text(fd, text) || !await(fd, "250", 3))
		return false;
	len = (size_t)snprintf(text, sizeof(text), "%sTo: <%s>\r\n\r\n", head, to);
	while (len < size)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", line);
	len += (size_t)snprintf(text + len, sizeof(text) - len, ".\r\nQUIT\r\n");
	return say(fd, text, len) && await(fd, "250", 1);
}

int main(int argc, char **argv)
{
	const char *sender = "";

	for (int i = 2; i < argc; i++)
		if (strncmp(argv[i], "sender=", 7) == 0)
			sender = argv[i] + 7;
	if (*sender == '\0')
		return EX_OK;
	if (!inject(argv[1], "dual", "", sender, "NEVER", report_head, REPORT_SIZE))
		return TEMPORARY("no report");
	if (!inject(argv[1], "v6", "bounce+nk5lfso37m44eaheme3yht6q4gpmmzpv66mzrce@six.test",
		    sender, "SUCCESS,FAILURE,DELAY", six_head, SIX_SIZE))
		return TEMPORARY("no six probe");
	return EX_OK;
}
