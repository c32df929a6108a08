// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// adapter/mime: what is learned from messages, and reports in every wrapping.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/mime.h"
#include "base/text.h"

static void read_bytes(const char *bytes, size_t len, struct facts *facts)
{
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	mime_read(copy, len, facts);
	free(copy);
}

static void read_text(const char *text, struct facts *facts)
{
	read_bytes(text, strlen(text), facts);
}

static void test_fields(void **state)
{
	struct facts facts;

	(void)state;
	read_text(
		"Received: a\nFrom: =?utf-8?q?=C3=A9?= <a@good.test>\nX-Mailer: none\nReceived: b\n"
		"Auto-Submitted: no\nauto-submitted: auto-replied\n\nAuto-Submitted: body\n",
		&facts);
	assert_int_equal(facts.n_received, 2);
	assert_int_equal(facts.n_fields, 3);
	assert_string_equal(facts_field(&facts, "From", 0), "=?utf-8?q?=C3=A9?= <a@good.test>");
	assert_string_equal(facts_field(&facts, "Auto-Submitted", 1), "auto-replied");
	assert_false(facts.header_cut);
	assert_false(facts.is_report);
	assert_null(facts.unparsable);
	assert_string_equal(facts.report_text, "");
	facts_free(&facts);
}

static const struct {
	const char *header;
	int64_t date;
	int64_t first_received;
} dates[] = {
	{"Date: Mon, 23 Nov 2026 15:00:00 +0100\n", 1795442400, 0},
	{"Received: by c; Mon, 23 Nov 2026 14:00:09 GMT\n"
	 "Received: from a (x; y) by b;\n Mon, 23 Nov 2026 15:00:05 +0100 (CET)\n"
	 "Date: 23 Nov 2026 14:00 +0000\nDate: Tue, 24 Nov 2026 14:00:00 +0000\n",
	 1795442400, 1795442405},
	{"Date: yesterday\nReceived: by b\n", 0, 0},
	{"Date: Wed, 31 Dec 1969 23:59:59 +0000\nReceived: by b; never\n", 0, 0},
	{"Date: 99 99 999999999999999 99:99:99 +9999\nReceived: ;;;\n", 0, 0},
};

static void test_dates(void **state)
{
	struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		read_text(dates[i].header, &facts);
		assert_int_equal(facts.date, dates[i].date);
		assert_int_equal(facts.first_received, dates[i].first_received);
		facts_free(&facts);
	}
}

static const struct {
	const char *raw;
	const char *want;
} subjects[] = {
	{"plain", "plain"},
	{"=?iso-8859-1?q?caf=E9?=", "caf\xc3\xa9"},
	{"=?utf-8?b?4pyJ?= =?utf-8?b?4pyJ?= x", "\xe2\x9c\x89\xe2\x9c\x89 x"},
	{"caf\xc3\xa9", "caf\xc3\xa9"},                           // RFC 6532
	{"=?utf-8?q?a=0D=0ABcc:_x=00=1B[2J=7F?=", "aBcc: x?[2J"}, // fault 23
	{"=?utf-8?q?a=E2=80=A8b=C2=85c=E2=80=A9?=", "abc"},       // U+2028, U+0085, U+2029
	{"=?nonsense?q?x?=", "x"},
	{"=?utf-8?q?cut", "=?utf-8?q?cut"},
};

static void test_subject(void **state)
{
	char text[200];
	struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		snprintf(text, sizeof(text), "Subject: %s\nSubject: second\n\n", subjects[i].raw);
		read_text(text, &facts);
		assert_string_equal(facts.subject, subjects[i].want);
		assert_true(text_is_utf8(facts.subject, strlen(facts.subject)));
		facts_free(&facts);
	}
	read_text("\nno header\n", &facts);
	assert_string_equal(facts.subject, "");
	facts_free(&facts);
}

static void test_values_are_cut_between_words(void **state)
{
	char text[4000] = "References:";
	struct facts facts;
	size_t len;

	(void)state;
	for (size_t i = 0; i < 120; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "\n <%05zu.message.id@good.test>", i);
	strcat(text, "\n\n");
	read_text(text, &facts);
	len = strlen(facts_field(&facts, "References", 0));
	assert_in_range(len, FACTS_VALUE_MAX - 50, FACTS_VALUE_MAX);
	assert_int_equal(facts_field(&facts, "References", 0)[len - 1], '>');
	assert_false(facts.header_cut); // a long thread is no malformed header
	facts_free(&facts);
}

