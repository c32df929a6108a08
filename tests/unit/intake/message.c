// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// intake/message: the beginning is kept, all is counted, the body is hashed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/digest.h"
#include "adapter/mime.h"
#include "intake/message.h"

// Writes bytes to a pipe from a process of its own, in pieces.
static int pipe_of(const char *bytes, size_t len)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	if (fork() == 0) {
		for (size_t done = 0; done < len;) {
			size_t piece = len - done < 9999 ? len - done : 9999;
			ssize_t n = write(ends[1], bytes + done, piece);

			if (n < 0)
				_exit(1);
			done += (size_t)n;
		}
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

static void check(const char *bytes, size_t len, size_t body)
{
	int fd = pipe_of(bytes, len), status;
	unsigned char digest[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1];
	struct message message;

	assert_int_equal(message_read(fd, &message), 0);
	wait(&status);
	assert_int_equal(status, 0); // the writer never met a closed pipe
	assert_int_equal(message.size, len);
	assert_int_equal(message.head.len, len < MIME_INPUT_MAX ? len : MIME_INPUT_MAX);
	if (len > 0)
		assert_memory_equal(message.head.data, bytes, message.head.len);
	digest_sha256(digest, bytes + body, len - body);
	digest_hex(hex, digest, DIGEST_SIZE);
	assert_string_equal(message.body_hash, hex);
	message_free(&message);
	close(fd);
}

static void test_26_sizes(void **state)
{
	static char bytes[3 * MIME_INPUT_MAX];
	static const size_t sizes[] = {
		14,           15, 65536, MIME_INPUT_MAX - 1, MIME_INPUT_MAX, MIME_INPUT_MAX + 1,
		sizeof(bytes)};

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7919 >> 3);
	memcpy(bytes, "Subject: big\n\n", 14);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check(bytes, sizes[i], 14);
	check("", 0, 0);
	check("Subject: no body", 16, 16);
	check("\r\nbody", 6, 2);
	// a header longer than what is kept: its rest counts as body
	memset(bytes, 'x', sizeof(bytes));
	check(bytes, sizeof(bytes), MIME_INPUT_MAX);
}

static void test_2_read_error(void **state)
{
	struct message message;

	(void)state;
	assert_int_equal(message_read(-1, &message), -EBADF);
	message_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_26_sizes),
		cmocka_unit_test(test_2_read_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
