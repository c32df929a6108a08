// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// export: objects of the schema's members, and in none of them a person, whatever they wrote.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sysexits.h>

#include "adapter/survey_json.h"
#include "unit/cli/told.h"

static void test_nothing(void **state)
{
	(void)state;
	assert_string_equal(tell(verb_export, NULL), "");
	assert_int_equal(told_status, EX_OK);
}

static void test_strangers(void **state)
{
	(void)state;
	told_all_strangers();
	tell(verb_export, NULL);
	assert_int_equal(told_status, EX_OK);
	for (size_t i = 0; i < COUNT(told_strangers); i++) {
		json_t *object = told_object(i, COUNT(told_strangers));

		assert_int_equal(json_string_length(told_member(object, "address")), 16);
		assert_true(json_is_null(told_member(object, "survey")));
		assert_int_equal(json_array_size(told_member(object, "attempts")), 1);
		json_decref(object);
	}
}

// Of what a server or a notification says the class and codes go out, never the words: a Status
// field may have a comment.
static void test_no_words(void **state)
{
	static struct survey survey = {.mx = SURVEY_MX_LISTED, .n_hosts = 1, .n_hosts_all = 1};
	auto_buf struct buf text = buf_make(SURVEY_JSON_MAX);
	json_t *object;

	(void)state;
	survey.hosts[0].n_v4 = survey.hosts[0].n_v6 = 1;
	text_cut(survey.hosts[0].v4[0].banner, SURVEY_BANNER_SIZE, "220 joe.secret");
	text_cut(survey.hosts[0].v6[0].banner, SURVEY_BANNER_SIZE, "554 ask joe@good.test");
	assert_int_equal(survey_json_write(&survey, &text), 0);
	assert_int_equal(store_begin(told_store), 0);
	told_request(R(1), NOW, "answer", "x");
	assert_int_equal(store_add_survey(told_store, R(1), NOW, buf_string(&text)), 0);
	assert_int_equal(store_commit(told_store), 0);
	assert_string_equal(
		database_ask(
			folder_file("state/postsix.db"),
			"UPDATE request SET requester = 'joe.secret@good.test', subject = 'joe',"
			" recipient = 'test+joe@six.test', message_id = '<joe>',"
			" client_hostname = 'joe.test', client_helo = 'joe', trace = 'joe'"),
		"");
	told_failure(R(1), NOW, "no-aaaa", "(joe.secret@good.test) 5.4.4 (no such joe.secret)",
		     "550 5.1.1 <joe.secret@good.test> unknown");
	tell(verb_export, NULL);
	assert_null(strstr(told_out, "joe"));
	object = told_object(0, 1);
	assert_true(json_is_object(told_member(object, "survey")));
	assert_string_equal(json_string_value(told_member(object, "status")), "5.4.4");
	assert_string_equal(json_string_value(told_member(object, "domain")), "good.test");
	assert_string_equal(json_string_value(told_member(object, "outcome")), "failed");
	json_decref(object);
}

static void test_key(void **state)
{
	char *first;

	(void)state;
	told_request(R(1), NOW, "answer", "joe@good.test");
	folder_write("key", "0123456789abcdef", 16);
	first = strdup(tell(verb_export, "--key-file", folder_file("key"), NULL));
	assert_string_equal(tell(verb_export, "--key-file", folder_file("key"), NULL), first);
	assert_string_not_equal(tell(verb_export, NULL), first);
	free(first);
	folder_write("key", "0123456789abcde", 15);
	assert_string_equal(tell(verb_export, "--key-file", folder_file("key"), NULL), "");
	assert_int_equal(told_status, EX_NOINPUT);
	assert_non_null(strstr(told_errors, "at least 16 octets are wanted"));
	assert_string_equal(tell(verb_export, "--key-file", "/nowhere", NULL), "");
	assert_int_equal(told_status, EX_NOINPUT);
	tell(verb_export, "word", NULL);
	assert_int_equal(told_status, EX_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, told_make, told_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),
		TEST(test_strangers),
		TEST(test_no_words),
		TEST(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
