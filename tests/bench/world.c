// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The world of the benchmark, in one process of little appetite: sends N requests, each from a
// sender of its own and over a connection of its own, and is the mail server that takes their
// replies. So every request and both its replies are seen by one clock, and counted one by one.
//
//   world COUNT SESSIONS WINDOW GAP RECIPIENT SERVER SOURCE SINK…
//
// SESSIONS connections at a time; at most WINDOW requests unanswered (0: no limit), and a GAP of
// milliseconds between the end of one and the start of the next. SERVER and SOURCE are IPv6
// addresses, a SINK is of either family. Prints a line for each request: when the dot that ends
// DATA was sent, when it was answered, when report and six probe came (microseconds since 1970, 0
// for never), how many of each came.

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT     25
#define LINE_MAX 4096
#define PATIENCE 30000000 // microseconds without any progress, until what is missing is lost
#define LINGER   300000   // after the last reply: for doubles, and for QUITs

struct request {
	int64_t sent, accepted, report, six;
	unsigned n_reports, n_sixes;
};

enum role {
	LISTENER,
	SOURCE,
	SINK
};

struct peer {
	enum role role;
	int fd;
	unsigned index; // of the request
	unsigned step;  // of a source: replies so far
	bool in_data;   // of a sink
	bool is_six;
	size_t len;
	char line[LINE_MAX];
};

static struct request *requests;
static unsigned n_requests, n_started, n_answered, n_sessions, max_sessions, window;
static int64_t gap, last_progress;
static const char *recipient;
static struct sockaddr_in6 server = {.sin6_family = AF_INET6}, source = {.sin6_family = AF_INET6};
static int epoll_fd;
static char run_name[32];

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct peer *peer_new(int fd, enum role role)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
	const int on = 1;

	if (peer == NULL)
		err(1, "memory");
	peer->fd = fd;
	peer->role = role;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
	return peer;
}

static void peer_free(struct peer *peer)
{
	close(peer->fd);
	free(peer);
}

