// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/diagnose: what a DSN's words come to. The sentences are in the manner of the servers that
// say them; names and addresses are for documentation.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mail/diagnose_table.h"

static struct diagnose_table *table;

#define MX "dns; mx.peer.test"

struct sample {
	const char *class;
	const char *status;
	const char *remote_mta;
	const char *diagnostic;
	const char *text;
};

// A diagnostic of the reporter's, and one of a remote server's, without a word on where it was
// said.
#define OURS(class, status, diagnostic)                                                            \
	{                                                                                          \
		class, status, "", diagnostic, ""                                                  \
	}
#define THEIRS(class, status, diagnostic)                                                          \
	{                                                                                          \
		class, status, MX, diagnostic, ""                                                  \
	}

static void check(const struct sample *samples, size_t n)
{
	struct diagnose_input input;
	struct diagnosis found;
	const char *name;

	for (size_t i = 0; i < n; i++) {
		input = (struct diagnose_input){.diagnostic = samples[i].diagnostic,
						.remote_mta = samples[i].remote_mta,
						.text = samples[i].text};
		if (*samples[i].status != '\0')
			assert_true(status_parse(samples[i].status, &input.status));
		diagnose(table, &input, &found);
		name = class_name(found.class);
		if (strcmp(name, samples[i].class) != 0)
			print_message("%s %s: %s by %s\n", samples[i].status, samples[i].diagnostic,
				      name, found.row);
		assert_string_equal(name, samples[i].class);
	}
}

// The table that is installed: what it says is what people read. The test runs in the project's
// folder.
static int read_table(void **state)
{
	static char text[100000];
	unsigned line = 0;
	FILE *file = fopen("templates/diagnose.tab", "r");
	const char *wrong;

	(void)state;
	if (file == NULL)
		return -1;
	table = diagnose_table_new();
	wrong = diagnose_table_read(table, "diagnose.tab", text, fread(text, 1, sizeof(text), file),
				    &line);
	fclose(file);
	if (wrong != NULL) {
		print_message("diagnose.tab:%u: %s\n", line, wrong);
		return -1;
	}
	diagnose_table_finish(table);
	return 0;
}

static int free_table(void **state)
{
	(void)state;
	table = diagnose_table_free(table);
	return 0;
}

#define CHECK(samples) check(samples, sizeof samples / sizeof *samples)

