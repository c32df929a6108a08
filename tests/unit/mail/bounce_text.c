// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/bounce_text: whom a bounce in plain words names, what it says of each, and where it ends.
// The texts are in the manner of the servers named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "mail/bounce_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

// "address=words;" of each, line ends in words as "/".
static const char *read_all(const char *text)
{
	static char told[2000];
	struct bounce_text bounce;

	told[0] = '\0';
	bounce_text_read(text, strlen(text), &bounce);
	for (size_t i = 0; i < bounce.n_recipients; i++)
		snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s=%s%s;",
			 bounce.recipients[i].address, buf_string(&bounce.recipients[i].words),
			 bounce.recipients[i].has_more ? "" : " (no more)");
	for (char *at = told; (at = strchr(at, '\n')) != NULL;)
		*at = '/';
	bounce_text_free(&bounce);
	return told;
}

static void test_recipients(void **state)
{
	static const struct {
		const char *text, *told;
	} rows[] = {
		// qmail
		{"Hi. This is the qmail-send program.\nSorry it didn't work out.\n\n<a@x.test>:\n"
		 "192.0.2.1 does not like recipient.\nRemote host said: 550 no\n\n"
		 "--- Below this line is a copy of the message.\n\nReturn-Path: <b@y.test>\n",
		 "a@x.test=192.0.2.1 does not like recipient./Remote host said: 550 no;"},
		// Exim
		{"The following address(es) failed:\n\n  a@x.test\n"
		 "    SMTP error from remote mail server after RCPT TO:<a@x.test>:\n"
		 "    host mx.x.test [192.0.2.1]: 550 no\n  b@y.test\n    Unrouteable address\n\n"
		 "------ This is a copy of the message, including all the headers. ------\n\n"
		 "To: c@z.test\n",
		 "a@x.test=SMTP error from remote mail server after RCPT TO:<a@x.test>:/"
		 "host mx.x.test [192.0.2.1]: 550 no;b@y.test=Unrouteable address;"},
		// Sendmail: the same address twice, its replies in front of it
		{"The original message was received at Thu, 1 Jan 2026\n"
		 "   ----- The following addresses had permanent fatal errors -----\n<a@x.test>\n\n"
		 "   ----- Transcript of session follows -----\n"
		 "... while talking to mx.x.test.:\n>>> RCPT To:<a@x.test>\n<<< 550 no\n"
		 "550 5.1.1 <a@x.test>... User unknown\n",
		 "a@x.test=----- Transcript of session follows -----/"
		 "... while talking to mx.x.test.:/>>> RCPT To:<a@x.test>/<<< 550 no/"
		 "550 5.1.1 <a@x.test>... User unknown;"},
		// OpenSMTPD, JetMail
		{"list of recipients:\n\na@x.test: 552 full\nb@y.test: 550 no\n\n"
		 "    Below is a copy of the original message:\n\nc@z.test\n",
		 "a@x.test=: 552 full;b@y.test=: 550 no;"},
		{"kijitora \"x\"\n\"a@x.test\":\nSMTP error\n", "a@x.test=SMTP error;"},
		// labels
		{"Unknown user: a@x.test\n\nOriginal message follows.\n\nb@y.test\n",
		 "a@x.test=Unknown user: a@x.test (no more);"},
		{"There was an error delivering your mail to <a@x.test>.\n\nmx.x.test said: 550 "
		 "no\n",
		 "a@x.test=There was an error delivering your mail to <a@x.test>./"
		 "mx.x.test said: 550 no;"},
		{"   * a@x.test\n\nTechnical details\n", "a@x.test=Technical details;"},
		// Exchange tells the header again; staff is asked for help, it did not fail
		{"Your message\n  To:      a@x.test\n  Subject: x\n\n"
		 "did not reach the following recipient(s):\n\nb@y.test on Thu\n"
		 "    The recipient name is not recognized\n"
		 "Contact: postmaster@y.test\nFailed user: postmaster@y.test\n",
		 "b@y.test=on Thu/The recipient name is not recognized/Contact: postmaster@y.test/"
		 "Failed user: postmaster@y.test;"},
		// a sender in a wrapped line
		{"a@x.test\n  SMTP error after MAIL FROM:\n  <b@y.test>:\n  550 no\n",
		 "a@x.test=SMTP error after MAIL FROM:/<b@y.test>:/550 no;"},
		{"a@x.test\nReceived: from b by c\nd@x.test\n", "a@x.test= (no more);"},
		{"A@X.test: one\na@x.TEST: two\n", "A@X.test=: one/: two;"},
		{"a@x.test.\n", "a@x.test= (no more);"},
		{"@x.test\na@\n<>\n@\n\n", ""},
		{"", ""},
		{"no address", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(read_all(rows[i].text), rows[i].told);
}

static void test_where_it_ends(void **state)
{
	static const struct {
		const char *before, *behind;
	} rows[] = {
		{"one\ntwo", "\n--- Original message follows.\n"},
		{"one", "\nReceived: from a\n"},
		{"one", "\nReturn-Path: <>\n"},
		{"one", "\n----- Original message -----\n"},
		{"one", "\n------- Returned Message --------\n"},
		{"one", "\n   ----- Unsent message follows -----\n"},
		{"one", "\nMessage headers follow.\n"},
		{"one", "\n--- The header of the original message is following. ---\n"},
		{"one\nThe original message was received at noon", "\n=== Original message ===\n"},
		{"one\n Received: is indented\nthe original message\nfollow us", ""},
		{"one\nno line end", ""},
	};
	struct bounce_text bounce;
	char text[300];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text), "%s%s", rows[i].before, rows[i].behind);
		bounce_text_read(text, strlen(text), &bounce);
		assert_int_equal(bounce.len, strlen(rows[i].before));
		bounce_text_free(&bounce);
	}
}

static void test_finding_and_preamble(void **state)
{
	static const char text[] = "Sorry.\nNobody answered.\na@x.test\nb@y.test: full\n";
	struct bounce_text bounce;

	(void)state;
	bounce_text_read(text, strlen(text), &bounce);
	assert_int_equal(bounce.preamble, strlen("Sorry.\nNobody answered.\n"));
	assert_string_equal(buf_string(&bounce_text_find(&bounce, "B@Y.test")->words), ": full");
	assert_null(bounce_text_find(&bounce, "c@x.test"));
	bounce_text_free(&bounce);
}

// Any number of recipients and octets is as good as the limit.
static void test_it_is_bounded(void **state)
{
	const size_t size = 4 * 1024 * 1024;
	char *text = malloc(size);
	struct bounce_text bounce;
	size_t len = 0;

	(void)state;
	while (len < size - 100)
		len += (size_t)sprintf(text + len, "<a%zu@x.test>: 550 no\n", len);
	bounce_text_read(text, len, &bounce);
	assert_int_equal(bounce.n_recipients, BOUNCE_TEXT_RECIPIENTS_MAX);
	assert_true(bounce.len <= BOUNCE_TEXT_MAX);
	bounce_text_free(&bounce);
	memset(text, 'a', size);
	memcpy(text, "b@x.test\n", 9);
	bounce_text_read(text, size, &bounce);
	assert_int_equal(bounce.n_recipients, 1);
	assert_true(bounce.recipients[0].words.len <= BOUNCE_TEXT_WORDS_MAX);
	bounce_text_free(&bounce);
	memset(text, '@', size);
	bounce_text_read(text, size, &bounce);
	assert_int_equal(bounce.n_recipients, 0);
	bounce_text_free(&bounce);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_where_it_ends),
		cmocka_unit_test(test_finding_and_preamble),
		cmocka_unit_test(test_it_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
