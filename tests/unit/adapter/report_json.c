// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// report.json: what it says, how it is cut, and that no survey can hurt it.
// (tests/consistency/letters.py holds it to its schema and gives it hostile strings.)
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/report_json.h"
#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct trace trace = {
	.fcrdns = AUTH_PASS,
	.ptr = "mx.good.test",
	.tls = "TLSv1.3",
	.cipher = "TLS_AES_256_GCM_SHA384",
	.n_dkim = 1,
	.dkim = {{AUTH_PASS, "good.test"}},
};

static const struct verdict_found found[ABILITIES] = {
	{VERDICT_PASS, EVIDENCE_ARRIVED_OVER_V6},
	{VERDICT_FAIL, EVIDENCE_MX_WITHOUT_AAAA},
};

static struct report_json ordinary(void)
{
	return (struct report_json){
		.kind = "bounce",
		.id = "abcdefghijklm",
		.requester = "jan@good.test",
		.recipient = "test@dual.test",
		.arrived = 1700000000,
		.client_address = "2001:db8::1",
		.client_helo = "mx.good.test",
		.protocol = "ESMTP",
		.trace = &trace,
		.found = found,
		.survey = "{\"v\": 1, \"hosts\": []}",
		.class = "no-aaaa",
		.phase = "connect",
		.action = "failed",
		.status = "5.4.4",
		.remote_mta = "",
		.diagnostic = "one\r\ntwo",
	};
}

static struct buf written(const struct report_json *report)
{
	struct buf out = buf_make(REPORT_JSON_MAX);

	assert_int_equal(report_json_write(report, REPORT_JSON_MAX, &out), 0);
	assert_false(buf_failed(&out));
	return out;
}

static void assert_has(const struct report_json *report, const char *what)
{
	auto_buf struct buf out = written(report);

	if (strstr(buf_string(&out), what) == NULL)
		fail_msg("no %s in %s", what, buf_string(&out));
}

static void test_whole(void **state)
{
	static const char expected[] = "{\n"
				       " \"v\": 1,\n"
				       " \"kind\": \"bounce\",\n"
				       " \"id\": \"abcdefghijklm\",\n"
				       " \"cut\": false,\n"
				       " \"request\": {\n"
				       "  \"from\": \"jan@good.test\",\n"
				       "  \"to\": \"test@dual.test\",\n"
				       "  \"arrived\": \"2023-11-14T22:13:20Z\"\n"
				       " },\n"
				       " \"client\": {\n"
				       "  \"address\": \"2001:db8::1\",\n"
				       "  \"family\": 6,\n"
				       "  \"helo\": \"mx.good.test\",\n"
				       "  \"protocol\": \"ESMTP\",\n"
				       "  \"name\": \"mx.good.test\",\n"
				       "  \"fcrdns\": \"pass\"\n"
				       " },\n"
				       " \"tls\": {\n"
				       "  \"used\": true,\n"
				       "  \"version\": \"TLSv1.3\",\n"
				       "  \"cipher\": \"TLS_AES_256_GCM_SHA384\"\n"
				       " },\n"
				       " \"dkim\": [\n"
				       "  {\n"
				       "   \"domain\": \"good.test\",\n"
				       "   \"result\": \"pass\"\n"
				       "  }\n"
				       " ],\n"
				       " \"abilities\": {\n"
				       "  \"deliver-v6\": {\n"
				       "   \"verdict\": \"pass\",\n"
				       "   \"evidence\": \"arrived-over-v6\"\n"
				       "  },\n"
				       "  \"receive-v6\": {\n"
				       "   \"verdict\": \"fail\",\n"
				       "   \"evidence\": \"mx-without-aaaa\"\n"
				       "  },\n";
	struct report_json report = ordinary();
	auto_buf struct buf out = written(&report);

	(void)state;
	assert_memory_equal(buf_string(&out), expected, sizeof(expected) - 1);
	assert_has(&report, " \"bounce\": {\n"
			    "  \"class\": \"no-aaaa\",\n"
			    "  \"phase\": \"connect\",\n"
			    "  \"action\": \"failed\",\n"
			    "  \"status\": \"5.4.4\",\n"
			    "  \"remote_mta\": \"\",\n"
			    "  \"diagnostic\": [\n"
			    "   \"one\",\n"
			    "   \"two\"\n"
			    "  ]\n"
			    " },\n"
			    " \"survey\": {\n"
			    "  \"v\": 1,\n"
			    "  \"hosts\": []\n"
			    " }\n"
			    "}\n");
}

static void test_what_is_not_known(void **state)
{
	struct report_json report = {.kind = "report", .arrived = INT64_MAX};

	(void)state;
	assert_has(&report, "\"from\": \"\"");
	assert_has(&report, "\"arrived\": null");
	assert_has(&report, "\"family\": null");
	assert_has(&report, "\"fcrdns\": null");
	assert_has(&report, "\"tls\": null");
	assert_has(&report, "\"dkim\": null");
	assert_has(&report, "\"abilities\": null");
	assert_has(&report, "\"bounce\": null");
	assert_has(&report, "\"survey\": null");
	report.client_address = "192.0.2.1";
	assert_has(&report, "\"family\": 4");
	report.client_address = "unknown";
	assert_has(&report, "\"family\": null");
}

