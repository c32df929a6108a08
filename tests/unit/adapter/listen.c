// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// listen: real sockets against a service that gives lines back. RELIABILITY faults 15 and 16: who
// holds connections open or sends half of something keeps nobody else out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "adapter/listen.h"
#include "adapter/loop.h"
#include "unit/folder.h"

#define MS UINT64_C(1000)

static int n_open, n_closed;

// A line comes back as it is; "big" as 60 kB, "end" closes after its answer, "cut" at once.
static void *on_open(void *arg)
{
	n_open++;
	return arg;
}

static bool on_bytes(void *state, const char *bytes, size_t len, struct buf *out,
		     bool *ret_is_waiting)
{
	assert_ptr_equal(state, &n_open);
	*ret_is_waiting = bytes[len - 1] != '\n';
	if (strncmp(bytes, "big", 3) == 0)
		for (int i = 0; i < 6000; i++)
			buf_adds(out, "0123456789");
	else if (strncmp(bytes, "cut", 3) != 0)
		buf_add(out, bytes, len);
	return strncmp(bytes, "end", 3) != 0 && strncmp(bytes, "cut", 3) != 0;
}

static void on_close(void *state)
{
	assert_ptr_equal(state, &n_open);
	n_closed++;
}

static const struct listen_service service = {on_open, on_bytes, on_close, &n_open};

static void on_stop(void *arg)
{
	loop_stop(arg, 0);
}

static rlim_t descriptors; // that it may have; 0 for as many as usual

// A server's process, until SIGTERM; it ends with 0 where each connection was closed.
static _Noreturn void serve(struct listen_limits limits)
{
	struct listen *listen = NULL;
	struct loop *loop = loop_new();
	struct source *stop = loop_add_signal(loop, SIGTERM, on_stop, loop);
	const struct rlimit few = {descriptors, descriptors};

	if (descriptors > 0)
		setrlimit(RLIMIT_NOFILE, &few);
	if (listen_open(loop, folder_file("socket"), 0, &service, &listen) < 0)
		_exit(1);
	if (limits.connections > 0)
		listen_set_limits(listen, limits);
	if (loop_run(loop) != 0)
		_exit(2);
	source_free(stop);
	listen_free(listen);
	loop_free(loop);
	_exit(n_open == n_closed ? 0 : 3);
}

// A connected socket, or -errno.
static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = 3};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", folder_file("socket"));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -errno;
}

static pid_t server;

static void start(struct listen_limits limits)
{
	int fd = -1;

	server = fork();
	if (server == 0)
		serve(limits);
	for (int i = 0; i < 300 && (fd = dial()) < 0; i++)
		usleep(10000);
	assert_true(fd >= 0);
	close(fd);
}

static void stop(void)
{
	int status = -1;

	kill(server, SIGTERM);
	assert_int_equal(waitpid(server, &status, 0), server);
	server = 0;
	assert_int_equal(status, 0);
}

// cmocka tear-down: a test that failed leaves nothing running.
static int tidy(void **state)
{
	if (server > 0)
		kill(server, SIGKILL);
	server = 0;
	return folder_remove(state);
}

static const struct listen_limits usual = {0};

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

// What came, in a static buffer; "" where the server closed.
static const char *hear(int fd)
{
	static char text[100];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n < 0 && errno == ECONNRESET)
		n = 0;
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void expect_echo(int fd, const char *line)
{
	say(fd, line);
	assert_string_equal(hear(fd), line);
}

static void test_serves(void **state)
{
	struct stat info;
	int one, two;

	(void)state;
	start(usual);
	assert_int_equal(stat(folder_file("socket"), &info), 0);
	assert_int_equal(info.st_mode & 07777, 0660);
	one = dial(), two = dial();
	expect_echo(one, "a\n");
	expect_echo(two, "b\n");
	expect_echo(one, "c\n");
	say(one, "end\n");
	assert_string_equal(hear(one), "end\n"); // the answer, then the end
	assert_string_equal(hear(one), "");
	say(two, "cut\n");
	assert_string_equal(hear(two), "");
	close(one);
	close(two);
	stop();
	assert_int_equal(access(folder_file("socket"), F_OK), -1);
}