static void test_unreachable(void **state)
{
	static const struct sample samples[] = {
		OURS("no-aaaa", "5.4.4",
		     "X-Postfix; Host or domain name not found. Name service error for "
		     "name=mx.v4only.test "
		     "type=AAAA: Host found but no data record of requested type"),
		OURS("other", "4.4.4",
		     "X-Postfix; Host or domain name not found. Name service error for "
		     "name=mx.v4only.test "
		     "type=AAAA: Host found but no data record of requested type"),
		{"no-aaaa", "5.4.4", "", "",
		 "<a@v4only.test>: Host or domain name not found. Name service error\n    for "
		 "name=mx.v4only.test type=AAAA: Host found but no\n    data record of requested "
		 "type\n"},
		OURS("no-aaaa", "5.4.4",
		     "X-Postfix; unable to look up host mx.v4only.test: No address associated with "
		     "hostname"),
		OURS("no-such-domain", "5.4.4",
		     "X-Postfix; Host or domain name not found. Name service error for "
		     "name=nodomain.test "
		     "type=AAAA: Host not found"),
		OURS("no-such-domain", "5.4.4",
		     "X-Postfix; unable to look up host mx.gone.test: Name or service not known"),
		THEIRS("no-such-domain", "5.1.2", "smtp; 550 Host unknown"),
		OURS("other", "4.4.3",
		     "X-Postfix; Host or domain name not found. Name service error for name=x.test "
		     "type=MX: "
		     "Host not found, try again"),
		OURS("other", "4.4.3",
		     "X-Postfix; unable to look up host mx.x.test: Temporary failure in name "
		     "resolution"),
		OURS("null-mx", "5.1.0",
		     "X-Postfix; Domain nullmx.test does not accept mail (nullMX)"),
		THEIRS("null-mx", "5.1.10", "smtp; 556 5.1.10 Domain takes no mail"),
		OURS("unroutable", "4.4.1",
		     "X-Postfix; connect to mx.lost.test[2001:db8::1]:25: Network is unreachable"),
		OURS("unroutable", "4.4.1",
		     "X-Postfix; connect to mx.lost.test[2001:db8::1]:25: No route to host"),
		OURS("unroutable", "4.4.1",
		     "X-Postfix; connect to mx.lost.test[2001:db8::1]:25: Permission denied"),
		OURS("refused", "4.4.1",
		     "X-Postfix; connect to mx.deaf.test[2001:db8::1]:25: Connection refused"),
		OURS("refused", "4.4.1",
		     "X-Postfix; connect to mx.deaf.test[2001:db8::1]:25: Connection\n refused"),
		OURS("timeout", "4.4.1",
		     "X-Postfix; connect to mx.lost.test[2001:db8::1]:25: Connection timed out"),
		OURS("timeout", "4.4.2",
		     "X-Postfix; conversation with mx.lost.test[2001:db8::1] timed out while "
		     "receiving "
		     "the "
		     "initial server greeting"),
		OURS("timeout", "4.4.1", ""),
		OURS("protocol", "4.4.2",
		     "X-Postfix; lost connection with mx.x.test[2001:db8::1] while sending RCPT "
		     "TO"),
		OURS("protocol", "4.4.1",
		     "X-Postfix; connect to mx.x.test[2001:db8::1]:25: Connection reset by peer"),
		OURS("protocol", "4.4.2", ""),
		OURS("tls", "4.7.4",
		     "X-Postfix; TLS is required, but was not offered by host "
		     "mx.x.test[2001:db8::1]"),
		OURS("tls", "4.7.5", "X-Postfix; Cannot start TLS: handshake failure"),
		OURS("tls", "4.7.5", "X-Postfix; Server certificate not trusted"),
	};

	(void)state;
	CHECK(samples);
}

