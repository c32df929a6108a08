// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// phrases: every language that is shipped has every text; what is wrong with a file is said with
// its line; values are strangers' words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include "adapter/phrases.h"
#include "base/file.h"
#include "base/text.h"
#include "mail/diagnose.h"
#include "unit/folder.h"

static const char *const languages[] = {"en", "cs"};

// What phrases_read() says of the language.
static char *faults_of(const char *directory, const char *language, struct phrases **ret_phrases)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);

	*ret_phrases = phrases_read(directory, language, errors);
	fclose(errors);
	return text;
}

static void test_shipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(languages) / sizeof(*languages); i++) {
		struct phrases *phrases;
		char *faults = faults_of("templates", languages[i], &phrases);

		assert_string_equal(faults, "");
		assert_non_null(phrases);
		phrases_free(phrases);
		free(faults);
	}
}

// Writes xx/phrases.ini, the English one with old replaced by new, once; the text is yours.
static char *write_changed(const char *old, const char *new)
{
	auto_buf struct buf english = buf_make(100000);
	struct buf text = buf_make(100000);
	const char *at;

	assert_int_equal(file_read_at(AT_FDCWD, "templates/en/phrases.ini", &english), 0);
	at = strstr(buf_string(&english), old);
	assert_non_null(at);
	buf_add(&text, english.data, (size_t)(at - english.data));
	buf_adds(&text, new);
	buf_adds(&text, at + strlen(old));
	folder_write("xx/phrases.ini", text.data, text.len);
	return buf_steal(&text);
}

static const struct {
	const char *old;
	const char *new;
	const char *line; // the line that it is in, where its number is to be said
	int below;        // lines below that one
	const char *want;
} wrong[] = {
	{"[class tls]", "[class tsl]", "[class tsl]", 1, "class tsl: no such section"},
	{"[class tls]", "[class tsl]", NULL, 0, "[class tls] happened: must be given"},
	{"[who nobody]", "[nobody]", "[nobody]", 1, "nobody: no such section"},
	{"text = pass", "txet = pass", "txet = pass", 0, "txet: no such text in this section"},
	{"text = pass", "text = pass\ntext = p", "text = p\n", 0, "text: given twice"},
	{"text = pass", "text =", "[verdict pass]", 1, "[verdict pass] text: must not be empty"},
	{"text = pass", "text = {{pass}}", "text = {{pass}}", 0,
	 "text: line 1: unknown name {{pass}}"},
	{"text = pass", "text = {{#n}}{{x}}{{/n}}", "text = {{#n}}", 0,
	 "text: line 1: unknown name {{x}}"},
	{"text = pass", "text = {{#n}}", "text = {{#n}}", 0, "text: line 1: {{#n}} is not closed"},
	{"who = you", "who = them", "who = them", 0,
	 "who: it must be one of you, provider, nobody, us"},
	{"[explain tls]", "[explian tls]", NULL, 0, "[explain tls] means: must be given"},
	{"who = sender", "who = you", "[explain no-such-user]", 4,
	 "who: it must be one of sender, recipient, provider, sending, both"},
	{"text = pass", "pass", "pass\n", 0, "line: neither [section] nor name = value"},
};

// The number of the line that begins with this.
static int line_of(const char *text, const char *start)
{
	int line = 1;

	for (; strncmp(text, start, strlen(start)) != 0; line++) {
		text = strchr(text, '\n');
		assert_non_null(text);
		text++;
	}
	return line;
}

static void test_34_wrong(void **state)
{
	(void)state;
	assert_int_equal(mkdir(folder_file("xx"), 0700), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct phrases *phrases;
		char want[600], *faults, *text;
		int line = 0;

		text = write_changed(wrong[i].old, wrong[i].new);
		if (wrong[i].line != NULL)
			line = line_of(text, wrong[i].line) + wrong[i].below;
		faults = faults_of(folder_path, "xx", &phrases);
		snprintf(want, sizeof(want), "%s:%d: %s\n", folder_file("xx/phrases.ini"), line,
			 wrong[i].want);
		assert_null(phrases);
		if (strstr(faults, want) == NULL)
			fail_msg("%s\nis not in\n%s", want, faults);
		free(faults);
		free(text);
	}
}