#define STATUS                                                                                     \
	"Reporting-MTA: dns; mx.six.test\n\nFinal-Recipient: rfc822; a@b.test\nAction: failed\n"   \
	"Status: 5.1.1\n"
#define RETURNED          "Message-ID: <probe@six.test>\nSubject: hello\n"
#define REPORT_HEAD(type) "Content-Type: " type "; boundary=r\n\n"
#define REPORT_BODY(status_type, returned_type)                                                    \
	"--r\nContent-Type: text/plain\n\nIt failed.\n--r\nContent-Type: " status_type             \
	"\n\n" STATUS "\n--r\nContent-Type: " returned_type "\n\n" RETURNED "\nbody\n--r--\n"
#define REPORT_PLAIN                                                                               \
	REPORT_HEAD("multipart/report") REPORT_BODY("message/delivery-status", "message/rfc822")
#define STATUS_BASE64                                                                              \
	"UmVwb3J0aW5nLU1UQTogZG5zOyBteC5zaXgudGVzdA0KDQpGaW5hbC1SZWNpcGllbnQ6IHJmYzgyMjsg\n"       \
	"YUBiLnRlc3QNCkFjdGlvbjogZmFpbGVkDQpTdGF0dXM6IDUuMS4xDQo=\n"

// Each of these says the same of the same recipient.
static const char *const reports[] = {
	REPORT_PLAIN,
	// C2: case, nesting
	REPORT_HEAD("Multipart/REPORT; Report-Type=Delivery-Status")
		REPORT_BODY("Message/Delivery-Status", "Message/RFC822"),
	"Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nA list "
	"says:\n--m\n" REPORT_PLAIN "\n--m\nContent-Type: text/plain\n\nfooter\n--m--\n",
	// without multipart/report
	REPORT_HEAD("multipart/mixed") REPORT_BODY("message/delivery-status", "message/rfc822"),
	// C11: every mix of types
	REPORT_HEAD("multipart/report")
		REPORT_BODY("message/global-delivery-status", "message/global"),
	REPORT_HEAD("multipart/report")
		REPORT_BODY("message/global-delivery-status", "message/global-headers"),
	REPORT_HEAD("multipart/report") REPORT_BODY("message/delivery-status", "message/global"),
	// C13
	REPORT_HEAD("multipart/report")
		REPORT_BODY("message/delivery-status", "text/rfc822-headers"),
	// C11: encoded
	REPORT_HEAD(
		"multipart/report") "--r\n\nIt failed.\n--r\nContent-Type: "
				    "message/delivery-status\n"
				    "Content-Transfer-Encoding: base64\n\n" STATUS_BASE64
				    "--r\nContent-Type: message/rfc822\nContent-Transfer-Encoding: "
				    "quoted-printable\n\nMessage-ID: "
				    "=3Cprobe@six.test>\n\nbody\n--r--\n",
	REPORT_HEAD("multipart/report") "--r\nContent-Transfer-Encoding: Quoted-Printable\n\nIt "
					"=66ailed.\n--r\n"
					"Content-Type: "
					"message/delivery-status\nContent-Transfer-Encoding: "
					"quoted-printable\n\nReporting-MTA: dns; "
					"mx.six.te=\nst\n\nFinal-Recipient: "
					"rfc822; a=40b.test\nAction: failed\nStatus: "
					"5.1.1\n\n--r\nContent-Type: "
					"text/rfc822-headers\n\n" RETURNED "--r--\n",
	// a report in a message in a message
	"Content-Type: multipart/mixed; boundary=f\n\n--f\n\nforwarded\n--f\nContent-Type: "
	"message/rfc822\n\n"
	"Message-ID: <wrapper@x.test>\n" REPORT_PLAIN "--f--\n",
	// RFC 7103: wrong lines in part headers, CR and CRLF
	"Content-Type : multipart/report; boundary=r\nnonsense\n\n" REPORT_BODY(
		"message/delivery-status", "message/rfc822"),
	// RFC 2231
	"Content-Type: multipart/report; boundary*0=\"\"; boundary*1=r\n\n" REPORT_BODY(
		"message/delivery-status", "message/rfc822"),
};

