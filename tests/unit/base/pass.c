// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// base/pass: one descriptor with a packet, and none that is left over.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pass.h"

static size_t count_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static bool is_same_file(int a, int b)
{
	struct stat one, other;

	assert_int_equal(fstat(a, &one) | fstat(b, &other), 0);
	return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

static void test_pass(void **state)
{
	int ends[2], file = open("/dev/null", O_RDONLY), fd = -1;
	char data[8] = "";

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(pass_send(ends[0], "abc", 3, file), 0);
	assert_int_equal(pass_receive(ends[1], data, sizeof(data), &fd), 3);
	assert_memory_equal(data, "abc", 3);
	assert_true(is_same_file(fd, file));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(send(ends[0], "x", 1, 0), 1);
	assert_int_equal(pass_receive(ends[1], data, sizeof(data), &fd), 1);
	assert_int_equal(fd, -1);
	close(ends[0]);
	assert_int_equal(pass_receive(ends[1], data, sizeof(data), &fd), 0);
	assert_int_equal(pass_send(ends[1], "x", 1, file), -EPIPE); // and no signal
	assert_int_equal(pass_send(ends[1], "x", 1, -1), -EBADF);
	close(ends[1]);
	close(file);
}

static void send_many(int socket, const char *data, size_t len, size_t n)
{
	int fds[3] = {0, 0, 0};
	char control[CMSG_SPACE(sizeof(fds))] = "";
	struct iovec part = {(char *)data, len};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(header), fds, n * sizeof(int));
	assert_int_equal(sendmsg(socket, &message, 0), len);
}

static const struct {
	size_t len; // octets, of which four are wanted
	size_t n;   // descriptors
	ssize_t want;
} wrong[] = {
	{0, 1, 0}, {5, 1, -EMSGSIZE}, {1, 2, -EMSGSIZE}, {1, 3, -EMSGSIZE}, {5, 2, -EMSGSIZE},
};

static void test_nothing_is_left(void **state)
{
	int ends[2];
	char data[4];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const size_t before = count_fds();
		int fd = -1;

		send_many(ends[0], "12345", wrong[i].len, wrong[i].n);
		assert_int_equal(pass_receive(ends[1], data, sizeof(data), &fd), wrong[i].want);
		assert_int_equal(fd, -1);
		assert_int_equal(count_fds(), before);
	}
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
