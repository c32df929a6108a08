// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// show: a story has the same lines whatever strangers wrote into it, and is told whole or not at
// all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sysexits.h>

#include "adapter/survey_json.h"
#include "cli/story.h"
#include "mail/token.h"
#include "unit/cli/told.h"

// The letters by which a request is asked for.
static const char *letters(uint64_t id)
{
	static char text[TOKEN_ID_SIZE];

	token_id_text(text, id);
	return text;
}

static void test_nothing(void **state)
{
	(void)state;
	assert_string_equal(tell(verb_show, letters(R(5)), NULL), "");
	assert_int_equal(told_status, EX_NOINPUT);
	assert_string_equal(tell(verb_show, "--json", letters(R(5)), NULL), "");
	assert_int_equal(told_status, EX_NOINPUT);
	assert_string_equal(tell(verb_show, "nobody@good.test\x1b[2J", NULL), "");
	assert_int_equal(told_status, EX_NOINPUT);
	assert_null(strchr(told_errors, '\x1b'));
}

static void test_strangers(void **state)
{
	(void)state;
	told_all_strangers();
	for (size_t i = 0; i < COUNT(told_strangers); i++) {
		tell(verb_show, letters(R(i + 1)), NULL);
		assert_int_equal(told_status, EX_OK);
		// name; three of the request, trace, voucher, decision; probe, outcome, attempt,
		// survey, notification; four abilities
		assert_int_equal(told_lines(), told_strangers[i][0] == '\0' ? 13 : 16);
		assert_null(strstr(told_out, "\nrequest 1"));
	}
}

// A survey's names and an attempt's reason are kept escaped, and are not escaped again.
static void test_escaped_once(void **state)
{
	static struct survey survey = {.mx = SURVEY_MX_LISTED, .n_hosts = 1, .n_hosts_all = 1};
	auto_buf struct buf json = buf_make(SURVEY_JSON_MAX);

	(void)state;
	text_cut(survey.hosts[0].name, sizeof(survey.hosts[0].name), "a\\.b");
	assert_int_equal(survey_json_write(&survey, &json), 0);
	assert_int_equal(store_begin(told_store), 0);
	told_request(R(1), NOW, "answer", "me@good.test");
	told_attempt(R(1), NOW, "452 \\x07 \x07");
	assert_int_equal(store_add_survey(told_store, R(1), NOW, buf_string(&json)), 0);
	assert_int_equal(store_commit(told_store), 0);
	tell(verb_show, letters(R(1)), NULL);
	assert_int_equal(told_status, EX_OK);
	assert_non_null(strstr(told_out, ": 452 \\x07 \\x07\n"));
	assert_non_null(strstr(told_out, " a\\.b\n"));
}

// An outcome comes behind the attempt and the notification of its second, and before the next one.
static void test_causes_first(void **state)
{
	const char *attempt, *notification, *outcome, *later;

	(void)state;
	assert_int_equal(store_begin(told_store), 0);
	told_request(R(1), NOW, "answer", "me@good.test");
	told_attempt(R(1), NOW + 5, "first");
	told_failure(R(1), NOW + 5, "no-aaaa", "5.1.2", "x");
	told_attempt(R(1), NOW + 6, "late");
	assert_int_equal(store_commit(told_store), 0);
	tell(verb_show, letters(R(1)), NULL);
	attempt = strstr(told_out, " attempt first");
	notification = strstr(told_out, " notification x");
	outcome = strstr(told_out, " outcome failed\n");
	later = strstr(told_out, " attempt late");
	assert_true(attempt != NULL && attempt < notification && notification < outcome &&
		    outcome < later);
}

// A value that was folded with tabs is a line without.
static void test_folded(void **state)
{
	(void)state;
	told_request(R(1), NOW, "answer", "v=1;\tclient=\\a\x07");
	tell(verb_show, letters(R(1)), NULL);
	assert_non_null(strstr(told_out, " trace v=1; client=\\\\a\\x07\n"));
	assert_non_null(strstr(told_out, ", Subject v=1; client=\\\\a\\x07\n"));
}

static void test_json(void **state)
{
	static const char *const names[] = {"subject", "client_helo", "trace"};

	(void)state;
	told_all_strangers();
	for (size_t i = 0; i < COUNT(told_strangers); i++) {
		const char *text = told_strangers[i];
		json_t *object;

		tell(verb_show, "--json", letters(R(i + 1)), NULL);
		assert_int_equal(told_status, EX_OK);
		object = told_object(0, 1);
		for (size_t k = 0; k < COUNT(names) && text_is_utf8(text, strlen(text)); k++)
			assert_string_equal(json_string_value(told_member(object, names[k])), text);
		assert_true(json_is_null(told_member(object, "survey"))); // it is none
		assert_true(json_integer_value(told_member(object, "size")) == INT64_MAX);
		assert_true(json_integer_value(told_member(object, "hops")) == INT64_MIN);
		assert_true(json_is_null(told_member(object, "date")));
		assert_true(json_is_null(told_member(object, "first_received")));
		json_decref(object);
	}
}

// One who answers the probe with notification after notification. Kept small in text, and as JSON
// either whole or an error.
static void test_many_notifications(void **state)
{
	static char text[1001];
	json_t *object;

	(void)state;
	memset(text, '\xff', 1000);
	assert_int_equal(store_begin(told_store), 0);
	told_request(R(1), NOW, "answer", "me@good.test");
	for (int64_t i = 0; i < 60; i++)
		told_failure(R(1), NOW + i, "other", text, text);
	assert_int_equal(store_commit(told_store), 0);
	tell(verb_show, "--json", letters(R(1)), NULL);
	assert_int_equal(told_status, EX_OK);
	object = told_object(0, 1);
	assert_int_equal(json_array_size(told_member(object, "notifications")), 60);
	json_decref(object);

	assert_int_equal(store_begin(told_store), 0);
	for (int64_t i = 60; i < 1700; i++)
		told_failure(R(1), NOW + i, "other", text, text);
	assert_int_equal(store_commit(told_store), 0);
	assert_string_equal(tell(verb_show, "--json", letters(R(1)), NULL), "");
	assert_int_equal(told_status, EX_IOERR);
	assert_non_null(strstr(told_errors, "too much to tell"));
	tell(verb_show, letters(R(1)), NULL);
	assert_int_equal(told_status, EX_OK);
	assert_int_equal(told_lines(), 1 + 1000 + 1 + 4);
	assert_non_null(strstr(told_out, "there may be more, which --json tells\n"));
}

static void test_names(void **state)
{
	static const char *const wrong[] = {"", "abc", "aaaaaaaaaaaa1", "\x1b[2J"};

	(void)state;
	told_request(R(1), NOW, "answer", "me@good.test");
	told_request(R(2), NOW + 1, "too-soon", "me@good.test");
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_string_equal(tell(verb_show, wrong[i], NULL), "");
		assert_int_equal(told_status, EX_USAGE);
		assert_null(strchr(told_errors, '\x1b'));
	}
	// any message of the request's names it
	tell(verb_show, letters(kind_id(R(1), KIND_SIX)), NULL);
	assert_int_equal(told_status, EX_OK);
	tell(verb_show, "--json", "ME@good.test", NULL);
	json_decref(told_object(1, 2));
	tell(verb_show, "ME@good.test", NULL);
	assert_non_null(strstr(told_out, "not answered: too-soon\n\nrequest "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, told_make, told_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),
		TEST(test_strangers),
		TEST(test_escaped_once),
		TEST(test_causes_first),
		TEST(test_folded),
		TEST(test_json),
		TEST(test_many_notifications),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
