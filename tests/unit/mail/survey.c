// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// survey: kinds of addresses, whom we may knock at, the words, and the two summaries.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mail/survey.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *text;
	enum survey_kind kind;
	bool may_knock;
} addresses[] = {
	{"192.0.2.1", SURVEY_KIND_IPV4, true},
	{"8.8.4.4", SURVEY_KIND_IPV4, true},
	{"0.0.0.0", SURVEY_KIND_IPV4, false},
	{"10.255.255.255", SURVEY_KIND_IPV4, false},
	{"11.0.0.0", SURVEY_KIND_IPV4, true},
	{"100.63.255.255", SURVEY_KIND_IPV4, true},
	{"100.64.0.0", SURVEY_KIND_IPV4, false},
	{"100.127.255.255", SURVEY_KIND_IPV4, false},
	{"100.128.0.0", SURVEY_KIND_IPV4, true},
	{"127.0.0.1", SURVEY_KIND_IPV4, false},
	{"169.254.169.254", SURVEY_KIND_IPV4, false},
	{"172.15.255.255", SURVEY_KIND_IPV4, true},
	{"172.16.0.1", SURVEY_KIND_IPV4, false},
	{"172.31.255.255", SURVEY_KIND_IPV4, false},
	{"172.32.0.0", SURVEY_KIND_IPV4, true},
	{"192.0.0.170", SURVEY_KIND_IPV4, false},
	{"192.0.1.0", SURVEY_KIND_IPV4, true},
	{"192.168.0.1", SURVEY_KIND_IPV4, false},
	{"198.17.255.255", SURVEY_KIND_IPV4, true},
	{"198.19.255.255", SURVEY_KIND_IPV4, false},
	{"198.51.100.1", SURVEY_KIND_IPV4, true},
	{"223.255.255.255", SURVEY_KIND_IPV4, true},
	{"224.0.0.1", SURVEY_KIND_IPV4, false},
	{"255.255.255.255", SURVEY_KIND_IPV4, false},
	{"2600::1", SURVEY_KIND_GLOBAL, true},
	{"2001:200::1", SURVEY_KIND_GLOBAL, true},
	{"2001:1::1", SURVEY_KIND_GLOBAL, true},
	{"2001:db7:ffff::", SURVEY_KIND_GLOBAL, true},
	{"2001:db9::", SURVEY_KIND_GLOBAL, true},
	{"2003::1", SURVEY_KIND_GLOBAL, true},
	{"3ffe::1", SURVEY_KIND_GLOBAL, true},
	{"fc00::1", SURVEY_KIND_ULA, false},
	{"fdff:ffff::1", SURVEY_KIND_ULA, false},
	{"fe00::1", SURVEY_KIND_OTHER, false},
	{"fe80::1", SURVEY_KIND_LINK_LOCAL, false},
	{"febf::1", SURVEY_KIND_LINK_LOCAL, false},
	{"fec0::1", SURVEY_KIND_OTHER, false},
	{"::", SURVEY_KIND_LOOPBACK, false},
	{"::1", SURVEY_KIND_LOOPBACK, false},
	{"::2", SURVEY_KIND_OTHER, false},
	{"::127.0.0.1", SURVEY_KIND_OTHER, false},
	{"::ffff:192.0.2.1", SURVEY_KIND_MAPPED, false},
	{"::fffe:c000:201", SURVEY_KIND_OTHER, false},
	{"2002:c000:201::1", SURVEY_KIND_SIXTOFOUR, true},
	{"2002:7f00:1::1", SURVEY_KIND_SIXTOFOUR, false},
	{"2002:a00:1::1", SURVEY_KIND_SIXTOFOUR, false},
	{"2001::1", SURVEY_KIND_TEREDO, true},
	{"2001:0:ffff::1", SURVEY_KIND_TEREDO, true},
	{"2001:2::1", SURVEY_KIND_OTHER, false},
	{"2001:2:1::1", SURVEY_KIND_GLOBAL, true},
	{"2001:1f::1", SURVEY_KIND_OTHER, false},
	{"2001:2f::1", SURVEY_KIND_OTHER, false},
	{"2001:30::1", SURVEY_KIND_GLOBAL, true},
	{"2001:db8::1", SURVEY_KIND_DOCUMENTATION, true},
	{"2001:db8:ffff::1", SURVEY_KIND_DOCUMENTATION, true},
	{"3fff::1", SURVEY_KIND_DOCUMENTATION, true},
	{"3fff:fff::1", SURVEY_KIND_DOCUMENTATION, true},
	{"3fff:1000::1", SURVEY_KIND_GLOBAL, true},
	{"64:ff9b::192.0.2.1", SURVEY_KIND_NAT64, false},
	{"64:ff9b:1:2::1", SURVEY_KIND_NAT64, false},
	{"64:ff9b:2::1", SURVEY_KIND_OTHER, false},
	{"100::1", SURVEY_KIND_OTHER, false},
	{"4000::1", SURVEY_KIND_OTHER, false},
	{"ff02::1", SURVEY_KIND_OTHER, false},
	{"", SURVEY_KIND_UNKNOWN, false},
	{"mx.test", SURVEY_KIND_UNKNOWN, false},
	{"fe80::1%eth0", SURVEY_KIND_UNKNOWN, false},
	{"[::1]", SURVEY_KIND_UNKNOWN, false},
	{"192.0.2", SURVEY_KIND_UNKNOWN, false},
};