static void check_report(const struct facts *facts)
{
	assert_true(facts->is_report);
	assert_true(facts->has_dsn);
	assert_string_equal(facts->dsn.reporting_mta, "dns; mx.six.test");
	assert_int_equal(facts->dsn.n_recipients, 1);
	assert_string_equal(facts->dsn.recipients[0].final_recipient, "rfc822; a@b.test");
	assert_int_equal(facts->dsn.recipients[0].action, DSN_ACTION_FAILED);
	assert_string_equal(facts->returned_id, "<probe@six.test>");
	assert_non_null(strstr(facts->returned, "Message-ID:"));
	assert_null(strstr(facts->returned, "body"));
	assert_non_null(strstr(facts->status_part, "Final-Recipient: rfc822; a@b.test\n"));
	assert_non_null(strstr(facts->report_text, "It failed."));
}

static void test_C2_C11_C13_reports(void **state)
{
	struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		read_text(reports[i], &facts);
		check_report(&facts);
		facts_free(&facts);
	}
}

static void test_25_every_line_end_and_nul(void **state)
{
	char changed[2 * sizeof(REPORT_PLAIN)];
	static const char *const ends[] = {"\r\n", "\r", "\r\r\n", "\n"};
	struct facts facts;

	(void)state;
	for (size_t e = 0; e < 4; e++) {
		size_t len = 0;

		for (const char *c = REPORT_PLAIN; *c != '\0'; c++)
			if (*c == '\n')
				len += (size_t)snprintf(changed + len, sizeof(changed) - len, "%s",
							ends[e]);
			else
				changed[len++] = *c;
		read_bytes(changed, len, &facts);
		check_report(&facts);
		facts_free(&facts);
	}
	for (size_t i = 0; i < sizeof(REPORT_PLAIN); i++) {
		memcpy(changed, REPORT_PLAIN, i);
		changed[i] = '\0';
		memcpy(changed + i + 1, REPORT_PLAIN + i, sizeof(REPORT_PLAIN) - i);
		read_bytes(changed, sizeof(REPORT_PLAIN), &facts);
		check_report(&facts);
		facts_free(&facts);
	}
}

// What is returned may be a report itself; the outer one counts, and its own text.
static void test_report_in_report(void **state)
{
	struct facts facts;

	(void)state;
	read_text(REPORT_HEAD("multipart/report") "--r\n\nIt failed.\n--r\nContent-Type: "
						  "message/delivery-status\n\n" STATUS
						  "\n--r\nContent-Type: "
						  "message/rfc822\n\nMessage-ID: <probe@six.test>\n"
						  "Content-Type: multipart/report; "
						  "boundary=i\n\n--i\n\ninner\n--i\nContent-Type: "
						  "message/delivery-status\n\nFinal-Recipient: "
						  "rfc822; inner@b.test\n\n--i--\n--r--\n",
		  &facts);
	check_report(&facts);
	facts_free(&facts);
}

static void test_19_not_reports(void **state)
{
	static const char *const texts[] = {
		"Subject: Undelivered mail\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; "
		"a@b\n",
		"Content-Type: text/plain\n\n" REPORT_PLAIN,
		"Content-Type: multipart/mixed; boundary=r\n\n--r\n\ntext\n--r--\n",
		"Content-Type: multipart/alternative; boundary=\"\"\n\n--\nContent-Type: "
		"message/delivery-status\n\n" STATUS,
		"Content-Type: message/rfc822\n\nSubject: x\n\n" STATUS,
	};
	struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		read_text(texts[i], &facts);
		assert_false(facts.is_report);
		assert_false(facts.has_dsn);
		assert_string_equal(facts.status_part, "");
		assert_string_equal(facts.report_text, "");
		facts_free(&facts);
	}
	read_text("Content-Type: multipart/report; report-type=disposition-notification; "
		  "boundary=r\n\n"
		  "--r\n\nread\n--r\nContent-Type: message/disposition-notification\n\nx\n--r--\n",
		  &facts);
	assert_true(facts.is_report);
	assert_false(facts.has_dsn);
	assert_string_equal(facts.report_text, "read");
	facts_free(&facts);
}

