// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A15 and B6: In-Reply-To and References, RFC 5322 section 3.6.4.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/thread.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

// The cases of the RFC's paragraphs, and what strangers write instead.
static void test_A15_fields(void **state)
{
	static const struct {
		const char *id, *references, *in_reply_to, *expect_reply, *expect_references;
	} rows[] = {
		{"<m@x>", "", "", "<m@x>", "<m@x>"},
		{"<m@x>", "<a@x> <b@x>", "", "<m@x>", "<a@x> <b@x> <m@x>"},
		{"<m@x>", "<a@x>\n\t<b@x>", "<c@x>", "<m@x>", "<a@x> <b@x> <m@x>"},
		{"<m@x>", "", "<c@x>", "<m@x>", "<c@x> <m@x>"},
		{"<m@x>", "", "<c@x> <d@x>", "<m@x>", "<m@x>"}, // more than one: none of them
		{"<m@x>", "none", "Your message of <c@x>", "<m@x>", "<c@x> <m@x>"},
		{"", "<a@x>", "<c@x>", "", "<a@x>"},
		{"", "", "<c@x>", "", "<c@x>"},
		{"", "", "", "", ""},
		{"m@x", "a@x", "", "", ""},
		{"  <m@x> (comment)", "<a@x>,<b@x>", "", "<m@x>", "<a@x> <b@x> <m@x>"},
		{"<m@x> <n@x>", "", "", "<m@x>", "<m@x>"},
		{"<m x@x> <n@x>", "<a\r\nBcc: v@x>", "", "<n@x>", "<n@x>"},
		{"<<m@x>>", "<a@x", "<>", "<m@x>", "<m@x>"},
		{"<@x>", "<a@> <@> <a>", "", "", ""},
		{"<m@[192.0.2.1]>", "<\"a.b\"@x> <a=?b@x>", "", "<m@[192.0.2.1]>",
		 "<\"a.b\"@x> <a=?b@x> <m@[192.0.2.1]>"},
		{"<m\xc3\xa9@x>", "<a\x7f@x> <b\x01@x> <c@x>", "", "", "<c@x>"},
		{"<m@x>", "hutsefluts <1234@local.machine.example> <3456@example.net>", "", "<m@x>",
		 "<1234@local.machine.example> <3456@example.net> <m@x>"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf reply = buf_make(1000), references = buf_make(1000);

		thread_in_reply_to(&reply, rows[i].id);
		thread_references(&references, rows[i].id, rows[i].references, rows[i].in_reply_to);
		assert_string_equal(buf_string(&reply), rows[i].expect_reply);
		assert_string_equal(buf_string(&references), rows[i].expect_references);
		buf_free(&reply);
		buf_free(&references);
	}
}

// Too many: the first and the last ones stay, in order.
static void test_A15_bounded(void **state)
{
	struct buf references = buf_make(100000), out = buf_make(5000), tail = buf_make(5000);

	(void)state;
	for (int n = 0; n < 300; n++) {
		buf_addf(&references, "<id%04d@x.test> ", n);
		buf_clear(&out);
		thread_references(&out, "<m@x.test>", buf_string(&references), "");
		assert_true(out.len <= THREAD_REFERENCES_MAX);
		assert_memory_equal(out.data, "<id0000@x.test>", 15);
		buf_clear(&tail);
		buf_addf(&tail,
			 n == 0 ? "<id%04d@x.test> <m@x.test>" : " <id%04d@x.test> <m@x.test>", n);
		assert_string_equal(out.data + out.len - tail.len, tail.data);
		if (n >= 60) // no more is left out than must be
			assert_true(out.len + 16 > THREAD_REFERENCES_MAX);
	}
	assert_non_null(strstr(out.data, "<id0000@x.test> <id02"));
	buf_free(&references);
	buf_free(&out);
	buf_free(&tail);
}

static void test_id_fits(void **state)
{
	char text[THREAD_ID_MAX + 10] = "";

	(void)state;
	assert_true(thread_id_fits("a@b"));
	assert_false(thread_id_fits(""));
	assert_false(thread_id_fits("ab"));
	assert_false(thread_id_fits("@b"));
	assert_false(thread_id_fits("a@"));
	assert_false(thread_id_fits("a@b>\r\nX: y"));
	assert_false(thread_id_fits("a@b c"));
	assert_false(thread_id_fits("a@\xc3\xa9"));
	memset(text, 'a', THREAD_ID_MAX - 2);
	text[5] = '@';
	assert_true(thread_id_fits(text));
	strcat(text, "a");
	assert_false(thread_id_fits(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A15_fields),
		cmocka_unit_test(test_A15_bounded),
		cmocka_unit_test(test_id_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
