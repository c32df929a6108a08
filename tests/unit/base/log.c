// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// log: one call is one line, whatever the values hold.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int saved;
static int captured[2];

static int capture(void **state)
{
	(void)state;
	saved = dup(STDERR_FILENO);
	if (pipe(captured) < 0)
		return -1;
	dup2(captured[1], STDERR_FILENO);
	close(captured[1]);
	log_open("postsix-test", LOG_TO_STDERR);
	return 0;
}

// What was logged since capture(), with standard error put back.
static const char *caught(void)
{
	static char text[8192];
	ssize_t len;

	dup2(saved, STDERR_FILENO);
	close(saved);
	len = read(captured[0], text, sizeof(text) - 1);
	close(captured[0]);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t regex;
	int found;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	if (found != 0)
		print_error("logged: %s", text);
	assert_int_equal(found, 0);
}

#define STAMP                                                                                      \
	"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "                      \
	"postsix-test\\[[0-9]+\\]: "

static void test_note(void **state)
{
	(void)state;
	log_note(LOG_INFO, "started, %d sites", 2);
	assert_matches(caught(), STAMP "started, 2 sites\n$");
}

static void test_event(void **state)
{
	(void)state;
	log_event(LOG_NOTICE, "abcdefghijklm", "sender=%s, subject=%s", log_value("a@b.test"),
		  log_value("x, y=\"z\"\nforged: line"));
	assert_matches(caught(), STAMP "abcdefghijklm: sender=a@b\\.test, "
				       "subject=x\\\\x2c y=\\\\x22z\\\\x22\\\\x0aforged: line\n$");
}

static void test_23_one_call_is_one_line(void **state)
{
	char huge[5000];
	const char *text;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	huge[10] = '\n';
	huge[11] = '\x1b';
	huge[sizeof(huge) - 1] = '\0';
	log_event(LOG_ERR, "a\nb", "%s", huge);
	text = caught();
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_null(strchr(text, '\x1b'));
	assert_matches(text, STAMP "a\\?b: xxxxxxxxxx\\?\\?x+\n$");
	assert_true(strlen(text) > 1500);
}

static void test_values_of_one_call_differ(void **state)
{
	const char *values[8];
	char word[2] = "a";

	(void)state;
	caught();
	for (int i = 0; i < 8; i++, word[0]++)
		values[i] = log_value(word);
	for (int i = 0; i < 8; i++)
		assert_int_equal(values[i][0], 'a' + i);
	assert_string_equal(log_value(NULL), "-");
	assert_string_equal(log_value(""), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_note, capture),
		cmocka_unit_test_setup(test_event, capture),
		cmocka_unit_test_setup(test_23_one_call_is_one_line, capture),
		cmocka_unit_test_setup(test_values_of_one_call_differ, capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
