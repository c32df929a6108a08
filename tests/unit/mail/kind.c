// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// kind: what each of our four messages is, and the ids that hold a kind (invariant I3: four at
// most).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mail/kind.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct kind_row expected[] = {
	{KIND_REPORT, "report", "report.txt", "report.html", false, false},
	{KIND_SIX, "six", "six.txt", NULL, true, true},
	{KIND_DELAY, "delay", "delay.txt", NULL, false, false},
	{KIND_BOUNCE, "bounce", "bounce.txt", "bounce.html", false, false},
};

static void test_I3_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(expected); i++) {
		const struct kind_row *want = &expected[i], *row = kind_row(want->kind);

		assert_int_equal(row->kind, want->kind);
		assert_string_equal(row->name, want->name);
		assert_string_equal(row->template, want->template);
		assert_true((row->html == NULL) == (want->html == NULL));
		if (want->html != NULL)
			assert_string_equal(row->html, want->html);
		assert_int_equal(row->over_v6, want->over_v6);
		assert_int_equal(row->is_probe, want->is_probe);
		assert_ptr_equal(kind_find(want->name), row);
	}
}

static void test_names_that_are_none(void **state)
{
	static const char *const names[] = {"", "Six", "six ", "probe", "reports", "repor"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_null(kind_find(names[i]));
}

static void test_ids(void **state)
{
	static const uint64_t requests[] = {0x10, 0x7ffffffffffffff0, 0x123456789abcdef0};

	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++)
		for (enum kind kind = KIND_REPORT; kind <= KIND_BOUNCE; kind++) {
			uint64_t id = kind_id(requests[i], kind);

			assert_true(id == requests[i] + kind);
			assert_true(kind_request(id) == requests[i]);
			assert_true((id & KIND_MASK) == kind);
			// one kind's id gives another's, too
			assert_true(kind_id(id, KIND_SIX) == requests[i] + KIND_SIX);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I3_rows),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