static void test_no_file(void **state)
{
	struct phrases *phrases;
	char *faults = faults_of("templates", "nowhere", &phrases);

	(void)state;
	assert_null(phrases);
	assert_string_equal(faults, "templates/nowhere/phrases.ini: No such file or directory\n");
	free(faults);
}

static void say(const struct phrases *phrases, const struct phrase_facts *facts, const char *want)
{
	auto_buf struct buf out = buf_make(1000);

	phrases_say(phrases, "evidence", "accepted-by-mx", "text", facts, &out);
	assert_string_equal(buf_string(&out), want);
}

static void test_say(void **state)
{
	struct phrases *phrases = phrases_read("templates", "en", stderr);

	(void)state;
	assert_non_null(phrases);
	say(phrases, &(struct phrase_facts){.host = "mx.a.test", .domain = "a.test"},
	    "Accepted over IPv6 by the mail server mx.a.test.");
	say(phrases, &(struct phrase_facts){.domain = "a.test"},
	    "Accepted over IPv6 by the mail server of a.test.");
	say(phrases, &(struct phrase_facts){0},
	    "Accepted over IPv6 by the mail server of the recipient.");
	// fault 23, 24
	say(phrases, &(struct phrase_facts){.host = "a\n\x1b[1m{{n}}"},
	    "Accepted over IPv6 by the mail server a\\x0a\\x1b[1m{{n}}.");
	assert_string_equal(phrases_get(phrases, "class", "no-such-user", "who"), "you");
	assert_string_equal(phrases_get(phrases, "kind", "global", "note"), "");
	phrases_free(phrases);
}

static void assert_no_hole(const char *text)
{
	static const char *const holes[] = {"  ", " ,", " .", " ;", " :", "()", ".."};

	assert_int_not_equal(*text, '\0');
	for (size_t i = 0; i < sizeof(holes) / sizeof(*holes); i++)
		if (strstr(text, holes[i]) != NULL)
			fail_msg("%s", text);
}

