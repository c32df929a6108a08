// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// intake/request: packets in memory and over a socket.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intake/request.h"

#define PACKET(text) text, sizeof(text) // with the last NUL

static const struct {
	const char *packet;
	size_t len;
	bool is_good;
} packets[] = {
	{PACKET("instance=v6\0queue_id=4X\0recipient=a@b"), true},
	{PACKET("instance=v6\0queue_id=4X\0recipient=a@b\0sender=a=b"), true},
	{"", 0, false},
	{PACKET(""), false},
	{PACKET("instance=v6\0queue_id=4X\0"), false},            // no recipient
	{PACKET("instance=v6\0queue_id=\0recipient=a@b"), false}, // an empty one
	{PACKET("instance=v6\0queue_id=4X\0recipient=a@b\0"), false},
	{PACKET("instance=v6\0queue_id=4X\0recipient=a@b\0colour=red"), false},
	{PACKET("instance=v6\0queue_id=4X\0recipient=a@b\0recipient=a@b"), false},
	{PACKET("instance=v6\0queue_id=4X\0recipient=a@b\0=x"), false},
	{PACKET("instance=v6\0queue_id=4X\0recipient=a@b\0a-name-of-more-than-forty-octets-is-"
		"nobodys-name=x"),
	 false},
	{"instance=v6\0queue_id=4X\0recipient=a@b", 37, false}, // without the last NUL
};

static void test_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct envelope envelope;
		const char *wrong = request_parse(packets[i].packet, packets[i].len, &envelope);

		if ((wrong == NULL) != packets[i].is_good)
			fail_msg("packet %zu: %s", i, wrong != NULL ? wrong : "taken");
		if (wrong != NULL)
			continue;
		assert_string_equal(envelope.recipient, "a@b");
		assert_string_equal(envelope.client_helo, "");
		envelope_free(&envelope);
	}
}

static void send_with(int fd, const char *packet, size_t len, const int *fds, size_t n)
{
	char control[CMSG_SPACE(2 * sizeof(int))] = "";
	struct iovec data = {(char *)packet, len};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (n > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(n * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(header), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &message, 0), len);
}

static size_t count_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_socket(void **state)
{
	static char huge[REQUEST_PACKET_MAX + 1];
	const int fds[2] = {open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY)};
	const size_t before = count_fds();
	struct request request;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	send_with(ends[0], packets[0].packet, packets[0].len, fds, 1);
	assert_null(request_read(ends[1], &request));
	assert_true((fcntl(request.message_fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_true(request_is_wanted(ends[1]));
	request_free(&request);
	send_with(ends[0], packets[0].packet, packets[0].len, NULL, 0);
	assert_non_null(request_read(ends[1], &request));
	send_with(ends[0], packets[0].packet, packets[0].len, fds, 2);
	assert_non_null(request_read(ends[1], &request));
	send_with(ends[0], "", 0, fds, 1);
	assert_string_equal(request_read(ends[1], &request), "");
	send_with(ends[0], packets[2].packet, packets[3].len, fds, 1);
	assert_non_null(request_read(ends[1], &request));
	memset(huge, 'x', sizeof(huge));
	memcpy(huge, packets[0].packet, packets[0].len);
	huge[REQUEST_PACKET_MAX - 1] = '\0';
	send_with(ends[0], huge, sizeof(huge), fds, 1);
	assert_string_equal(request_read(ends[1], &request),
			    "the request is too long, or has more than one descriptor");
	request_answer(ends[1], "2.0.0");
	assert_int_equal(recv(ends[0], huge, sizeof(huge), 0), 5);
	close(ends[0]);
	assert_string_equal(request_read(ends[1], &request), ""); // gone
	assert_false(request_is_wanted(ends[1]));
	request_answer(ends[1], "2.0.0"); // no SIGPIPE
	close(ends[1]);
	assert_int_equal(count_fds(), before); // no descriptor is left over
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