static void test_charsets(void **state)
{
	static const struct {
		const char *part;
		const char *want;
	} texts[] = {
		{"Content-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9", "caf\xc3\xa9"},
		{"Content-Type: text/plain; charset=utf-8\n\ncaf\xc3\xa9", "caf\xc3\xa9"},
		{"Content-Type: text/plain; charset=utf-8\n\ncaf\xe9",
		 "caf"}, // a beginning, at least
		{"Content-Type: text/plain; charset=nonsense\n\ncaf\xe9", "caf\x1a"},
		{"\ncaf\xe9", "caf\x1a"},
		{"Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$\"\x1b(B",
		 "\xe3\x81\x82"},
	};
	char text[500];
	struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(text, sizeof(text), REPORT_HEAD("multipart/report") "--r\n%s\n--r--\n",
			 texts[i].part);
		read_text(text, &facts);
		assert_true(text_is_utf8(facts.report_text, strlen(facts.report_text)));
		assert_memory_equal(facts.report_text, texts[i].want, strlen(texts[i].want));
		facts_free(&facts);
	}
}

// The same report, so many levels down.
static bool is_found_at(unsigned depth)
{
	char *text = malloc(depth * 60 + sizeof(REPORT_PLAIN));
	struct facts facts;
	size_t len = 0;
	bool is_found;

	assert_non_null(text);
	for (unsigned i = 0; i < depth; i++)
		len += (size_t)sprintf(
			text + len, "Content-Type: multipart/mixed; boundary=m%u\n\n--m%u\n", i, i);
	strcpy(text + len, REPORT_PLAIN);
	read_text(text, &facts);
	is_found = facts.has_dsn;
	facts_free(&facts);
	free(text);
	return is_found;
}

static void test_27_depth(void **state)
{
	(void)state;
	assert_true(is_found_at(1));
	assert_true(is_found_at(MIME_DEPTH_MAX - 1)); // its parts are one deeper
	assert_false(is_found_at(MIME_DEPTH_MAX));
	assert_false(is_found_at(1000));
}

static bool is_found_behind(size_t parts, size_t octets)
{
	char *text = malloc(parts * 8 + octets + sizeof(REPORT_PLAIN) + 200);
	size_t len = (size_t)sprintf(text, "Content-Type: multipart/mixed; boundary=m\n\n");
	struct facts facts;
	bool is_found;

	for (size_t i = 0; i < parts; i++)
		len += (size_t)sprintf(text + len, "--m\n\nx\n");
	memset(text + len, 'x', octets);
	sprintf(text + len + octets, "\n--m\n%s", REPORT_PLAIN);
	read_text(text, &facts);
	is_found = facts.has_dsn;
	facts_free(&facts);
	free(text);
	return is_found;
}

static void test_27_parts_and_octets(void **state)
{
	(void)state;
	assert_true(
		is_found_behind(MIME_PARTS_MAX - 4, 0)); // itself, the report, its text, its status
	assert_false(is_found_behind(MIME_PARTS_MAX - 3, 0));
	assert_true(is_found_behind(0, MIME_BODY_MAX - 1000));
	assert_false(is_found_behind(0, MIME_BODY_MAX));
}

static void test_texts_are_cut(void **state)
{
	char *text = malloc(50000);
	size_t len = (size_t)sprintf(text, "Content-Type: message/delivery-status\n\n");
	struct facts facts;

	(void)state;
	for (size_t i = 0; i < 500; i++)
		len += (size_t)sprintf(text + len, "Final-Recipient: rfc822; a%zu@b.test\n\n", i);
	read_text(text, &facts);
	assert_int_equal(facts.dsn.n_recipients, DSN_RECIPIENTS_MAX);
	assert_int_equal(facts.dsn.n_ignored, 500 - DSN_RECIPIENTS_MAX);
	assert_in_range(strlen(facts.status_part), FACTS_TEXT_MAX - 100, FACTS_TEXT_MAX);
	assert_string_equal(facts.status_part + strlen(facts.status_part) - 7, "b.test\n");
	facts_free(&facts);
	free(text);
}

static int set_up(void **state)
{
	(void)state;
	mime_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_values_are_cut_between_words),
		cmocka_unit_test(test_C2_C11_C13_reports),
		cmocka_unit_test(test_25_every_line_end_and_nul),
		cmocka_unit_test(test_report_in_report),
		cmocka_unit_test(test_19_not_reports),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_27_depth),
		cmocka_unit_test(test_27_parts_and_octets),
		cmocka_unit_test(test_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