static void test_wants_more_of_a_sender(void **state)
{
	static const struct sample samples[] = {
		THEIRS("ptr-required", "5.7.25", "smtp; 550 5.7.25 go away"),
		THEIRS("ptr-required", "5.0.0", "smtp; 550-5.7.25 go 550 5.7.25 away"),
		THEIRS("ptr-required", "5.7.1",
		       "smtp; 550-5.7.1 [2001:db8::6] Our system has detected that this message "
		       "does not "
		       "meet "
		       "IPv6 sending guidelines regarding PTR records and authentication"),
		THEIRS("ptr-required", "4.7.1",
		       "smtp; 450 4.7.1 Client host rejected: cannot find your reverse hostname, "
		       "[2001:db8::6]"),
		THEIRS("ptr-required", "4.7.1",
		       "smtp; 450 4.7.1 Client host rejected: cannot find your hostname, "
		       "[2001:db8::6]"),
		THEIRS("ptr-required", "5.7.1", "smtp; 550 5.7.1 Fix reverse DNS for 2001:db8::6"),
		THEIRS("ptr-required", "5.7.1", "smtp; 550 5.7.1 no rDNS"),
		THEIRS("auth-required", "5.7.20", "smtp; 550 5.7.20 x"),
		THEIRS("auth-required", "5.7.21", "smtp; 550 5.7.21 x"),
		THEIRS("auth-required", "5.7.22", "smtp; 550 5.7.22 x"),
		THEIRS("auth-required", "5.7.23", "smtp; 550 5.7.23 x"),
		THEIRS("auth-required", "5.7.26", "smtp; 550 5.7.26 x"),
		THEIRS("auth-required", "5.7.1",
		       "smtp; 550 5.7.1 message sent over IPv6 must pass either SPF or so"),
		THEIRS("auth-required", "5.7.1", "smtp; 550 5.7.1 no valid DKIM signature"),
		THEIRS("auth-required", "5.7.1", "smtp; 550 5.7.1 rejected by your DMARC policy"),
		THEIRS("auth-required", "5.7.1",
		       "smtp; 550-5.7.1 Unauthenticated email from six.test"),
		THEIRS("auth-required", "5.7.1",
		       "smtp; 550-5.7.1 This message does not have authentication information or "
		       "fails"),
		THEIRS("no-v6-policy", "5.7.510", "smtp; 550 5.7.510 Access denied"),
		THEIRS("no-v6-policy", "5.7.1",
		       "smtp; 550 5.7.1 nov6.test does not accept email over IPv6"),
		THEIRS("no-v6-policy", "5.7.1", "smtp; 550 5.7.1 no mail via IPv6 here"),
		THEIRS("no-v6-policy", "5.7.1", "smtp; 550 5.7.1 IPv6 sending host not permitted"),
		THEIRS("no-v6-policy", "5.0.0",
		       "smtp; 554 IPv6 sending host [2001:db8::6] is not permitted here"),
		THEIRS("no-v6-policy", "5.7.1", "smtp; 550 5.7.1 IPv6 is not welcome"),
		THEIRS("no-v6-policy", "5.7.1", "smtp; 550 5.7.1 we do not accept IPv6"),
		THEIRS("tls", "5.7.0", "smtp; 530 5.7.0 Must issue a STARTTLS command first"),
		THEIRS("greylisted", "4.2.0",
		       "smtp; 450 4.2.0 Recipient address rejected: Greylisted"),
		THEIRS("greylisted", "4.7.1", "smtp; 450 4.7.1 graylisting in action"),
		THEIRS("greylisted", "4.7.1", "smtp; 450 4.7.1 you are grey listed"),
	};

	(void)state;
	CHECK(samples);
}

static void test_sender_domain(void **state)
{
	static const struct sample samples[] = {
		// as in the talk, by its words and by the place where they were said
		THEIRS("sender-domain", "5.5.4",
		       "smtp; 553 5.5.4 <bounce@six.test>... Sender's best MX (mx.six.test.) has "
		       "no IP."),
		{"sender-domain", "5.5.4", MX, "smtp; 553 5.5.4 no",
		 "<a@badmx.test>: host mx.badmx.test[2001:db8::1] said: 553 5.5.4 no (in reply to "
		 "MAIL\n"
		 "    FROM command)\n"},
		{"sender-domain", "5.7.1", "", "X-Postfix; host mx.x.test said: 550 5.7.1 no",
		 "said: 550 no (in reply to MAIL FROM command)"},
		THEIRS("sender-domain", "5.1.8", "smtp; 553 5.1.8 x"),
		THEIRS("sender-domain", "5.1.7", "smtp; 553 5.1.7 x"),
		THEIRS("sender-domain", "5.7.27", "smtp; 550 5.7.27 x"),
		{"sender-domain", "4.0.0", MX,
		 "smtp; 450 <a@six.test>: Sender address rejected: Domain not found",
		 "(in reply to RCPT TO command)"},
		THEIRS("sender-domain", "5.0.0",
		       "smtp; 553 Domain of sender address a@six.test does not exist"),
		THEIRS("sender-domain", "5.0.0", "smtp; 550 Sender verify failed"),
		// a server that was found by the recipient's domain means the other one
		THEIRS("sender-domain", "5.0.0",
		       "smtp; 550 No such user here because the domain six.test does not resolve"),
		THEIRS("no-such-domain", "5.0.0",
		       "smtp; 550 No such user: recipient domain x.test does not resolve"),
		OURS("no-such-domain", "5.0.0",
		     "X-Postfix; no such user here because the domain x.test does not resolve"),
		// the name in HELO is our server's
		{"other", "5.7.1", MX,
		 "smtp; 550 5.7.1 <mx.six.test>: Helo command rejected: Host not found",
		 "(in reply to MAIL FROM command)"},
		{"other", "4.7.1", MX,
		 "smtp; 450 4.7.1 <mx.six.test>: Helo command rejected: Host not found",
		 "(in reply to RCPT TO command)"},
		{"other", "5.7.1", MX,
		 "smtp; 550 5.7.1 <mx.six.test>: Helo command rejected: Host not found",
		 "(in reply to EHLO command)"},
		// not of the sender, though said to MAIL FROM
		{"other", "5.7.1", MX,
		 "smtp; 554 5.7.1 Service unavailable; Client host [2001:db8::6] blocked",
		 "(in reply to MAIL FROM command)"},
		{"other", "4.3.2", MX, "smtp; 421 4.3.2 too busy",
		 "(in reply to MAIL FROM command)"},
		{"protocol", "5.5.4", MX, "smtp; 501 5.5.4 no", "(in reply to RCPT TO command)"},
	};

	(void)state;
	CHECK(samples);
}

