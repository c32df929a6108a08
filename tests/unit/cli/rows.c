// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The table and the CSV to the letter, and what they make of hostile names and banners.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "cli/progress.h"
#include "cli/rows.h"
#include "cli/totals.h"

static struct survey_address address(const char *text, enum survey_kind kind)
{
	struct survey_address made = {.kind = kind};

	text_cut(made.text, sizeof(made.text), text);
	return made;
}

static void knock(struct survey_address *a, enum survey_reach reach, enum survey_step step,
		  int code, const char *banner)
{
	a->reach = reach;
	a->step = step;
	a->code = code;
	for (int i = 0; i < SURVEY_STEPS; i++)
		a->step_ms[i] = i > 0 && i <= (int)step ? i * 7 : -1;
	text_cut(a->banner, sizeof(a->banner), banner);
}

// Two hosts: one of both families and two ways to fail, one without IPv6.
static struct survey *example(void)
{
	static struct survey survey;
	struct survey_host *one = &survey.hosts[0];
	struct survey_host *two = &survey.hosts[1];

	survey = (struct survey){.domain = "a.test",
				 .mx = SURVEY_MX_LISTED,
				 .is_complete = true,
				 .tried_reach = true,
				 .n_hosts_all = 2,
				 .n_hosts = 2};
	*one = (struct survey_host){.name = "mx.a.test",
				    .preference = 10,
				    .has_v4 = SURVEY_YES,
				    .has_v6 = SURVEY_YES,
				    .ns_v6 = SURVEY_YES,
				    .n_v4 = 1,
				    .n_v6 = 2};
	one->v4[0] = address("192.0.2.1", SURVEY_KIND_IPV4);
	one->v6[0] = address("2001:db8:1111:2222:3333:4444:5555:6666", SURVEY_KIND_DOCUMENTATION);
	one->v6[1] = address("2a00::1", SURVEY_KIND_GLOBAL);
	knock(&one->v6[0], SURVEY_REACH_ACCEPTS, SURVEY_STEP_EHLO, 250, "mx, \"the\" one");
	one->v6[0].starttls = SURVEY_YES;
	knock(&one->v6[1], SURVEY_REACH_REJECTED, SURVEY_STEP_BANNER, 554, "=cmd|go away");
	*two = (struct survey_host){.name = "Mx2.a.test",
				    .preference = 65535,
				    .is_cname = true,
				    .has_v4 = SURVEY_YES,
				    .has_v6 = SURVEY_NO,
				    .ns_v6 = SURVEY_NO,
				    .n_v4 = 1};
	two->v4[0] = address("192.0.2.2", SURVEY_KIND_IPV4);
	return &survey;
}

static void test_table(void **state)
{
	static const char wanted[] =
		"a.test\n"
		"     10 mx.a.test\n"
		"        192.0.2.1                              ipv4          not tried\n"
		"        2001:db8:1111:2222:3333:4444:5555:6666 documentation accepts, STARTTLS\n"
		"        2a00::1                                global        rejected 554\n"
		"          =cmd|go away\n"
		"  65535 Mx2.a.test\n"
		"        is a CNAME, which RFC 5321 forbids\n"
		"        no IPv6 address\n"
		"        none of its name servers has an IPv6 address\n"
		"        192.0.2.2                              ipv4          not tried\n"
		"\n";
	auto_buf struct buf out = buf_make(10000);

	(void)state;
	rows_table(example(), true, true, &out);
	assert_string_equal(buf_string(&out), wanted);
}

