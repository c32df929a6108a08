// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What a process inside the fence can do, and what it dies of; nobody else does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/fence.h"

#define WELL 0

static int write_out(void)
{
	return write(1, "", 0) == 0 ? WELL : 2;
}

static int use_memory(void)
{
	for (size_t size = 100; size < 8 << 20; size *= 3) {
		char *all = malloc(size);

		memset(all, 1, size);
		all = realloc(all, size * 2);
		free(all);
	}
	return WELL;
}

// A character set that was opened outside is there, and others are unknown, which kills nobody.
static int convert(void)
{
	char in[] = "\xe8", out[10] = "", *from = in, *to = out;
	size_t in_len = 1, out_len = sizeof(out);
	iconv_t cd = iconv_open("UTF-8", "iso-8859-2");

	if (cd == (iconv_t)-1 || iconv(cd, &from, &in_len, &to, &out_len) != 0 ||
	    strcmp(out, "č") != 0)
		return 2;
	return iconv_open("UTF-8", "windows-1250") == (iconv_t)-1 ? WELL : 3;
}

static int read_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? WELL : 2;
}

static int write_file(void)
{
	return open("/tmp/postsix-fence", O_WRONLY | O_CREAT, 0600) < 0 ? 2 : 3;
}

static int write_null(void)
{
	return open("/dev/null", O_RDWR) < 0 ? 2 : 3;
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 2 : 3;
}

static int run_program(void)
{
	return execl("/bin/true", "true", NULL);
}

static int make_process(void)
{
	return fork() < 0 ? 2 : WELL;
}

static int signal_parent(void)
{
	return kill(getppid(), 0) < 0 ? 2 : 3;
}

static int make_code(void)
{
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return code == MAP_FAILED ? 2 : 3;
}

static int unlink_file(void)
{
	return unlink("/nonexistent/postsix") < 0 ? 2 : 3;
}

static int in_child(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fence() == 0 ? act() : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_fence(void **state)
{
	static const struct {
		const char *name;
		int (*act)(void);
		bool dies;
	} rows[] = {
		{"write", write_out, false},        {"memory", use_memory, false},
		{"convert", convert, false},        {"read a file", read_file, false},
		{"write a file", write_file, true}, {"write a device", write_null, true},
		{"socket", make_socket, true},      {"exec", run_program, true},
		{"fork", make_process, true},       {"kill", signal_parent, true},
		{"code", make_code, true},          {"unlink", unlink_file, true},
	};

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	print_message("# skipped: the sanitizer makes calls that the filter forbids; the plain "
		      "build runs this\n");
	skip();
#endif
	assert_int_equal(fence_prepare(), 0);
	assert_true(iconv_open("UTF-8", "iso-8859-2") != (iconv_t)-1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status = in_child(rows[i].act);

		if (rows[i].dies ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS
				 : !WIFEXITED(status) || WEXITSTATUS(status) != WELL)
			fail_msg("%s: status %#x", rows[i].name, (unsigned)status);
	}
}

// It is put up by who goes inside, and by nobody else.
static void test_outside(void **state)
{
	(void)state;
	assert_int_equal(make_socket(), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fence),
		cmocka_unit_test(test_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
