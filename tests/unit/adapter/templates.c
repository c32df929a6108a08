// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The shipped templates, rendered with every combination that the daemon can give them: the right
// subject, lines of at most 76 columns, a few kilobytes, plain 7-bit English, and never "received"
// for what was only accepted.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/compose.h"
#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const names[] = {
	"site_name",
	"v6_domain",
	"dual_domain",
	"tester",
	"contact",
	"token_id",
	"requester",
	"recipient",
	"request_date",
	"request_subject",
	"client_address",
	"client_family",
	"client_name",
	"client_wrong_name",
	"has_trace",
	"tls",
	"dkim",
	"took",
	"took_servers",
	"hops",
	"client_helo",
	"client_protocol",
	"action",
	"status",
	"final_recipient",
	"final_address",
	"remote_mta",
	"diagnostic_lines",
	"tried_at",
	"give_up_at",
	"class",
	"is_v6_request",
	"was_accepted",
	"is_ours",
	"is_ipv6_problem",
	"is_address_problem",
	"is_mailbox_problem",
	"is_sender_problem",
	"is_policy_problem",
	"is_other_problem",
};

static struct template_value values[COUNT(names)];

static void set(const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i], name) == 0)
			values[i].value = value;
}

// Every value of the given text, every flag off.
static void set_all(const char *text)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		bool is_flag =
			strncmp(names[i], "is_", 3) == 0 || strncmp(names[i], "was_", 4) == 0;

		values[i] = (struct template_value){names[i], is_flag ? "" : text};
	}
}

static struct buf rendered(const char *name)
{
	const struct template_values list = {values, COUNT(names)};
	struct buf out = buf_make(100000);
	char path[100];
	bool utf8;
	struct compose compose = {
		.template = path,
		.values = &list,
		.from_name = "Six Test",
		.from = "help@dual.test",
		.to = "jan@good.test",
		.message_id = "abc@dual.test",
		.date = 1700000000,
		.max = strcmp(name, "report") == 0 ? COMPOSE_REPORT_MAX : COMPOSE_MAX,
	};

	snprintf(path, sizeof(path), "templates/en/%s.txt", name);
	assert_int_equal(compose_message(&compose, &out, &utf8), 0);
	assert_false(utf8);
	assert_true(text_is_ascii(out.data, out.len));
	return out;
}

static void check_text(const struct buf *out)
{
	const char *body = strstr(out->data, "\r\n\r\n");

	assert_non_null(body);
	for (const char *p = body + 4; *p != '\0'; p = strstr(p, "\r\n") + 2)
		assert_true(strcspn(p, "\r") <= 76);
	assert_null(strstr(body, "\r\n\r\n\r\n")); // no gap where a section is left out
	assert_null(strstr(body, "received"));
	assert_null(strstr(body, "{{"));
	assert_non_null(strstr(body, "\r\n-- \r\n"));
	assert_non_null(strstr(body, "a reply to this one reaches a person,"));
}

static void check_subject(const struct buf *out, const char *subject)
{
	char line[200];

	snprintf(line, sizeof(line), "\r\nSubject: Auto: %s\r\n", subject);
	assert_non_null(strstr(out->data, line));
}

static void test_values_of_every_size(void **state)
{
	static const char *const templates[] = {"report", "six", "delay"};
	char long_text[256];
	const char *texts[] = {"value", "", long_text};

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	long_text[100] = ' ';
	for (size_t i = 0; i < COUNT(templates) * COUNT(texts) * 2; i++) {
		struct buf out;

		set_all(texts[i / 2 % COUNT(texts)]);
		set("is_v6_request", i % 2 ? "yes" : "");
		out = rendered(templates[i / 2 / COUNT(texts)]);
		check_text(&out);
		buf_free(&out);
	}
}

