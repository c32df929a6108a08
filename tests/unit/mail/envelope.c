// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// envelope: what pipe(8) may tell, each name once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mail/envelope.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void test_every_field_is_set_by_its_name(void **state)
{
	struct envelope envelope = {0};

	(void)state;
#define X(name) assert_null(envelope_set(&envelope, #name, "value of " #name));
	ENVELOPE_FIELDS(X)
#undef X
	assert_null(envelope_finish(&envelope));
#define X(name) assert_string_equal(envelope.name, "value of " #name);
	ENVELOPE_FIELDS(X)
#undef X
	envelope_free(&envelope);
	assert_null(envelope.sender);
	envelope_free(&envelope);
}

static void test_refuses(void **state)
{
	struct envelope envelope = {0};
	char longest[ENVELOPE_VALUE_MAX + 2];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[ENVELOPE_VALUE_MAX + 1] = '\0';
	assert_string_equal(envelope_set(&envelope, "", "x"), "the envelope has no such name");
	assert_string_equal(envelope_set(&envelope, "Sender", "x"),
			    "the envelope has no such name");
	assert_string_equal(envelope_set(&envelope, "sender ", "x"),
			    "the envelope has no such name");
	assert_string_equal(envelope_set(&envelope, "sender", longest),
			    "the envelope has a value of more than 1000 octets");
	assert_null(envelope.sender);
	longest[ENVELOPE_VALUE_MAX] = '\0';
	assert_null(envelope_set(&envelope, "sender", longest));
	assert_string_equal(envelope_set(&envelope, "sender", "other"),
			    "the envelope gives a name twice");
	assert_string_equal(envelope.sender, longest);
	envelope_free(&envelope);
}

static void test_an_empty_sender_given_twice_is_twice(void **state)
{
	struct envelope envelope = {0};

	(void)state;
	assert_null(envelope_set(&envelope, "sender", ""));
	assert_non_null(envelope_set(&envelope, "sender", "a@b.test"));
	assert_string_equal(envelope.sender, "");
	envelope_free(&envelope);
}

static void test_finish_names_what_is_missing(void **state)
{
	static const struct {
		const char *instance, *queue_id, *recipient, *missing;
	} rows[] = {
		{"dual", "4ABC", "test@six.test", NULL},
		{NULL, "4ABC", "test@six.test", "instance"},
		{"", "4ABC", "test@six.test", "instance"},
		{"dual", NULL, "test@six.test", "queue_id"},
		{"dual", "", "test@six.test", "queue_id"},
		{"dual", "4ABC", NULL, "recipient"},
		{"dual", "4ABC", "", "recipient"},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct envelope envelope = {0};
		const char *missing;

		if (rows[i].instance != NULL)
			assert_null(envelope_set(&envelope, "instance", rows[i].instance));
		if (rows[i].queue_id != NULL)
			assert_null(envelope_set(&envelope, "queue_id", rows[i].queue_id));
		if (rows[i].recipient != NULL)
			assert_null(envelope_set(&envelope, "recipient", rows[i].recipient));
		missing = envelope_finish(&envelope);
		if (rows[i].missing == NULL)
			assert_null(missing);
		else
			assert_string_equal(missing, rows[i].missing);
		assert_string_equal(envelope.sender, "");
		assert_string_equal(envelope.size, "");
		assert_non_null(envelope.recipient);
		envelope_free(&envelope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_is_set_by_its_name),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_an_empty_sender_given_twice_is_twice),
		cmocka_unit_test(test_finish_names_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