static void test_kinds(void **state)
{
	bool seen[SURVEY_KINDS] = {false};

	(void)state;
	for (size_t i = 0; i < LEN(addresses); i++) {
		if (survey_kind_of(addresses[i].text) != addresses[i].kind)
			fail_msg("%s: %s", addresses[i].text,
				 survey_kind_name(survey_kind_of(addresses[i].text)));
		if (survey_may_knock(addresses[i].text) != addresses[i].may_knock)
			fail_msg("%s: knock", addresses[i].text);
		seen[addresses[i].kind] = true;
	}
	for (int i = 0; i < SURVEY_KINDS; i++)
		assert_true(seen[i]);
}

// Every name is there, is a word of its own, and the first is "unknown" or "none".
static void check_names(const char *(*name)(int), int n, const char *first)
{
	assert_string_equal(name(0), first);
	for (int i = 0; i < n; i++) {
		assert_non_null(name(i));
		assert_true(name(i)[strspn(name(i), "abcdefghijklmnopqrstuvwxyz0123456789-")] ==
			    '\0');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name(i), name(k));
	}
}

#define NAMES(of)                                                                                  \
	static const char *of##_by_number(int i)                                                   \
	{                                                                                          \
		return survey_##of##_name(i);                                                      \
	}
NAMES(answer)
NAMES(mx)
NAMES(kind)
NAMES(reach)
NAMES(step)

static void test_names(void **state)
{
	(void)state;
	check_names(answer_by_number, SURVEY_YES + 1, "unknown");
	check_names(mx_by_number, SURVEY_MX_NO_DOMAIN + 1, "unknown");
	check_names(kind_by_number, SURVEY_KINDS, "unknown");
	check_names(reach_by_number, SURVEY_REACHES, "unknown");
	check_names(step_by_number, SURVEY_STEPS, "none");
	assert_string_equal(survey_kind_name(SURVEY_KIND_SIXTOFOUR), "6to4");
	assert_string_equal(survey_mx_name(SURVEY_MX_NO_DOMAIN), "no-domain");
}

// Each row: the hosts' addresses by their reach, "-" for a host without one; which is best.
static const struct {
	const char *hosts[4];
	int first;
	int best_host, best_address;
} domains[] = {
	{{NULL}, -1, -1, -1},       {{"", "", ""}, -1, -1, -1}, {{"a"}, 0, 0, 0},
	{{"", "r"}, 1, 1, 0},       {{"ra"}, 0, 0, 1},          {{"rt", "", "a"}, 0, 2, 0},
	{{"aa", "a"}, 0, 0, 0},     {{"uu"}, 0, 0, 0},          {{"ut", "r"}, 0, 0, 1},
	{{"u", "u", "b"}, 0, 2, 0}, {{"tr"}, 0, 0, 0},          {{"b", "u", "ta"}, 0, 2, 1},
};

static enum survey_reach reach_of(char letter)
{
	switch (letter) {
	case 'a':
		return SURVEY_REACH_ACCEPTS;
	case 'r':
		return SURVEY_REACH_REFUSED;
	case 't':
		return SURVEY_REACH_TIMEOUT;
	case 'b':
		return SURVEY_REACH_BUSY;
	default:
		return SURVEY_REACH_UNKNOWN;
	}
}

static void test_summaries(void **state)
{
	static struct survey survey;

	(void)state;
	for (size_t i = 0; i < LEN(domains); i++) {
		const struct survey_address *best;

		memset(&survey, 0, sizeof(survey));
		for (; survey.n_hosts < 4 && domains[i].hosts[survey.n_hosts] != NULL;
		     survey.n_hosts++) {
			struct survey_host *host = &survey.hosts[survey.n_hosts];

			for (const char *at = domains[i].hosts[survey.n_hosts]; *at != '\0'; at++)
				host->v6[host->n_v6++].reach = reach_of(*at);
		}
		assert_int_equal(survey_first_v6(&survey), domains[i].first);
		best = survey_best_v6(&survey);
		if (domains[i].best_host < 0)
			assert_null(best);
		else
			assert_ptr_equal(
				best,
				&survey.hosts[domains[i].best_host].v6[domains[i].best_address]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_summaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