static void test_report(void **state)
{
	struct buf out;

	(void)state;
	set_all("value");
	set("site_name", "six.test");
	set("client_address", "2001:db8::1");
	set("is_v6_request", "yes");
	out = rendered("report");
	check_subject(&out, "your message reached us");
	assert_non_null(strstr(out.data, "2001:db8::1"));
	assert_non_null(strstr(out.data, "deliver-v6: pass"));
	assert_non_null(strstr(out.data, "  TLS:              value\r\n"));
	assert_non_null(strstr(out.data, "  DKIM:             value\r\n"));
	assert_non_null(strstr(out.data, "  Time on the way:  value since its Date\r\n"));
	buf_free(&out);
	set("is_v6_request", "");
	set("client_name", "");
	set("tls", "");
	set("dkim", "");
	out = rendered("report");
	assert_non_null(strstr(out.data, "value,\r\n                    which does not lead back"));
	assert_non_null(strstr(out.data, "no, the connection was not encrypted\r\n"));
	assert_non_null(strstr(out.data, "not signed\r\n"));
	buf_free(&out);
	set("client_wrong_name", "");
	set("has_trace", "");
	set("took", "");
	out = rendered("report");
	assert_non_null(strstr(out.data, "deliver-v6: unknown"));
	assert_null(strstr(out.data, "deliver-v6: pass"));
	assert_non_null(strstr(out.data, "none that leads back to that address"));
	assert_null(strstr(out.data, "TLS:"));
	assert_null(strstr(out.data, "Time on the way"));
	buf_free(&out);
}

// One subject for each problem, and C8: whose words they are.
static void test_C8_bounce(void **state)
{
	static const struct {
		const char *flag, *subject;
	} rows[] = {
		{"is_ipv6_problem", "you are not receiving mail over IPv6"},
		{"is_sender_problem", "your mail server refuses IPv6-only senders"},
		{"is_policy_problem", "your mail server refused us over IPv6"},
		{"is_address_problem", "your address is the problem, not IPv6"},
		{"is_mailbox_problem", "your mailbox is the problem, not IPv6"},
		{"is_other_problem", "our message over IPv6 was not delivered to you"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 4; i++) {
		struct buf out;

		set_all("value");
		set("site_name", "S");
		set("action", "failed");
		set("final_recipient", "rfc822; jan@good.test");
		set("diagnostic_lines", "X-Postfix; Host not found");
		set("status", "5.4.4");
		set("remote_mta", i % 2 ? "mx.good.test" : "");
		set("was_accepted", i & 2 ? "yes" : "");
		set(rows[i / 4].flag, "yes");
		out = rendered("bounce");
		check_text(&out);
		check_subject(&out, rows[i / 4].subject);
		assert_non_null(strstr(out.data, i % 2 ? "is what mx.good.test\r\nanswered"
						       : "is what our server found"));
		if (strstr(rows[i / 4].flag, "address") != NULL)
			assert_int_equal(strstr(out.data, "answered over IPv6") != NULL, i % 2);
		assert_int_equal(strstr(out.data, "had been accepted at first") != NULL,
				 (i & 2) != 0);
		assert_non_null(strstr(out.data, "\r\n---\r\n\r\n"
						 "Final-Recipient: rfc822; jan@good.test\r\n"
						 "Action: failed\r\n"
						 "Status: 5.4.4\r\n"
						 "Diagnostic-Code: X-Postfix; Host not found\r\n"));
		buf_free(&out);
	}
}

static void test_bounce_that_is_our_fault(void **state)
{
	struct buf out;

	(void)state;
	set_all("");
	set("site_name", "S");
	set("is_ours", "yes");
	out = rendered("bounce");
	check_text(&out);
	check_subject(&out, "our test over IPv6 did not work, through our fault");
	assert_null(strstr(out.data, "Diagnostic-Code"));
	assert_null(strstr(out.data, "You can forward"));
	buf_free(&out);
}

static void test_delay(void **state)
{
	struct buf out;

	(void)state;
	set_all("");
	set("site_name", "S");
	set("diagnostic_lines",
	    "X-Postfix; connect to mx.deaf.test[2001:db8::1]:25: Connection refused");
	set("give_up_at", "Tue, 24 Nov 2026 01:00:00 +0000");
	out = rendered("delay");
	check_text(&out);
	check_subject(&out, "still trying to reach you over IPv6");
	assert_non_null(strstr(out.data, "Reason: X-Postfix; connect"));
	assert_non_null(strstr(out.data, "until Tue, 24 Nov 2026"));
	assert_null(strstr(out.data, "Last attempt"));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_of_every_size),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_C8_bounce),
		cmocka_unit_test(test_bounce_that_is_our_fault),
		cmocka_unit_test(test_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