static void test_recipient_and_content(void **state)
{
	static const struct sample samples[] = {
		{"no-such-user", "5.1.1", MX, "smtp; 550 5.1.1 gone",
		 "(in reply to RCPT TO command)"},
		OURS("no-such-user", "5.1.1", "X-Postfix; unknown user: \"a\""),
		THEIRS("no-such-user", "5.1.10",
		       "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; no"),
		THEIRS("no-such-user", "5.1.3", "smtp; 550 5.1.3 x"),
		THEIRS("no-such-user", "5.1.6", "smtp; 550 5.1.6 moved"),
		THEIRS("no-such-user", "5.2.1", "smtp; 550 5.2.1 disabled"),
		THEIRS("no-such-user", "5.0.0", "smtp; 550 User unknown"),
		THEIRS("no-such-user", "5.0.0", "smtp; 550 unknown user"),
		THEIRS("no-such-user", "5.0.0", "smtp; 550 No such user here"),
		THEIRS("no-such-user", "5.4.1",
		       "smtp; 550 5.4.1 Recipient address rejected: Access denied"),
		THEIRS("mailbox-full", "4.2.2", "smtp; 452 4.2.2 full"),
		THEIRS("mailbox-full", "5.0.0", "smtp; 552 mailbox full"),
		THEIRS("mailbox-full", "5.0.0", "smtp; 552 your mailbox is full"),
		THEIRS("mailbox-full", "5.0.0", "smtp; 552 over quota"),
		THEIRS("mailbox-full", "5.0.0", "smtp; 552 Quota exceeded"),
		THEIRS("content", "5.6.0", "smtp; 554 5.6.0 x"),
		THEIRS("content", "5.3.4", "smtp; 552 5.3.4 too big"),
		THEIRS("content", "5.2.3", "smtp; 552 5.2.3 too big"),
		{"content", "5.7.1", MX, "smtp; 550 5.7.1 spam",
		 "(in reply to end of DATA command)"},
		{"content", "5.7.1", MX, "smtp; 550 5.7.1 spam", "(in reply to DATA command)"},
		{"other", "5.7.1", MX, "smtp; 554 5.7.1 Relay access denied",
		 "(in reply to RCPT TO command)"},
		OURS("other", "", ""),
	};

	(void)state;
	CHECK(samples);
}

// The same words by another voice, or inside a name, mean something else or nothing.
static void test_whose_words(void **state)
{
	static const struct sample samples[] = {
		THEIRS("other", "5.0.0", "smtp; 550 Host not found, whoever you are"),
		THEIRS("other", "5.0.0", "smtp; 550 backend: Connection refused"),
		OURS("other", "5.0.0", "smtp; 550 backend: Connection refused"),
		THEIRS("other", "5.0.0",
		       "X-Postfix; host mx.x.test refused to talk to me: 554 Connection refused"),
		THEIRS("refused", "4.4.1",
		       "X-Postfix; connect to mx.ptr.test[2001:db8::1]:25: Connection refused"),
		THEIRS("other", "5.0.0", "smtp; 550 <a@ptr.test> no"),
		THEIRS("other", "5.0.0", "smtp; 550 <a@mx.spf.test>: xSPF"),
		THEIRS("no-such-user", "5.1.1", "smtp; 550 5.1.1 <a@dkim-greylist.test> no"),
		THEIRS("no-such-user", "5.1.1", "smtp; 5501 5.7.25 no code"),
	};

	(void)state;
	CHECK(samples);
}