// A few kilobytes into a fresh socket: what does not fit at once is a fault.
static void say(struct peer *peer, const char *text)
{
	size_t len = strlen(text);

	if (send(peer->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len && peer->role == SOURCE)
		err(1, "request %u: cannot send", peer->index);
}

// ---- the sending side ---------------------------------------------------------------------------

static void start_request(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct peer *peer;

	if (fd < 0 || bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0 ||
	    connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		err(1, "request %u: cannot connect", n_started);
	peer = peer_new(fd, SOURCE);
	peer->index = n_started++;
	n_sessions++;
}

static void send_envelope(struct peer *peer)
{
	char text[1000];

	snprintf(text, sizeof(text), "MAIL FROM:<r%u@bench.test>\r\nRCPT TO:<%s>\r\nDATA\r\n",
		 peer->index, recipient);
	say(peer, text);
}

// About 2 kB, as a short message from a phone has. The Message-ID makes each another request.
static void send_message(struct peer *peer)
{
	static const char line[] =
		"The quick brown fox jumps over the lazy dog, again and again.\r\n";
	char text[4000];
	size_t len = (size_t)snprintf(text, sizeof(text),
				      "From: Requester <r%u@bench.test>\r\n"
				      "To: <%s>\r\n"
				      "Subject: Does my mail work over IPv6?\r\n"
				      "Date: Tue, 25 Oct 2016 00:07:20 +0200\r\n"
				      "Message-ID: <%s.%u@bench.test>\r\n"
				      "MIME-Version: 1.0\r\n"
				      "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
				      peer->index, recipient, run_name, peer->index);

	for (int i = 0; i < 27; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", line);
	snprintf(text + len, sizeof(text) - len, ".\r\n");
	requests[peer->index].sent = now();
	say(peer, text);
}

// What is said after each reply; a reply of another kind ends the run.
static void source_on_line(struct peer *peer)
{
	static const char *const wanted[] = {"220 ", "250 ", "250 ", "250 ",
					     "354 ", "250 ", "221 "};

	if (peer->line[3] == '-')
		return;
	if (strncmp(peer->line, wanted[peer->step], 4) != 0)
		errx(1, "request %u was refused: %s", peer->index, peer->line);
	switch (peer->step++) {
	case 0:
		say(peer, "EHLO mx.bench.test\r\n");
		break;
	case 1:
		send_envelope(peer);
		break;
	case 4:
		send_message(peer);
		break;
	case 5:
		requests[peer->index].accepted = now();
		say(peer, "QUIT\r\n");
	}
}

static bool may_start(void)
{
	return n_started < n_requests && n_sessions < max_sessions &&
	       (window == 0 || n_started - n_answered < window) &&
	       (n_started == 0 || gap == 0 || now() - last_progress >= gap);
}

// ---- the receiving side -------------------------------------------------------------------------

static void note_delivery(struct peer *peer)
{
	struct request *request = &requests[peer->index];

	last_progress = now();
	if (peer->is_six && request->n_sixes++ == 0)
		request->six = last_progress;
	if (!peer->is_six && request->n_reports++ == 0)
		request->report = last_progress;
	if (request->n_sixes + request->n_reports == 2 && request->six && request->report)
		n_answered++;
}

static void sink_on_command(struct peer *peer)
{
	const char *reply = "250 2.0.0 Ok\r\n";

	if (strncasecmp(peer->line, "EHLO", 4) == 0) {
		reply = "250-mx.bench.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
	} else if (strncasecmp(peer->line, "MAIL", 4) == 0) {
		peer->is_six = strncasecmp(peer->line, "MAIL FROM:<bounce+", 18) == 0;
	} else if (strncasecmp(peer->line, "RCPT", 4) == 0) {
		if (sscanf(peer->line, "RCPT TO:<r%u@bench.test>", &peer->index) != 1 ||
		    peer->index >= n_requests)
			reply = "550 5.1.1 Nobody of that name asked for anything\r\n";
	} else if (strncasecmp(peer->line, "DATA", 4) == 0) {
		peer->in_data = true;
		reply = "354 Go ahead\r\n";
	} else if (strncasecmp(peer->line, "QUIT", 4) == 0) {
		reply = "221 2.0.0 Bye\r\n";
	}
	say(peer, reply);
}

static void sink_on_line(struct peer *peer)
{
	if (!peer->in_data) {
		sink_on_command(peer);
	} else if (strcmp(peer->line, ".") == 0) {
		peer->in_data = false;
		note_delivery(peer);
		say(peer, "250 2.0.0 Ok\r\n");
	}
}

static void listen_on(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	bool is_v6 = inet_pton(AF_INET6, text, &v6.sin6_addr) == 1;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (!is_v6 && inet_pton(AF_INET, text, &v4.sin_addr) != 1)
		errx(64, "%s is not an address", text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
		 is_v6 ? sizeof(v6) : sizeof(v4)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		err(1, "%s", text);
	peer_new(fd, LISTENER);
}

// ---- both ---------------------------------------------------------------------------------------

// Calls for each whole line, without its CRLF.
static void peer_read(struct peer *peer, void (*on_line)(struct peer *))
{
	char data[16384];
	ssize_t len = recv(peer->fd, data, sizeof(data), 0);

	if (len <= 0) {
		if (peer->role == SOURCE) {
			if (peer->step < 6)
				errx(1, "request %u: the server hung up", peer->index);
			n_sessions--;
			last_progress = now();
		}
		peer_free(peer);
		return;
	}
	for (ssize_t i = 0; i < len; i++) {
		if (peer->len == LINE_MAX - 1)
			errx(1, "a line is too long");
		peer->line[peer->len++] = data[i];
		if (data[i] != '\n')
			continue;
		peer->line[peer->len -
			   (peer->len > 1 && peer->line[peer->len - 2] == '\r' ? 2 : 1)] = '\0';
		on_line(peer);
		peer->len = 0;
	}
}

static void on_event(struct peer *peer)
{
	int fd;

	switch (peer->role) {
	case LISTENER:
		fd = accept4(peer->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			say(peer_new(fd, SINK), "220 mx.bench.test ESMTP\r\n");
		break;
	case SOURCE:
		peer_read(peer, source_on_line);
		break;
	case SINK:
		peer_read(peer, sink_on_line);
	}
}

static void run(void)
{
	struct epoll_event events[64];
	bool over = false;

	last_progress = now();
	while (!over) {
		int n;

		while (may_start())
			start_request();
		n = epoll_wait(epoll_fd, events, 64, gap > 0 ? 1 : 50);
		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr);
		over = now() - last_progress > (n_answered == n_requests ? LINGER : PATIENCE);
	}
}

static void print_all(void)
{
	for (unsigned i = 0; i < n_requests; i++)
		printf("%lld %lld %lld %lld %u %u\n", (long long)requests[i].sent,
		       (long long)requests[i].accepted, (long long)requests[i].report,
		       (long long)requests[i].six, requests[i].n_reports, requests[i].n_sixes);
}

int main(int argc, char **argv)
{
	if (argc < 9)
		errx(64, "usage: world COUNT SESSIONS WINDOW GAP RECIPIENT SERVER SOURCE SINK...");
	n_requests = (unsigned)atoi(argv[1]);
	max_sessions = (unsigned)atoi(argv[2]);
	window = (unsigned)atoi(argv[3]);
	gap = atoi(argv[4]) * INT64_C(1000);
	recipient = argv[5];
	if (inet_pton(AF_INET6, argv[6], &server.sin6_addr) != 1 ||
	    inet_pton(AF_INET6, argv[7], &source.sin6_addr) != 1)
		errx(64, "%s or %s is not an IPv6 address", argv[6], argv[7]);
	server.sin6_port = htons(PORT);
	requests = calloc(n_requests, sizeof(*requests));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (requests == NULL || epoll_fd < 0)
		err(1, "start");
	snprintf(run_name, sizeof(run_name), "%llx.%x", (unsigned long long)now(), getpid());
	for (int i = 8; i < argc; i++)
		listen_on(argv[i]);
	printf("%lld\n", (long long)now());
	run();
	print_all();
	return 0;
}
