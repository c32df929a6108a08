// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// status: one screen, whatever strangers wrote and whatever the clock says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "unit/cli/told.h"

static int denied; // connections that end in EACCES, before others do as they do

// In place of the C library's.
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	if (denied-- > 0) {
		errno = EACCES;
		return -1;
	}
	return (int)syscall(SYS_connect, fd, address.__sockaddr__, len);
}

// Who may not ask does not say that nobody answers.
static void test_permission(void **state)
{
	json_t *object;

	(void)state;
	denied = 5;
	tell(verb_status, NULL);
	assert_int_equal(told_status, EX_NOPERM);
	assert_non_null(strstr(told_out, "postsixd       cannot be asked by this user\n"));
	assert_null(strstr(told_out, "does NOT answer"));
	denied = 5;
	tell(verb_status, "--json", NULL);
	assert_int_equal(told_status, EX_NOPERM);
	object = told_object(0, 1);
	assert_true(json_is_null(told_member(object, "parts.intake.answers")));
	json_decref(object);
	denied = 1;
	tell(verb_status, NULL);
	assert_int_equal(told_status, EX_UNAVAILABLE);
}

static void test_nothing(void **state)
{
	json_t *object;

	(void)state;
	tell(verb_status, NULL);
	assert_int_equal(told_status, EX_UNAVAILABLE);
	assert_true(told_lines() <= 24);
	assert_non_null(strstr(told_out, "postsixd       does NOT answer: No such file"));
	assert_non_null(strstr(told_out, "\nlast request   -\n"));
	assert_non_null(strstr(told_out, "\nprobes         none\n"));
	tell(verb_status, "--json", NULL);
	object = told_object(0, 1);
	assert_true(json_is_null(told_member(object, "last_request")));
	assert_true(json_is_false(told_member(object, "parts.intake.answers")));
	assert_int_equal(json_integer_value(told_member(object, "waiting.v6.count")), 0);
	json_decref(object);
}

// Somebody's address that used most of a limit is shown: as text.
static void test_strangers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(told_strangers); i++) {
		json_t *object;

		for (uint64_t k = 1; k <= 3; k++)
			told_request(R(i * 3 + k), NOW + (int64_t)i * 100000, "answer",
				     told_strangers[i]);
		told_clock = NOW + (int64_t)i * 100000 + 60;
		tell(verb_status, NULL);
		assert_true(told_lines() <= 24);
		if (told_strangers[i][0] != '\0')
			assert_non_null(
				strstr(told_out, "\nlimit          requester_daily: 3 of 3 "));
		tell(verb_status, "--json", NULL);
		object = told_object(0, 1);
		assert_int_equal(json_integer_value(told_member(object, "today")), 3);
		json_decref(object);
	}
}

// RELIABILITY fault 14.
static void test_clock(void **state)
{
	static const int64_t clocks[] = {NOW - 86400 * 400, 1000, 0, -1000, -86400 * 400};

	(void)state;
	told_request(R(1), NOW, "answer", "x");
	told_request(R(2), -86400 * 500, "answer", "x");
	folder_write("spool/new/entry", "", 0);
	folder_write("spool/quarantine/entry", "", 0);
	for (size_t i = 0; i < COUNT(clocks); i++) {
		told_clock = clocks[i];
		tell(verb_status, NULL);
		assert_int_equal(told_status, EX_UNAVAILABLE);
		told_lines();
		assert_non_null(strstr(told_out, "last request   2027-01-15T08:00:00Z, 0 s ago\n"));
		assert_non_null(strstr(told_out, "\nspool          1 entry, the oldest for 0 s\n"));
		assert_non_null(strstr(told_out, "\nquarantine     1 file to look at\n"));
		tell(verb_status, "--json", NULL);
		json_decref(told_object(0, 1));
	}
}

static void test_faults(void **state)
{
	(void)state;
	assert_int_equal(rmdir(folder_file("spool/new")), 0);
	tell(verb_status, NULL);
	assert_non_null(strstr(told_out, "\nspool          cannot be read by this user\n"));
	tell(verb_status, "word", NULL);
	assert_int_equal(told_status, EX_USAGE);
	tell(verb_status, "--help", NULL);
	assert_int_equal(told_status, EX_OK);
	assert_int_equal(unlink(folder_file("state/postsix.db")), 0);
	assert_string_equal(tell(verb_status, NULL), "");
	assert_int_equal(told_status, EX_NOINPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, told_make, told_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_permission), TEST(test_nothing), TEST(test_strangers),
		TEST(test_clock),      TEST(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
