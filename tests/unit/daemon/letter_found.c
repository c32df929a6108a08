// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// letter: what it found out of its row (the survey, the verdicts), its parts, and its language.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/survey_json.h"
#include "unit/daemon/rows.h"

// What the letter says of each ability, in one line.
#define VERDICTS                                                                                   \
	"{{#is_ours}}[ours]{{/is_ours}}{{#was_accepted}}[accepted]{{/was_accepted}}"               \
	"{{#abilities}}{{#is_pass}}+{{/is_pass}}{{#is_fail}}-{{/is_fail}}"                         \
	"{{#is_unknown}}?{{/is_unknown}}{{/abilities}}"

// deliver, receive, envelope, header.
static void test_verdicts(void **state)
{
	static const struct {
		const char *action, *class, *diagnostic, *client, *recipient;
		bool was_accepted;
		const char *words;
	} rows[] = {
		{"failed", "no-aaaa",
		 "X-Postfix; Name service error for name=a type=AAAA: Host found but no data "
		 "record",
		 "2001:db8:100::25", "test@six.test", false, "+-??"},
		{"failed", "no-aaaa", "X-Postfix; type=AAAA: Host found but no data", "192.0.2.77",
		 "test@six.test", true, "[accepted]?++?"},
		{"failed", "of a newer postsix", "what nobody knows", "::ffff:192.0.2.77",
		 "test@dual.test", false, "????"},
		{"failed", "other", "what nobody knows", "2001:db8:100::25", "test@dual.test",
		 false, "+???"},
		// one of our own addresses: who brought it to us first is not known
		{"failed", "other", "x", "2001:db8:25::6", "test@six.test", false, "????"},
		{"failed", "other", "x", "2001:0DB8:25::0006", "test@six.test", false, "????"},
		{"failed", "other", "x", "127.0.0.1", "test@six.test", false, "????"},
		{"", "", "", "2001:db8:100::25", "test@six.test", false, "[ours]+???"}, // given up
	};

	(void)state;
	house_write_template("bounce.txt", "Subject: bounce\n\n" VERDICTS "\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_mail mail = row_of(KIND_BOUNCE);
		struct letter *letter;
		char words[60];

		mail.action = TEXT(rows[i].action);
		mail.class = TEXT(rows[i].class);
		mail.diagnostic = TEXT(rows[i].diagnostic);
		mail.client_address = TEXT(rows[i].client);
		mail.recipient = TEXT(rows[i].recipient);
		mail.was_accepted = rows[i].was_accepted;
		mail.status_part = mail.returned = TEXT("");
		letter = write_letter(&mail);
		snprintf(words, sizeof(words), "\r\n\r\n%s\r\n", rows[i].words);
		if (strstr(letter->message.text, words) == NULL)
			fail_msg("row %zu: %s", i, letter->message.text);
		drop(letter);
	}
}

// Who reports is another host than ours: then that one, or one before it, had taken the message
// over IPv6, and what a third one said is no answer to us.
static void test_C8_reported_by_another(void **state)
{
	static const struct {
		const char *reporter, *words;
	} rows[] = {
		{"", "\r\n+???"},
		{"dns; MX.six.test", "\r\n+???"},
		{"dns; mx.uni.test", "\r\n[accepted]+++?"},
	};

	(void)state;
	house_write_template("bounce.txt", "Subject: bounce\n\n" VERDICTS "\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_mail mail = row_of(KIND_BOUNCE);
		struct letter *letter;

		mail.class = TEXT("ptr-required");
		mail.status = TEXT("5.7.25");
		mail.diagnostic = TEXT("smtp; 550 5.7.25 no PTR record");
		mail.reporting_mta = TEXT(rows[i].reporter);
		mail.remote_mta = TEXT("dns; mx.third.test");
		letter = write_letter(&mail);
		if (strstr(letter->message.text, rows[i].words) == NULL)
			fail_msg("row %zu: %s", i, letter->message.text);
		drop(letter);
	}
}

// In a static buffer.
static char *v4only_as_json(void)
{
	static char text[1000];
	struct survey survey = {.mx = SURVEY_MX_LISTED,
				.is_complete = true,
				.n_hosts_all = 1,
				.n_hosts = 1,
				.hosts = {{.name = "mx.good.test", .has_v6 = SURVEY_NO}}};
	struct buf json = buf_make(SURVEY_JSON_MAX);

	assert_int_equal(survey_json_write(&survey, &json), 0);
	snprintf(text, sizeof(text), "%s", buf_string(&json));
	buf_free(&json);
	return text;
}