static void test_table_of_nothing(void **state)
{
	static const struct {
		enum survey_mx mx;
		const char *wanted;
	} rows[] = {
		{SURVEY_MX_UNKNOWN,
		 "a.test\n  the DNS did not answer\n  not complete: cut short by "
		 "the deadline\n\n"},
		{SURVEY_MX_NULL, "a.test\n  takes no mail (null MX)\n\n"},
		{SURVEY_MX_NONE, "a.test\n  neither an MX record nor an address\n\n"},
		{SURVEY_MX_NO_DOMAIN, "a.test\n  no such domain\n\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct survey survey = {.domain = "a.test", .mx = rows[i].mx, .n_hosts_all = 1};
		auto_buf struct buf out = buf_make(10000);

		survey.is_complete = rows[i].mx != SURVEY_MX_UNKNOWN;
		rows_table(&survey, true, true, &out);
		assert_string_equal(buf_string(&out), rows[i].wanted);
	}
}

static void test_csv(void **state)
{
	static const char both[] =
		"\"a.test\",listed,yes,10,\"mx.a.test\",no,no,yes,4,192.0.2.1,ipv4,,,,,,,,\"\"\r\n"
		"\"a.test\",listed,yes,10,\"mx.a.test\",no,no,yes,6,"
		"2001:db8:1111:2222:3333:4444:5555:6666,documentation,accepts,ehlo,250,yes,7,14,21,"
		"\"mx, \"\"the\"\" one\"\r\n"
		"\"a.test\",listed,yes,10,\"mx.a.test\",no,no,yes,6,2a00::1,global,rejected,banner,"
		"554,unknown,7,14,,\"'=cmd|go away\"\r\n"
		"\"a.test\",listed,yes,65535,\"Mx2.a.test\",yes,no,no,4,192.0.2.2,ipv4,,,,,,,,"
		"\"\"\r\n";
	static const char last[] =
		"\"a.test\",listed,yes,65535,\"Mx2.a.test\",yes,no,no,,,,,,,,,,,\r\n";
	struct survey nothing = {
		.domain = "a.test", .mx = SURVEY_MX_NO_DOMAIN, .is_complete = true};
	auto_buf struct buf out = buf_make(10000);

	(void)state;
	rows_csv(example(), true, true, &out);
	assert_string_equal(buf_string(&out), both);
	buf_clear(&out);
	rows_csv(example(), false, true, &out);
	assert_true(text_ends_nocase(buf_string(&out), last));
	buf_clear(&out);
	rows_csv(&nothing, true, true, &out);
	assert_string_equal(buf_string(&out), "\"a.test\",no-domain,yes,,,,,,,,,,,,,,,,\r\n");
}

// Every line has as many columns as the header: commas outside quotes.
static void check_columns(const char *text)
{
	bool is_quoted = false;
	int commas = 0;

	for (; *text != '\0'; text++) {
		is_quoted ^= *text == '"';
		commas += *text == ',' && !is_quoted;
		if (*text == '\n' && !is_quoted) {
			assert_int_equal(commas, 18);
			commas = 0;
		}
	}
	assert_false(is_quoted);
}

// Names as the DNS may give them, and banners as long as they get: no control, no line too many, no
// line too long, no formula.
static void test_hostile(void **state)
{
	static const char *const names[] = {
		"a\nb.test",
		"\x1b[31mred\x1b[0m",
		"\xff\xfe",
		"\"quoted\",and more",
		"=1+1",
		"@x",
		"+1",
		"-1",
		"\xe2\x80\xae"
		"right to left",
		"a\r\n\"\r\n=x",
	};

	(void)state;
	check_columns(ROWS_CSV_HEADER);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct survey *survey = example();
		auto_buf struct buf table = buf_make(10000);
		auto_buf struct buf csv = buf_make(10000);
		size_t lines = 0;

		text_cut(survey->hosts[0].name, sizeof(survey->hosts[0].name), names[i]);
		memset(survey->hosts[1].name, i % 2 ? '"' : 'x', DOMAIN_MAX);
		memset(survey->hosts[0].v6[1].banner, '"', SURVEY_BANNER_SIZE - 1);
		rows_table(survey, true, true, &table);
		rows_csv(survey, true, true, &csv);
		check_columns(buf_string(&csv));
		assert_null(strstr(buf_string(&csv), ",\"="));
		assert_null(strstr(buf_string(&csv), ",\"@"));
		assert_null(strstr(buf_string(&csv), ",\"+"));
		assert_null(strstr(buf_string(&csv), ",\"-"));
		for (const char *line = buf_string(&table); *line != '\0'; lines++) {
			assert_true(strcspn(line, "\n") <= 80);
			assert_true(text_is_printable(line, strcspn(line, "\n")));
			line += strcspn(line, "\n") + 1;
		}
		assert_int_equal(lines, 12);
		for (const char *c = buf_string(&csv); *c != '\0'; c++)
			assert_true(*c == '\r' || *c == '\n' || (*c >= ' ' && *c <= '~'));
	}
}

// A name of the DNS comes with the DNS's own escapes, and goes as it came.
static void test_name_is_not_escaped_again(void **state)
{
	struct survey *survey = example();
	auto_buf struct buf table = buf_make(10000);
	auto_buf struct buf csv = buf_make(10000);

	(void)state;
	strcpy(survey->hosts[0].name, "a\\.b\\000.test");
	rows_table(survey, true, true, &table);
	rows_csv(survey, true, true, &csv);
	assert_non_null(strstr(buf_string(&table), " a\\.b\\000.test\n"));
	assert_non_null(strstr(buf_string(&csv), ",\"a\\.b\\000.test\","));
}

// The talk's figures: different hosts and addresses, and which of them answered.
static void test_totals(void **state)
{
	static const char wanted[] =
		"Domains                                                    3\n"
		"  of them cut short by the deadline                        1\n"
		"  with a mail host that has an IPv6 address                2\n"
		"MX hosts                                                   2\n"
		"IPv4 addresses                                             2\n"
		"IPv6 addresses                                             3\n"
		"  that accept a connection on port 25                      2\n"
		"  that greet and answer EHLO, too                          1\n";
	struct survey nothing = {.domain = "b.test", .mx = SURVEY_MX_NONE};
	struct totals *totals = totals_new();
	struct survey *again;
	auto_buf struct buf out = buf_make(10000);

	(void)state;
	totals_add(totals, example());
	totals_add(totals, &nothing);
	again = example();
	again->hosts[0].v6[0] = address("2a00::2", SURVEY_KIND_GLOBAL);
	knock(&again->hosts[0].v6[0], SURVEY_REACH_REFUSED, SURVEY_STEP_CONNECT, 0, "");
	text_cut(again->hosts[0].name, sizeof(again->hosts[0].name), "MX.A.TEST");
	totals_add(totals, again);
	totals_print(totals, false, true, &out);
	assert_string_equal(buf_string(&out), wanted);
	totals_free(totals);
}

static void test_progress_line(void **state)
{
	static const struct {
		struct progress_facts facts;
		double seconds;
		const char *wanted;
	} rows[] = {
		{{0, 0, -1}, 0, "0 done, 0 under way, 0/s"},
		{{1234, 100, -1}, 2, "1234 done, 100 under way, 617/s"},
		{{5, 1, 0}, 10, "[                    ]   0 %  5 done, 1 under way, 0/s"},
		{{5, 1, 500}, 1, "[##########          ]  50 %  5 done, 1 under way, 5/s"},
		{{5, 0, 1000}, 1, "[####################] 100 %  5 done, 0 under way, 5/s"},
	};
	char line[80];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		progress_line(line, sizeof(line), &rows[i].facts, rows[i].seconds);
		assert_string_equal(line, rows[i].wanted);
	}
	progress_line(line, 41, &(struct progress_facts){UINT64_MAX, SIZE_MAX, 1000}, 0.001);
	assert_int_equal(strlen(line), 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_of_nothing),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_progress_line),
		cmocka_unit_test(test_name_is_not_escaped_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