// What the big receivers say over IPv6.
static void test_big_receivers(void **state)
{
	static const struct sample samples[] = {
		{"ptr-required", "5.7.1", "dns; gmail-smtp-in.l.google.com",
		 "smtp; 550-5.7.1 [2001:db8::6] Our system has detected that this message does "
		 "550-5.7.1 "
		 "not meet IPv6 sending guidelines regarding PTR records and 550-5.7.1 "
		 "authentication. Please review 550 5.7.1 "
		 "https://support.google.com/mail/?p=IPv6AuthError - gsmtp",
		 ""},
		{"ptr-required", "5.7.25", "dns; gmail-smtp-in.l.google.com",
		 "smtp; 550-5.7.25 [2001:db8::6] The IP address sending this message does not have "
		 "a 550-5.7.25 PTR record setup",
		 ""},
		{"ptr-required", "4.7.23", "dns; alt1.gmail-smtp-in.l.google.com",
		 "smtp; 421-4.7.23 The sending address has no name 421 4.7.23 gsmtp", ""},
		{"auth-required", "5.7.23", "dns; mx.x.test", "smtp; 550 5.7.23 no", ""},
		{"auth-required", "5.7.26", "dns; gmail-smtp-in.l.google.com",
		 "smtp; 550-5.7.26 Your email has been blocked because the sender is "
		 "unauthenticated",
		 ""},
		{"auth-required", "5.7.27", "dns; gmail-smtp-in.l.google.com",
		 "smtp; 550 5.7.27 no", ""},
		{"sender-domain", "5.7.27", "dns; mx.x.test", "smtp; 550 5.7.27 no", ""},
		{"tls", "5.7.29", "dns; gmail-smtp-in.l.google.com", "smtp; 550 5.7.29 no", ""},
		{"no-such-domain", "4.0.0", "",
		 "smtp; DNS Error: DNS type 'mx' lookup of x.test responded with code NXDOMAIN",
		 ""},
		{"auth-required", "5.7.1", "dns; x-test.mail.protection.outlook.com",
		 "smtp; 550 5.7.1 Service unavailable, message sent over IPv6 [2001:db8::6] must "
		 "pass "
		 "either SPF or DKIM validation, this message is not signed",
		 ""},
		{"ptr-required", "4.7.25", "dns; x-test.mail.protection.outlook.com",
		 "smtp; 450 4.7.25 Service unavailable, sending IPv6 address [2001:db8::6] must "
		 "have "
		 "reverse DNS record",
		 ""},
		{"no-v6-policy", "5.7.510", "dns; x-test.mail.protection.outlook.com",
		 "smtp; 550 5.7.510 Access denied, [x.test] does not accept email over IPv6", ""},
		{"no-v6-policy", "5.7.1", "dns; x-test.mail.protection.outlook.com",
		 "smtp; 550 5.7.1 Access denied, [2001:db8::6] does not accept email over IPv6",
		 ""},
		{"auth-required", "5.7.509", "dns; x-test.mail.protection.outlook.com",
		 "smtp; 550 5.7.509 Access denied, sending domain [SIX.TEST] does not pass", ""},
		{"auth-required", "5.7.515", "dns; x-test.mail.protection.outlook.com",
		 "smtp; 550 5.7.515 Access denied, sending domain SIX.TEST doesn't meet the level",
		 ""},
		{"other", "5.7.606", "dns; x-test.mail.protection.outlook.com",
		 "smtp; 550 5.7.606 Access denied, banned sending IP [192.0.2.1]", ""},
		{"no-such-domain", "5.4.310", "",
		 "smtp;550 5.4.310 DNS domain x.test does not exist", ""},
		{"content", "5.7.9", "dns; mta5.am0.yahoodns.net",
		 "smtp; 554 5.7.9 Message not accepted for policy reasons. See there", ""},
		{"auth-required", "5.7.9", "dns; mta5.am0.yahoodns.net",
		 "smtp; 550 5.7.9 This mail has been blocked because the sender is unauthenticated",
		 ""},
		{"other", "4.7.0", "dns; mta6.am0.yahoodns.net",
		 "smtp; 421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", ""},
		{"ptr-required", "4.0.0", "dns; mx00.x.test",
		 "smtp; 554 mx00 Nemesis ESMTP Service not available. Bad DNS PTR resource record.",
		 ""},
		// a phrase across the lines of a reply
		{"auth-required", "5.7.1", "dns; gmail-smtp-in.l.google.com",
		 "smtp; 550-5.7.1 This message does not have 550-5.7.1 authentication information "
		 "550 5.7.1 at all",
		 ""},
		// names are not words, nor are addresses
		THEIRS("no-such-user", "5.1.1", "smtp; 550 5.1.1 <dmarc@x.test>... User unknown"),
		THEIRS("no-such-user", "5.1.1", "smtp; 550 5.1.1 spf@x.test: no such user"),
	};

	(void)state;
	CHECK(samples);
}