// Every class, with and without what it may name: one line, and no hole in the sentence.
static void test_no_holes(void **state)
{
	static const char *const keys[] = {"subject", "happened", "means", "send"};
	const struct phrase_facts facts[] = {
		{0},
		{.address = "jan@a.test", .domain = "a.test"},
		{.address = "jan@a.test", .domain = "a.test", .host = "mx.a.test"},
		{.address = "jan@a.test",
		 .domain = "a.test",
		 .host = "mx.a.test",
		 .host_address = "2001:db8::1",
		 .our_domain = "six.test",
		 .our_host = "mx.six.test",
		 .our_address = "2001:db8::2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(languages) / sizeof(*languages) * CLASSES * 4 * 4; i++) {
		struct phrases *phrases =
			phrases_read("templates", languages[i / 16 / CLASSES], stderr);
		auto_buf struct buf out = buf_make(3000);
		const char *text;

		assert_non_null(phrases);
		phrases_say(phrases, "class", class_name(i / 16 % CLASSES), keys[i / 4 % 4],
			    &facts[i % 4], &out);
		text = buf_string(&out);
		assert_true(text_is_printable(text, out.len));
		if (i % 4 > 0 && (strstr(text, "  ") != NULL || strstr(text, " ,") != NULL ||
				  strstr(text, " . ") != NULL || strstr(text, "()") != NULL))
			fail_msg("%s", text);
		phrases_free(phrases);
	}
}

// Of a bounce anything may be missing, the recipient too.
static const struct phrase_facts explained[] = {
	{0},
	{.host = "mx.a.test"},
	{.address = "jan@a.test", .domain = "a.test"},
	{.address = "jan@a.test", .domain = "a.test", .host = "mx.a.test"},
	{.address = "jan@a.test", .domain = "a.test", .host_address = "192.0.2.1"},
	{.address = "jan@a.test", .domain = "a.test", .host_address = "2001:db8::1", .is_v6 = true},
};

static const char *const explain_keys[] = {"happened", "means", "send"};

static void test_explain_no_holes(void **state)
{
	(void)state;
	for (size_t l = 0; l < sizeof(languages) / sizeof(*languages); l++) {
		struct phrases *phrases = phrases_read("templates", languages[l], stderr);

		assert_non_null(phrases);
		for (size_t i = 0; i < CLASSES * 6 * 3; i++) {
			auto_buf struct buf out = buf_make(3000);

			phrases_say(phrases, "explain", class_name((enum class)(i / 18)),
				    explain_keys[i / 6 % 3], &explained[i % 6], &out);
			assert_true(text_is_printable(buf_string(&out), out.len));
			assert_no_hole(buf_string(&out));
		}
		phrases_free(phrases);
	}
}

// Fails where a sentence names IPv6 and no condition.
static void assert_conditional(const char *text, const char *condition, const char *Condition)
{
	char sentence[1000];

	for (size_t len; *text != '\0'; text += len) {
		const char *end = strstr(text, ". ");

		len = end != NULL ? (size_t)(end - text) + 2 : strlen(text);
		assert_true(len < sizeof(sentence));
		memcpy(sentence, text, len);
		sentence[len] = '\0';
		if ((strstr(sentence, "v6") != NULL || strstr(sentence, "AAAA") != NULL) &&
		    strstr(sentence, condition) == NULL && strstr(sentence, Condition) == NULL)
			fail_msg("%s", sentence);
	}
}

// Bounces come from anywhere: what happened is not said to have to do with IPv6, and the rest only
// "if", unless the class says so, or the evidence.
static void test_explain_claims_no_v6(void **state)
{
	(void)state;
	for (size_t l = 0; l < sizeof(languages) / sizeof(*languages); l++) {
		struct phrases *phrases = phrases_read("templates", languages[l], stderr);

		assert_non_null(phrases);
		for (size_t i = 0; i < CLASSES * 5 * 3; i++) {
			const enum class class = (enum class)(i / 15);
			auto_buf struct buf out = buf_make(3000);
			const char *text;

			phrases_say(phrases, "explain", class_name(class), explain_keys[i / 5 % 3],
				    &explained[i % 5], &out);
			text = buf_string(&out);
			if (class == CLASS_NO_AAAA || class == CLASS_NO_V6_POLICY)
				assert_non_null(strstr(text, i / 5 % 3 < 2 ? "IPv6" : "AAAA"));
			else if (i / 5 % 3 == 0)
				assert_null(strstr(text, "v6"));
			else
				assert_conditional(text, l == 0 ? " if " : " pokud ",
						   l == 0 ? "If " : "Pokud ");
		}
		phrases_free(phrases);
	}
}

static void test_explain_says_v6(void **state)
{
	static const enum class classes[] = {CLASS_UNROUTABLE, CLASS_TIMEOUT, CLASS_REFUSED};

	(void)state;
	for (size_t i = 0; i < 2 * 3; i++) {
		struct phrases *phrases = phrases_read("templates", languages[i / 3], stderr);
		auto_buf struct buf out = buf_make(3000);

		assert_non_null(phrases);
		phrases_say(phrases, "explain", class_name(classes[i % 3]), "happened",
			    &explained[5], &out);
		assert_non_null(strstr(buf_string(&out), "IPv6"));
		assert_non_null(strstr(buf_string(&out), "2001:db8::1"));
		phrases_free(phrases);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_34_wrong),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_no_holes),
		cmocka_unit_test(test_explain_no_holes),
		cmocka_unit_test(test_explain_claims_no_v6),
		cmocka_unit_test(test_explain_says_v6),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
