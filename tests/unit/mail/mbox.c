// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/mbox: one message or many, and what is cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mail/mbox.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char told[1000];

static void on_message(void *arg, char *bytes, size_t len)
{
	(void)arg;
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "[%.*s]", (int)len, bytes);
}

static const char *split(const char *text, bool is_mbox, size_t max)
{
	struct mbox mbox;
	const char *eol;

	told[0] = '\0';
	mbox_start(&mbox, is_mbox, max, on_message, NULL);
	for (; *text != '\0'; text = eol) {
		eol = strchr(text, '\n');
		eol = eol != NULL ? eol + 1 : text + strlen(text);
		mbox_line(&mbox, text, (size_t)(eol - text));
	}
	mbox_end(&mbox);
	return told;
}

static void test_splitting(void **state)
{
	static const struct {
		const char *text;
		bool is_mbox;
		const char *told;
	} rows[] = {
		{"", false, ""},
		{"A: b\n\nc\n", false, "[A: b\n\nc\n]"},
		{"From x\nA: b\n\nc\n\nFrom y\nD: e\n", false, "[A: b\n\nc\n\n][D: e\n]"},
		{"From x\r\nA: b\r\n\r\nFrom y\r\nD: e\r\n", false, "[A: b\r\n\r\n][D: e\r\n]"},
		// a message is no mbox because a line of it begins so
		{"A: b\n\nFrom here\n\nFrom there\n", false, "[A: b\n\nFrom here\n\nFrom there\n]"},
		{"A: b\n\nFrom y\nD: e\n", true, "[A: b\n\n][D: e\n]"},
		// only behind an empty line
		{"From x\nA: b\n\nc\nFrom there\n", false, "[A: b\n\nc\nFrom there\n]"},
		{"From x\n", false, "[]"},
		{"From: x\n", false, "[From: x\n]"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(split(rows[i].text, rows[i].is_mbox, 1000), rows[i].told);
}

static void test_a_long_message_is_cut(void **state)
{
	(void)state;
	assert_string_equal(split("From x\nabcdef\nghij\n\nFrom y\nk\n", false, 9),
			    "[abcdef\ngh][k\n]");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splitting),
		cmocka_unit_test(test_a_long_message_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