// It decides before there is an outcome; one that cannot be read is none.
static void test_survey_of_the_row(void **state)
{
	const struct {
		const char *survey, *words;
	} rows[] = {
		{v4only_as_json(), "+-??[survey]\r\n"},
		{"", "+???\r\n"},
		{"{\"v\":99}", "+???\r\n"},
		{"nonsense", "+???\r\n"},
	};

	(void)state;
	house_write_template("report.txt", "Subject: report\n\n" VERDICTS
					   "{{#has_survey}}[survey]{{/has_survey}}\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_mail mail = row_of(KIND_REPORT);
		struct letter *letter;

		mail.survey = TEXT(rows[i].survey);
		letter = write_letter(&mail);
		if (strstr(letter->message.text, rows[i].words) == NULL)
			fail_msg("row %zu: %s", i, letter->message.text);
		drop(letter);
	}
}

// ---- parts and languages ------------------------------------------------------------------------

static void test_parts(void **state)
{
	(void)state;
	for (enum kind kind = KIND_REPORT; kind <= LAST; kind++) {
		struct store_mail mail = row_of(kind);
		struct letter *letter = write_letter(&mail);
		const char *text = letter->message.text;
		bool has_html = kind == KIND_REPORT || kind == KIND_BOUNCE;

		assert_int_equal(strstr(text, "text/html") != NULL, has_html);
		assert_int_equal(strstr(text, "application/json") != NULL, has_html);
		assert_int_equal(strstr(text, "multipart/alternative") != NULL, has_html);
		if (has_html) {
			assert_non_null(strstr(text, "\"receive-v6\""));
			assert_non_null(strstr(text, "report.json"));
		}
		drop(letter);
	}
}

static void test_language_of_the_address(void **state)
{
	static const struct {
		const char *recipient;
		bool is_czech;
	} rows[] = {
		{"test@six.test", false},       {"test+cs@six.test", true},
		{"TEST+CS@six.test", true},     {"test+cs+x@six.test", true},
		{"test+x+cs@six.test", false},  {"test+de@six.test", false},
		{"test+@six.test", false},      {"test+..@six.test", false},
		{"\"test+cs\"@six.test", true},
	};
	static const char six[] = "Subject: six\n\nCesky\n";
	int status = -1;

	(void)state;
	house = daemon_free(house);
	house_write_phrases("cs");
	folder_write("templates/cs/six.txt", six, strlen(six));
	mkdir(folder_file("templates/notalanguage"), 0755);
	house = daemon_new(house_config, stderr, &status);
	assert_non_null(house);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_mail mail = row_of(KIND_SIX);
		struct letter *letter;

		mail.recipient = TEXT(rows[i].recipient);
		letter = write_letter(&mail);
		print_message("%s\n", rows[i].recipient);
		assert_int_equal(strstr(letter->message.text, "\r\n\r\nCesky\r\n") != NULL,
				 rows[i].is_czech);
		drop(letter);
	}
}

// Fault 34: a language that is there in part is no language.
static void test_34_languages_are_whole(void **state)
{
	char *errors = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&errors, &size);

	(void)state;
	mkdir(folder_file("templates/cs"), 0755);
	folder_write("templates/cs/phrases.ini", "[nonsense]\n", 11);
	assert_false(letter_check_templates(house_config, out));
	fflush(out);
	assert_non_null(strstr(errors, "/templates/cs/phrases.ini:"));
	house_write_phrases("cs");
	assert_false(letter_check_templates(house_config, out));
	fflush(out);
	assert_non_null(strstr(errors, "/templates/cs/report.txt: No such file"));
	assert_non_null(strstr(errors, "/templates/cs/bounce.html: No such file"));
	unlink(folder_file("templates/en/phrases.ini"));
	assert_false(letter_check_templates(house_config, out));
	fclose(out);
	assert_non_null(strstr(errors, "/templates/en/phrases.ini: No such file"));
	free(errors);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_make_daemon, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verdicts),
		TEST(test_C8_reported_by_another),
		TEST(test_survey_of_the_row),
		TEST(test_parts),
		TEST(test_language_of_the_address),
		TEST(test_34_languages_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
