// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// metrics: every line is as the Prometheus text format 0.0.4 has it, whatever the database has; and
// the file for the textfile collector is whole, or as it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <regex.h>
#include <sysexits.h>

#include "unit/cli/told.h"

#define NAME  "[a-z_:][a-z0-9_:]*"
#define LABEL NAME "=\"([^\\\"]|\\\\[\\\"n])*\""

// The number of samples. Each family has its head, once.
static size_t samples(const char *text)
{
	static const char form[] = "^(# HELP " NAME " .+|# TYPE " NAME " (counter|gauge)|" NAME
				   "([{]" LABEL "(," LABEL ")*[}])? -?[0-9]+)$";
	regex_t regex;
	size_t n = 0;

	assert_int_equal(regcomp(&regex, form, REG_EXTENDED | REG_NOSUB), 0);
	while (*text != '\0') {
		char line[4000];
		size_t len = strcspn(text, "\n");

		assert_int_equal(text[len], '\n');
		assert_true(len < sizeof(line));
		memcpy(line, text, len);
		line[len] = '\0';
		assert_int_equal(regexec(&regex, line, 0, NULL, 0), 0);
		n += line[0] != '#';
		text += len + 1;
	}
	regfree(&regex);
	return n;
}

static int64_t value(const char *name)
{
	const char *found = strstr(told_out, name);

	assert_non_null(found);
	return strtoll(found + strlen(name), NULL, 10);
}

static void test_nothing(void **state)
{
	(void)state;
	tell(verb_metrics, NULL);
	assert_int_equal(told_status, EX_OK);
	assert_int_equal(samples(told_out), 1 + 1 + 1 + 2 + 2 + 1 + 5 + 3);
	assert_int_equal(value("\npostsix_last_request_timestamp_seconds "), 0);
	assert_int_equal(value("\npostsix_up{part=\"intake\"} "), 0);
	assert_int_equal(value("\npostsix_spool_entries "), 0);
	assert_int_equal(value("\npostsix_waiting_oldest_seconds{instance=\"v6\"} "), 0);
}

// Words of ours, should one ever be a stranger's: a label ends where it ends.
static void test_labels(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(told_strangers); i++)
		told_request(R(i + 1), NOW, told_strangers[i], told_strangers[i]);
	told_request(R(100), NOW, "a\\b\"c\nd", "x");
	tell(verb_metrics, NULL);
	assert_int_equal(told_status, EX_OK);
	samples(told_out);
	assert_int_equal(value("\npostsix_requests_total{decision=\"a\\\\b\\\"c\\nd\"} "), 1);
	assert_int_equal(value("\npostsix_requests_total{decision=\"\"} "), 1);
}

static void test_counts(void **state)
{
	(void)state;
	told_all_strangers();
	told_request(R(100), NOW - 50, "too-soon", "x");
	told_clock = NOW + 1000;
	tell(verb_metrics, NULL);
	samples(told_out);
	assert_int_equal(value("\npostsix_requests_total{decision=\"answer\"} "),
			 COUNT(told_strangers));
	assert_int_equal(value("\npostsix_requests_total{decision=\"too-soon\"} "), 1);
	assert_int_equal(value("\npostsix_probe_failures_total{class=\"no-aaaa\"} "),
			 COUNT(told_strangers));
	assert_int_equal(value("\npostsix_messages{kind=\"six\",state=\"queued\"} "),
			 COUNT(told_strangers));
	assert_int_equal(value("\npostsix_waiting_messages{instance=\"v6\"} "),
			 COUNT(told_strangers));
	assert_int_equal(value("\npostsix_waiting_oldest_seconds{instance=\"v6\"} "), 1100);
}

// RELIABILITY fault 14: the clock is set back, or was never set.
static void test_clock(void **state)
{
	static const int64_t clocks[] = {NOW - 5000, 0, -1000};

	(void)state;
	told_request(R(1), NOW, "answer", "x");
	for (size_t i = 0; i < COUNT(clocks); i++) {
		told_clock = clocks[i];
		tell(verb_metrics, NULL);
		assert_int_equal(told_status, EX_OK);
		samples(told_out);
		assert_int_equal(value("\npostsix_waiting_oldest_seconds{instance=\"v6\"} "), 0);
	}
}

static void test_file(void **state)
{
	static const char old[] = "what was there\n";
	struct stat info;
	char *text;
	size_t len;

	(void)state;
	told_all_strangers();
	folder_write("x.prom", old, strlen(old));
	assert_string_equal(tell(verb_metrics, "--output", folder_file("x.prom"), NULL), "");
	assert_int_equal(told_status, EX_OK);
	text = told_read("x.prom", &len);
	assert_true(samples(text) > 15);
	free(text);
	assert_int_equal(stat(folder_file("x.prom"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0644);
	tell(verb_metrics, "--output", folder_file("none/x.prom"), NULL);
	assert_int_equal(told_status, EX_CANTCREAT);
	tell(verb_metrics, "--output", "x.prom", NULL);
	assert_int_equal(told_status, EX_CANTCREAT);
	assert_non_null(strstr(told_errors, "an absolute path is wanted"));
	tell(verb_metrics, "--output", folder_file("spool"), NULL);
	assert_int_equal(told_status, EX_CANTCREAT);
	tell(verb_metrics, "word", NULL);
	assert_int_equal(told_status, EX_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, told_make, told_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing), TEST(test_labels), TEST(test_counts),
		TEST(test_clock),   TEST(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
