// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// options: what each kind of option sets, what is a mistake, and what is said of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/options.h"

struct wish {
	const char *file, *maybe, *read;
	bool is_flag, is_done, is_asked;
};

static const char *read_value(void *to, const char *value)
{
	((struct wish *)to)->read = value;
	return strncmp(value, "bad", 3) == 0 ? "that is bad" : NULL;
}

static const char *read_maybe(void *to, const char *value)
{
	((struct wish *)to)->is_asked = true;
	((struct wish *)to)->maybe = value;
	return NULL;
}

static const char *set_done(void *to, const char *value)
{
	assert_null(value);
	((struct wish *)to)->is_done = true;
	return NULL;
}

static const struct options_row rows[] = {
	{"file", 'f', OPTIONS_TEXT, offsetof(struct wish, file), NULL},
	{"flag", 'F', OPTIONS_FLAG, offsetof(struct wish, is_flag), NULL},
	{"read", '\0', OPTIONS_READ, 0, read_value},
	{"maybe", '\0', OPTIONS_MAYBE, 0, read_maybe},
	{"do", '\0', OPTIONS_DO, 0, set_done},
	{0},
};

// The words, blanks between them. What is told is all of the wish, then the words left.
static int tell(const char *words, int least, int most, char told[200], char said[200])
{
	const struct options options = {"postsix x", "usage\n", rows, least, most};
	struct wish wish = {.file = "-", .maybe = "-", .read = "-"};
	char *copy = strdup(words), *rest = copy, *argv[10] = {"x"};
	FILE *was[] = {stdout, stderr}, *file = fmemopen(said, 200, "w");
	int argc = 1, status;

	while (*words != '\0' && (argv[argc] = strsep(&rest, " ")) != NULL)
		argc++;
	optind = 0;
	opterr = 0;
	stdout = stderr = file;
	status = options_read(&options, argc, argv, &wish);
	fclose(file);
	stdout = was[0];
	stderr = was[1];
	snprintf(told, 200, "%s %s %s%s%s%s |", wish.file, wish.read,
		 wish.maybe != NULL ? wish.maybe : "none", wish.is_flag ? " flag" : "",
		 wish.is_done ? " done" : "", wish.is_asked ? " asked" : "");
	for (; optind < argc; optind++)
		strcat(strcat(told, " "), argv[optind]);
	free(copy);
	return status;
}

static void test_good(void **state)
{
	static const char *const good[][2] = {
		{"", "- - - |"},
		{"-f a", "a - - |"},
		{"-fa -F", "a - - flag |"},
		{"--file a --file=b one two", "b - - | one two"},
		{"one --flag two", "- - - flag | one two"},
		{"--read x --do", "- x - done |"},
		{"--maybe a", "- - none asked | a"},
		{"--maybe=a", "- - a asked |"},
		{"-- --flag", "- - - | --flag"},
		{"--fi a", "a - - |"}, // as getopt_long(3) has it
	};
	char told[200], said[200] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(tell(good[i][0], 0, -1, told, said), -1);
		assert_string_equal(told, good[i][1]);
		assert_string_equal(said, "");
	}
}

static void test_ends(void **state)
{
	static const struct {
		const char *words;
		int least, most, status;
		const char *said;
	} ends[] = {
		{"--help", 0, 0, EX_OK, "usage\n"},
		{"-h --nonsense", 0, 0, EX_OK, "usage\n"},
		{"--nonsense", 0, 0, EX_USAGE, "usage\n"},
		{"-x", 0, 0, EX_USAGE, "usage\n"},
		{"-f", 0, 0, EX_USAGE, "usage\n"},
		{"--flag=x", 0, 0, EX_USAGE, "usage\n"},
		{"--f a", 0, 0, EX_USAGE, "usage\n"}, // of which two begin so
		{"--read bad", 0, 0, EX_USAGE, "postsix x: bad: that is bad\n"},
		{"--read bad\x1b", 0, 0, EX_USAGE, "postsix x: bad\\x1b: that is bad\n"},
		{"a", 0, 0, EX_USAGE, "usage\n"},
		{"a", 0, 1, -1, ""},
		{"a b", 0, 1, EX_USAGE, "usage\n"},
		{"", 1, 1, EX_USAGE, "usage\n"},
		{"a", 1, 1, -1, ""},
		{"a b c", 1, -1, -1, ""},
		{"", 1, -1, EX_USAGE, "usage\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char told[200], said[200] = "";

		assert_int_equal(tell(ends[i].words, ends[i].least, ends[i].most, told, said),
				 ends[i].status);
		assert_string_equal(said, ends[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
