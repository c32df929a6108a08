// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// pipe/hand: against a server of every temper, what pipe(8) is told is a safe word or a temporary
// failure.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipe/hand.h"

static char *const arguments[] = {"instance=v6", "queue_id=4X", "sender=", NULL};
static char folder[100], socket_path[120];

// Answers one request: the packet itself (its NULs as '|') where answer is NULL, else the answer's
// len octets; none for len 0.
static void serve(int listen_fd, const char *answer, size_t len)
{
	char packet[HAND_PACKET_MAX + 1], control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec data = {packet, sizeof(packet)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int fd = accept(listen_fd, NULL, NULL), message_fd;
	ssize_t got = recvmsg(fd, &message, 0);
	char text[100] = "";

	if (answer == NULL && got > 0) {
		memcpy(&message_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
		for (ssize_t i = 0; i < got; i++)
			packet[i] = packet[i] == '\0' ? '|' : packet[i];
		len = (size_t)snprintf(text, sizeof(text), "4.9.9 %.*s", (int)got, packet);
		len += (size_t)read(message_fd, text + len, sizeof(text) - len);
		answer = text;
	}
	if (len > 0)
		send(fd, answer, len, MSG_NOSIGNAL);
	_exit(0);
}

static bool hand_to(const char *answer, size_t len, char *status)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listen_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), message[2];
	bool is_safe;
	pid_t pid;

	strcpy(address.sun_path, socket_path);
	unlink(socket_path);
	assert_int_equal(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listen_fd, 1), 0);
	pid = fork();
	if (pid == 0)
		serve(listen_fd, answer, len);
	close(listen_fd);
	assert_int_equal(pipe(message), 0);
	assert_int_equal(write(message[1], "body", 4), 4);
	is_safe = hand_over(socket_path, arguments, message[0], status);
	close(message[0]);
	close(message[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return is_safe;
}

static void test_request(void **state)
{
	char status[HAND_STATUS_MAX + 1];

	(void)state;
	assert_false(hand_to(NULL, 0, status));
	assert_string_equal(status, "4.9.9 instance=v6|queue_id=4X|sender=|body");
}

#define ANSWER(text) text, sizeof(text) - 1

static const struct {
	const char *answer;
	size_t len;
	const char *want; // NULL: it is safe
} answers[] = {
	{ANSWER("2.0.0"), NULL},
	{ANSWER("4.3.1 spool: No space left on device"), "4.3.1 spool: No space left on device"},
	{ANSWER(""), "4.3.0 postsix-intake went away before it answered"},
	{ANSWER("5.0.0 no"), "4.3.0 postsix-intake gave an answer that is none"},
	{ANSWER("2.0.0 and more"), "4.3.0 postsix-intake gave an answer that is none"},
	{ANSWER("2.0.0\n"), "4.3.0 postsix-intake gave an answer that is none"},
	{ANSWER("2.0.0\0"), "4.3.0 postsix-intake gave an answer that is none"},
	{ANSWER("4.0.0 a\nb\0c\xff"), "4.0.0 a?b?c?"},
};

static void test_I4_answers(void **state)
{
	char status[HAND_STATUS_MAX + 1], long_answer[2 * HAND_STATUS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		bool is_safe = hand_to(answers[i].answer, answers[i].len, status);

		assert_int_equal(is_safe, answers[i].want == NULL);
		if (!is_safe)
			assert_string_equal(status, answers[i].want);
	}
	memset(long_answer, '4', sizeof(long_answer));
	long_answer[1] = '.';
	assert_false(hand_to(long_answer, sizeof(long_answer), status));
	assert_int_equal(strlen(status), HAND_STATUS_MAX);
}

static void test_I4_nobody_there(void **state)
{
	char status[HAND_STATUS_MAX + 1], path[200];
	char *none[] = {NULL}, *huge[2] = {malloc(HAND_PACKET_MAX + 1), NULL};

	(void)state;
	unlink(socket_path);
	assert_false(hand_over(socket_path, arguments, 0, status));
	assert_memory_equal(status, "4.3.0 ", 6);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(hand_over(path, arguments, 0, status));
	assert_memory_equal(status, "4.3.0 ", 6);
	assert_false(hand_over(socket_path, none, 0, status));
	assert_memory_equal(status, "4.3.5 ", 6);
	memset(huge[0], 'x', HAND_PACKET_MAX);
	huge[0][HAND_PACKET_MAX] = '\0';
	assert_false(hand_over(socket_path, huge, 0, status));
	assert_memory_equal(status, "4.3.5 ", 6);
	huge[0][HAND_PACKET_MAX - 1] = '\0'; // just fits, and nobody is there
	assert_false(hand_over(socket_path, huge, 0, status));
	assert_memory_equal(status, "4.3.0 ", 6);
	free(huge[0]);
}

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/postsix-hand-XXXXXX", base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(folder));
	snprintf(socket_path, sizeof(socket_path), "%s/s", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(socket_path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_I4_answers),
		cmocka_unit_test(test_I4_nobody_there),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