// The words are read once: long ones, and many that almost match, cost no more than their length.
static void test_hostile_words(void **state)
{
	static char words[100001];
	struct diagnose_input input = {.diagnostic = words, .text = words};
	struct diagnosis found;

	(void)state;
	for (size_t i = 0; i < sizeof(words) - 1; i++)
		words[i] = "user unknow "[i % 12];
	diagnose(table, &input, &found);
	assert_int_equal(found.class, CLASS_OTHER);
	for (size_t i = 0; i < sizeof(words) - 1; i++)
		words[i] = (char)(1 + i * 7 % 255);
	diagnose(table, &input, &found);
	memset(words, '@', sizeof(words) - 1);
	diagnose(table, &input, &found);
	assert_string_equal(found.row, "");
}

static void test_names_and_problems(void **state)
{
	static const char *const problems[CLASSES] = {
		[CLASS_NO_AAAA] = "ipv6",
		[CLASS_UNROUTABLE] = "ipv6",
		[CLASS_TIMEOUT] = "ipv6",
		[CLASS_REFUSED] = "ipv6",
		[CLASS_NO_V6_POLICY] = "ipv6",
		[CLASS_PTR_REQUIRED] = "policy",
		[CLASS_AUTH_REQUIRED] = "policy",
		[CLASS_TLS] = "policy",
		[CLASS_GREYLISTED] = "policy",
		[CLASS_SENDER_DOMAIN] = "sender",
		[CLASS_NO_SUCH_USER] = "address",
		[CLASS_NULL_MX] = "address",
		[CLASS_NO_SUCH_DOMAIN] = "address",
		[CLASS_MAILBOX_FULL] = "mailbox",
		[CLASS_PROTOCOL] = "other",
		[CLASS_CONTENT] = "other",
		[CLASS_OTHER] = "other",
	};

	(void)state;
	assert_int_equal(CLASSES, 17);
	for (size_t i = 0; i < CLASSES; i++) {
		assert_string_equal(problem_name(class_problem((enum class)i)), problems[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(class_name((enum class)i),
						class_name((enum class)j));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unreachable),   cmocka_unit_test(test_wants_more_of_a_sender),
		cmocka_unit_test(test_sender_domain), cmocka_unit_test(test_recipient_and_content),
		cmocka_unit_test(test_whose_words),   cmocka_unit_test(test_big_receivers),
		cmocka_unit_test(test_hostile_words), cmocka_unit_test(test_names_and_problems),
	};

	return cmocka_run_group_tests(tests, read_table, free_table);
}