static void test_24_strings(void **state)
{
	struct report_json report = ordinary();

	(void)state;
	report.client_helo = "a\x1b[2J\xe2\x80\xae\"\\<";
	assert_has(&report, "\"helo\": \"a\\\\x1b[2J\\\\xe2\\\\x80\\\\xae\\\"\\\\\\\\<\"");
	report.client_helo = "\xc5\xbe";
	assert_has(&report, "\"helo\": \"\\u017E\"");
	report.survey = "{\"v\": 1, \"b\": \"\\u001b\\u202e\\\\x1b\", \"\\u0007\": 1}";
	assert_has(&report, "\"b\": \"\\\\x1b\\\\xe2\\\\x80\\\\xae\\\\\\\\x1b\"\n }");
	report.survey = "{\"v\": 1, \"b\": \"\\\\x1b\"}"; // escaped before: not once more
	assert_has(&report, "\"b\": \"\\\\x1b\"");
}

static void test_hostile_surveys(void **state)
{
	static const char *const rows[] = {
		"", "x", "[]", "1", "\"x\"", "{", "{\"v\": 1} x", "{\"v\": 1e999}", "null",
	};
	struct report_json report = ordinary();
	auto_buf struct buf deep = buf_make(10000);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		report.survey = rows[i];
		assert_has(&report, "\"survey\": null");
	}
	buf_adds(&deep, "{\"v\": 1, \"x\": ");
	for (size_t i = 0; i < 1000; i++)
		buf_addc(&deep, '[');
	for (size_t i = 0; i < 1000; i++)
		buf_addc(&deep, ']');
	buf_adds(&deep, "}");
	report.survey = buf_string(&deep);
	assert_has(&report, "\n         null\n        ]\n");
}

// What a survey of n hosts with banners of len octets becomes: how many hosts stay.
static size_t hosts_kept(size_t n, size_t len, size_t max)
{
	struct report_json report = ordinary();
	auto_buf struct buf survey = buf_make(1 << 20), out = buf_make(1 << 20);
	size_t kept = 0;

	buf_adds(&survey, "{\"v\": 1, \"hosts\": [");
	for (size_t i = 0; i < n; i++)
		buf_addf(&survey, "%s{\"name\": \"host%zu\", \"banner\": \"%0*d\"}",
			 i == 0 ? "" : ", ", i, (int)len, 0);
	buf_adds(&survey, "]}");
	report.survey = buf_string(&survey);
	assert_int_equal(report_json_write(&report, max, &out), 0);
	assert_in_range(out.len, 1, max);
	for (const char *p = strstr(buf_string(&out), "\"host0"); p; p = strstr(p + 1, "\"host")) {
		assert_int_equal(p[5], '0' + kept); // the first ones stay
		kept++;
	}
	assert_int_equal(strstr(buf_string(&out), "\"cut\": true") != NULL, kept < n);
	assert_true(text_is_ascii(out.data, out.len));
	return kept;
}

static void test_A7_hosts_are_dropped_from_the_end(void **state)
{
	(void)state;
	assert_int_equal(hosts_kept(10, 100, REPORT_JSON_MAX), 10);
	assert_in_range(hosts_kept(10, 450, 4000), 4, 7);
	assert_int_equal(hosts_kept(10, 450, 1300), 0);
	assert_in_range(hosts_kept(1000, 450, REPORT_JSON_MAX), 1, 10);
}

static void test_A7_size(void **state)
{
	static char text[20001];
	struct report_json report = ordinary();

	(void)state;
	report.requester = report.client_helo = report.recipient = report.protocol = text;
	report.client_address = report.class = report.phase = report.action = text;
	report.status = report.remote_mta = report.diagnostic = report.id = text;
	for (size_t i = 0; i < 5; i++) {
		auto_buf struct buf out = buf_make(REPORT_JSON_MAX);

		memset(text, "x\\\x1b\n\xff"[i], sizeof(text) - 1);
		out = written(&report);
		assert_non_null(strstr(buf_string(&out), "...\""));
		assert_string_equal(out.data + out.len - 3, "\n}\n");
	}
}

// Of a diagnostic of many lines the first ones stay; a survey is worth more than the rest.
static void test_fault9_diagnostic_of_many_lines(void **state)
{
	struct report_json report = ordinary();
	auto_buf struct buf text = buf_make(10000), out = buf_make(REPORT_JSON_MAX);
	size_t lines = 0;

	(void)state;
	while (text.len < 5000)
		buf_addf(&text, "diagnosed %080d\n", 0);
	report.diagnostic = buf_string(&text);
	out = written(&report);
	for (const char *p = strstr(out.data, "diagnosed"); p; p = strstr(p + 1, "diagnosed"))
		lines++;
	assert_int_equal(lines, 6);
	report.diagnostic = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nx";
	buf_free(&out);
	out = written(&report);
	assert_null(strstr(out.data, "\"x\""));
}

static void test_no_room(void **state)
{
	struct report_json report = ordinary();
	auto_buf struct buf out = buf_make(REPORT_JSON_MAX);

	(void)state;
	assert_int_equal(report_json_write(&report, 500, &out), -EFBIG);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_what_is_not_known),
		cmocka_unit_test(test_24_strings),
		cmocka_unit_test(test_hostile_surveys),
		cmocka_unit_test(test_A7_hosts_are_dropped_from_the_end),
		cmocka_unit_test(test_A7_size),
		cmocka_unit_test(test_fault9_diagnostic_of_many_lines),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