static void test_socket_files(void **state)
{
	struct loop *loop = loop_new();
	struct listen *listen = NULL, *other = NULL;
	char longer[200];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/', longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(listen_open(loop, longer, 0, &service, &listen), -ENAMETOOLONG);
	assert_int_equal(listen_open(loop, folder_file("no/folder"), 0, &service, &listen),
			 -ENOENT);
	folder_write("file", "x", 1);
	assert_int_equal(listen_open(loop, folder_file("file"), 0, &service, &listen), -EADDRINUSE);
	start(usual);
	assert_int_equal(listen_open(loop, folder_file("socket"), 0, &service, &other),
			 -EADDRINUSE);
	kill(server, SIGKILL); // its file stays
	waitpid(server, NULL, 0);
	server = 0;
	assert_int_equal(access(folder_file("socket"), F_OK), 0);
	assert_int_equal(listen_open(loop, folder_file("socket"), 0, &service, &other), 0);
	assert_null(listen_free(other));
	assert_null(listen_free(NULL));
	loop_free(loop);
}

// The one that was silent longest makes room.
static void test_fault_15_idle_connections(void **state)
{
	int idle[30], honest;

	(void)state;
	start((struct listen_limits){10, 60000 * MS, 60000 * MS});
	honest = dial();
	expect_echo(honest, "x\n");
	for (int i = 0; i < 30; i++) {
		idle[i] = dial();
		expect_echo(idle[i], "y\n"); // it is accepted, not in the backlog
		if (i % 5 == 4)
			expect_echo(honest, "x\n");
	}
	assert_string_equal(hear(idle[0]), "");
	expect_echo(idle[29], "y\n");
	expect_echo(honest, "x\n");
	for (int i = 0; i < 30; i++)
		close(idle[i]);
	close(honest);
	stop();
}

static void test_fault_16_time_limits(void **state)
{
	int silent, half, drip, busy;

	(void)state;
	start((struct listen_limits){10, 4000 * MS, 500 * MS});
	silent = dial(), half = dial(), drip = dial(), busy = dial();
	say(half, "half");
	hear(half);
	for (int i = 0; i < 30; i++) { // for 900 ms
		(void)send(drip, "d", 1, MSG_NOSIGNAL);
		expect_echo(busy, "x\n");
		usleep(30000);
	}
	assert_string_equal(hear(half), "");
	while (*hear(drip) != '\0')
		;
	expect_echo(silent, "y\n"); // its limit is the longer one
	expect_echo(busy, "x\n");
	usleep(4500000);
	assert_string_equal(hear(silent), "");
	close(silent), close(half), close(drip), close(busy);
	stop();
}

// Who takes no answers is not read from, holds 64 kB at most, and is closed in the end.
static void test_fault_16_who_does_not_read(void **state)
{
	int deaf, other;

	(void)state;
	start((struct listen_limits){10, 60000 * MS, 500 * MS});
	deaf = dial(), other = dial();
	fcntl(deaf, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 20; i++) {
		(void)send(deaf, "big\n", 4, MSG_NOSIGNAL);
		expect_echo(other, "x\n");
	}
	usleep(1500000);
	while (recv(deaf, (char[4096]){0}, 4096, 0) > 0)
		;
	assert_true(errno != EAGAIN); // closed
	expect_echo(other, "x\n");
	close(deaf), close(other);
	stop();
}

// Fault 35: no descriptor left for another connection; the loop does not spin, nor die.
static void test_fault_35_no_descriptors(void **state)
{
	int fds[40], n = 0;

	(void)state;
	descriptors = 20;
	start((struct listen_limits){100, 60000 * MS, 500 * MS});
	descriptors = 0;
	while (n < 40)
		fds[n++] = dial();
	usleep(300000);
	assert_true(fds[39] >= 0);
	expect_echo(fds[39], "last\n");
	for (int i = 0; i < n; i++)
		close(fds[i]);
	stop();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, tidy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_serves),
		TEST(test_socket_files),
		TEST(test_fault_15_idle_connections),
		TEST(test_fault_16_time_limits),
		TEST(test_fault_16_who_does_not_read),
		TEST(test_fault_35_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
