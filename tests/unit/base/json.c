// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// json: commas, keys, and strings of any octets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"

static void test_shape(void **state)
{
	struct buf buf = buf_make(1000);

	(void)state;
	json_open(&buf, NULL, '{');
	json_number(&buf, "n", -5);
	json_open(&buf, "a", '[');
	json_text(&buf, NULL, "x");
	json_open(&buf, NULL, '{');
	json_close(&buf, '}');
	json_none(&buf, NULL);
	json_close(&buf, ']');
	json_flag(&buf, "f", true);
	json_time(&buf, "t", 0);
	json_time(&buf, "u", 86400);
	json_raw(&buf, "r", "{\"v\":1}");
	json_close(&buf, '}');
	buf_addc(&buf, '\n');
	json_open(&buf, NULL, '{');
	json_close(&buf, '}');
	assert_string_equal(buf_string(&buf),
			    "{\"n\":-5,\"a\":[\"x\",{},null],\"f\":true,\"t\":null,"
			    "\"u\":\"1970-01-02T00:00:00Z\",\"r\":{\"v\":1}}\n{}");
	buf_free(&buf);
}

static void test_strings(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "\"\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\x1b[2J\n\x7f", "\"\\u001b[2J\\u000a\\u007f\""},
		{"\xc4\x8d", "\"\\u010d\""},
		{"\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\""},
		{"\xff\xc0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, // a surrogate
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},            // cut
		{"\xe0\x80\x80", "\"\\ufffd\\ufffd\\ufffd\""}, // overlong
		{"{", "\"{\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf buf = buf_make(1000);

		json_text(&buf, NULL, cases[i].text);
		assert_string_equal(buf_string(&buf), cases[i].want);
		buf_free(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
