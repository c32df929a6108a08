// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// buf: grows, stops at its ceiling, and remembers that it did.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void test_empty(void **state)
{
	auto_buf struct buf buf = buf_make(10);
	struct buf zero = {0};
	char *stolen;

	(void)state;
	assert_string_equal(buf_string(&buf), "");
	buf_shift(&buf, 5);
	buf_clear(&buf);
	stolen = buf_steal(&buf);
	assert_string_equal(stolen, "");
	free(stolen);
	buf_add(&buf, NULL, 0);
	assert_false(buf_failed(&buf));
	buf_free(&zero);
	buf_addc(&zero, 'x');
	assert_true(buf_failed(&zero));
}

static void test_appends(void **state)
{
	auto_buf struct buf buf = buf_make(1000);

	(void)state;
	buf_adds(&buf, "one ");
	buf_addc(&buf, '2');
	buf_add(&buf, "\0x", 2);
	buf_addf(&buf, "%d%s", 34, "five");
	assert_int_equal(buf.len, 13);
	assert_memory_equal(buf.data, "one 2\0x34five", 14);
	buf_shift(&buf, 7);
	assert_string_equal(buf_string(&buf), "34five");
	buf_shift(&buf, 100);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf_string(&buf), "");
}

static void test_grows(void **state)
{
	auto_buf struct buf buf = buf_make(100000);

	(void)state;
	for (int i = 0; i < 20000; i++)
		buf_addf(&buf, "%05d", i);
	assert_false(buf_failed(&buf));
	assert_int_equal(buf.len, 100000);
	assert_int_equal(buf.room, 100001);
	assert_memory_equal(buf.data + 99995, "19999", 6);
	for (int i = 0; i < 20000; i += 777)
		assert_int_equal(
			strtol((char[]){buf.data[5 * i], buf.data[5 * i + 1], buf.data[5 * i + 2],
					buf.data[5 * i + 3], buf.data[5 * i + 4], 0},
			       NULL, 10),
			i);
}

// What passes the ceiling is dropped whole, and so is all that follows: the content is a prefix.
static void test_ceiling_sticks(void **state)
{
	auto_buf struct buf buf = buf_make(5);

	(void)state;
	buf_adds(&buf, "abc");
	buf_adds(&buf, "def");
	assert_true(buf_failed(&buf));
	buf_addc(&buf, 'g');
	buf_addf(&buf, "h");
	assert_string_equal(buf_string(&buf), "abc");
	buf_shift(&buf, 3);
	assert_true(buf_failed(&buf));
	buf_clear(&buf);
	assert_false(buf_failed(&buf));
	buf_addf(&buf, "%s", "abcde");
	assert_false(buf_failed(&buf));
	assert_string_equal(buf_string(&buf), "abcde");
	buf_addf(&buf, "%s", "f");
	assert_true(buf_failed(&buf));
	buf_add(&buf, "", SIZE_MAX); // never read
	assert_string_equal(buf_string(&buf), "abcde");
}

static void test_steal_leaves_a_fresh_one(void **state)
{
	auto_buf struct buf buf = buf_make(5);
	char *stolen;

	(void)state;
	buf_adds(&buf, "abc");
	buf_adds(&buf, "defgh");
	stolen = buf_steal(&buf);
	assert_string_equal(stolen, "abc");
	free(stolen);
	assert_false(buf_failed(&buf));
	buf_adds(&buf, "12345");
	assert_string_equal(buf_string(&buf), "12345");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_ceiling_sticks),
		cmocka_unit_test(test_steal_leaves_a_fresh_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
