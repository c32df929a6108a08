// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// survey_json: what is written is read again, and nothing else is. With SURVEY_SAMPLES in the
// environment the surveys are left in that file, a line each, for tests/consistency/schema.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/survey_json.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void fill_address(struct survey_address *address, int i)
{
	snprintf(address->text, sizeof(address->text), "2001:db8::%x", (unsigned)i);
	address->kind = (enum survey_kind)(i % SURVEY_KINDS);
	address->reach = (enum survey_reach)(i % SURVEY_REACHES);
	address->step = (enum survey_step)(i % SURVEY_STEPS);
	address->step_ms[SURVEY_STEP_NONE] = -1;
	for (int step = 1; step < SURVEY_STEPS; step++)
		address->step_ms[step] = (i + step) % 3 - 1;
	address->code = i % 2 == 0 ? 220 : 0;
	address->starttls = (enum survey_answer)(i % 3);
	memset(address->banner, "\"\\< ~"[i % 5], (size_t)(i % SURVEY_BANNER_SIZE));
}

// Every place and every word in use.
static void fill(struct survey *survey)
{
	int n = 0;

	memset(survey, 0, sizeof(*survey));
	memset(survey->domain, 'd', DOMAIN_MAX);
	survey->mx = SURVEY_MX_LISTED;
	survey->is_complete = survey->tried_reach = survey->a_only = true;
	survey->took_ms = INT32_MAX;
	survey->n_hosts_all = 4000;
	survey->n_hosts = SURVEY_HOSTS_MAX;
	for (size_t i = 0; i < SURVEY_HOSTS_MAX; i++) {
		struct survey_host *host = &survey->hosts[i];

		snprintf(host->name, sizeof(host->name), "h\xc3\xa1%zu.test", i);
		host->preference = (int32_t)(i * 7281);
		host->is_cname = i % 2 == 0;
		host->is_literal = i % 3 == 0;
		host->has_v4 = (enum survey_answer)(i % 3);
		host->has_v6 = (enum survey_answer)((i + 1) % 3);
		host->ns_v6 = (enum survey_answer)((i + 2) % 3);
		host->n_v4 = i % (SURVEY_ADDRESSES_MAX + 1);
		host->n_v6 = SURVEY_ADDRESSES_MAX;
		for (size_t k = 0; k < host->n_v4; k++)
			fill_address(&host->v4[k], n++);
		for (size_t k = 0; k < host->n_v6; k++)
			fill_address(&host->v6[k], n++);
	}
}

static void leave_sample(const struct buf *text)
{
	const char *path = getenv("SURVEY_SAMPLES");
	FILE *file = path != NULL ? fopen(path, "a") : NULL;

	if (file == NULL)
		return;
	fprintf(file, "%s\n", buf_string(text));
	fclose(file);
}

static void check_both_ways(const struct survey *survey)
{
	static struct survey back;
	auto_buf struct buf text = buf_make(SURVEY_JSON_MAX), again = buf_make(SURVEY_JSON_MAX);

	assert_int_equal(survey_json_write(survey, &text), 0);
	assert_false(buf_failed(&text));
	assert_null(strpbrk(buf_string(&text), "\n\x80\xc3"));
	memset(&back, 0x55, sizeof(back));
	assert_int_equal(survey_json_read(buf_string(&text), text.len, &back), 0);
	assert_memory_equal(&back, survey, sizeof(back));
	assert_int_equal(survey_json_write(&back, &again), 0);
	assert_string_equal(buf_string(&again), buf_string(&text));
	leave_sample(&text);
}

static void test_both_ways(void **state)
{
	static struct survey survey;

	(void)state;
	check_both_ways(&survey);
	for (int mx = 0; mx <= SURVEY_MX_NO_DOMAIN; mx++) {
		survey.mx = (enum survey_mx)mx;
		check_both_ways(&survey);
	}
	fill(&survey);
	check_both_ways(&survey);
}

static void test_no_utf8(void **state)
{
	static struct survey survey;
	auto_buf struct buf text = buf_make(SURVEY_JSON_MAX);

	(void)state;
	survey.n_hosts = survey.hosts[0].n_v6 = 1;
	strcpy(survey.hosts[0].v6[0].banner, "\xff");
	assert_int_equal(survey_json_write(&survey, &text), -EILSEQ);
	assert_int_equal(text.len, 0);
}

// Each changes one thing of a whole survey into what it must not be.
static const struct {
	const char *from, *to;
} changes[] = {
	{"{\"v\":1,", "{"},
	{"{\"v\":1,", "{\"v\":2,"},
	{"{\"v\":1,", "{\"v\":\"1\","},
	{"{\"v\":1,", "{\"v\":1,\"v\":1,"},
	{"\"listed\"", "\"Listed\""},
	{"\"listed\"", "1"},
	{"\"complete\":true", "\"complete\":1"},
	{"\"complete\":true", "\"complete\":null"},
	{"\"took_ms\":2147483647", "\"took_ms\":2147483648"},
	{"\"took_ms\":2147483647", "\"took_ms\":-1"},
	{"\"took_ms\":2147483647", "\"took_ms\":null"},
	{"\"took_ms\":2147483647", "\"took_ms\":1.0"},
	{"\"mx_records\":4000", "\"mx_records\":-4000"},
	{"\"hosts\":[", "\"hosts\":[{},"},
	{"\"hosts\":[", "\"hosts\":{},\"guests\":["},
	{"\"v6\":[", "\"v6\":[{},"},
	{"\"domain\":\"d", "\"domain\":\"dd"},
	{"\"connect_ms\":null", "\"connect_ms\":\"\""},
	{"\"kind\":\"ula\"", "\"kind\":\"ulb\""},
	{"\"a\":\"yes\"", "\"a\":\"maybe\""},
	{"}]}", "}]"},
	{"\"banner\":\"\"", "\"banner\":\"a\\u0000b\""},
	// what a terminal would obey
	{"\"banner\":\"\"", "\"banner\":\"\\u001b]0;x\\u0007\""},
	{"\"banner\":\"\"", "\"banner\":\"\xc2\x9b[2J\""},
	{"\"address\":\"", "\"address\":\"\\u202e"},
	{"{\"v\":1,", "{\"v\":1,\n"},
	{"{\"v\":1,", "{\"v\":1,\"x\":\"\x7f\","},
};

static void test_refused(void **state)
{
	static struct survey survey, back, untouched;
	auto_buf struct buf text = buf_make(SURVEY_JSON_MAX);

	(void)state;
	fill(&survey);
	assert_int_equal(survey_json_write(&survey, &text), 0);
	for (size_t i = 0; i < LEN(changes); i++) {
		const char *at = strstr(buf_string(&text), changes[i].from);
		auto_buf struct buf bad = buf_make(SURVEY_JSON_MAX + 100);

		assert_non_null(at);
		buf_add(&bad, buf_string(&text), (size_t)(at - buf_string(&text)));
		buf_adds(&bad, changes[i].to);
		buf_adds(&bad, at + strlen(changes[i].from));
		if (survey_json_read(buf_string(&bad), bad.len, &back) != -EINVAL)
			fail_msg("%s was taken for %s", changes[i].to, changes[i].from);
	}
	assert_int_equal(survey_json_read("", 0, &back), -EINVAL);
	assert_int_equal(survey_json_read("[]", 2, &back), -EINVAL);
	assert_memory_equal(&back, &untouched, sizeof(back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_no_utf8),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
