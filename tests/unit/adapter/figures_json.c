// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// figures_json: what is written is read again, and nothing else is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "adapter/figures_json.h"

static void test_there_and_back(void **state)
{
	struct buf text = buf_make(10000), again = buf_make(10000);
	struct figures *figures = figures_new(), *read = NULL;
	int64_t since = 0, until = 0;

	(void)state;
	strcpy(figures->key, "0123456789abcdef");
	figures_count(figures, "requests", 7);
	figures_member(figures, "addresses", UINT64_C(0xfedcba9876543210));
	figures_member(figures, "addresses", 3);
	figures_set(figures, "domains")->more = 4;
	figures_set(figures, "domains")->is_sum = true;
	figures_finish(figures);
	figures_json_write(figures, 1000, 0, &text);
	assert_int_equal(figures_json_read(text.data, text.len, &since, &until, &read), 0);
	assert_int_equal(since, 1000);
	assert_int_equal(until, 0);
	figures_json_write(read, since, until, &again);
	assert_string_equal(buf_string(&again), buf_string(&text));
	figures_free(figures);
	figures_free(read);
	buf_free(&text);
	buf_free(&again);
}

#define HEAD "{\"v\":1,\"key\":\"k\",\"since\":null,\"until\":null,\"counts\":{"
#define TAIL "},\"different\":{"

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{\"v\":2,\"key\":\"k\",\"since\":null,\"until\":null,\"counts\":{}" TAIL "}}",
		HEAD "\"a\":-1" TAIL "}}",
		HEAD "\"a\":\"1\"" TAIL "}}",
		HEAD TAIL "\"s\":{\"count\":0,\"exact\":true,\"tags\":[\"xyz\"]}}}",
		HEAD TAIL "\"s\":{\"count\":0,\"exact\":true,\"tags\":[\"0000000000000001\"]}}}",
		HEAD TAIL "\"s\":{\"count\":1,\"exact\":true}}}",
		"{\"v\":1,\"key\":\"a key that is too long\",\"since\":null,\"until\":null,"
		"\"counts\":{}" TAIL "}}",
		"{\"v\":1,\"key\":\"k\",\"since\":\"soon\",\"until\":null,\"counts\":{}" TAIL "}}",
	};
	struct figures *figures = NULL;
	int64_t since = 0, until = 0;

	(void)state;
	assert_int_equal(
		figures_json_read(HEAD TAIL "}}", strlen(HEAD TAIL "}}"), &since, &until, &figures),
		0);
	figures = figures_free(figures);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(
			figures_json_read(texts[i], strlen(texts[i]), &since, &until, &figures),
			-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
