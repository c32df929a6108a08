// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mem: allocation succeeds or the process ends, overflow included.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

// The sanitizer would end the process itself, before the code under test can.
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void test_new_is_zeroed(void **state)
{
	char *memory = mem_new(100, 10);
	void *nothing = mem_new(0, 10);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(memory[i], 0);
	assert_non_null(nothing);
	free(memory);
	free(nothing);
}

static void test_grow_keeps(void **state)
{
	int *numbers = NULL;

	(void)state;
	for (int i = 0; i < 100; i++) {
		numbers = mem_grow(numbers, (size_t)i + 1, sizeof(*numbers));
		numbers[i] = i;
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(numbers[i], i);
	free(numbers);
}

static void test_copies(void **state)
{
	char *a = mem_strdup("text");
	char *b = mem_strndup("a\0bcd", 3);
	char *c = mem_strndup(NULL, 0);

	(void)state;
	assert_string_equal(a, "text");
	assert_memory_equal(b, "a\0b", 4);
	assert_string_equal(c, "");
	free(a);
	free(b);
	free(c);
}

static void grow_too_far(void)
{
	free(mem_grow(NULL, SIZE_MAX / 2, 4));
}

static void copy_too_much(void)
{
	free(mem_strndup("", SIZE_MAX));
}

// How a child ends that does what asks for too much.
static int signal_of(void (*too_much)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		const struct rlimit no_core = {0};

		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		close(STDERR_FILENO);
		too_much();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void test_overflow_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(signal_of(grow_too_far), SIGABRT);
	assert_int_equal(signal_of(copy_too_much), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_is_zeroed),
		cmocka_unit_test(test_grow_keeps),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_overflow_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
