// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// config: the domain of the probes' envelope senders, where several hosts have a site in common.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_text.h"

#define BELOW "token_domain must be v6_domain, or a name below it"
#define TAKEN "token_domain must be no other domain of a site, nor dual's hostname"

static const struct {
	const char *text;
	const char *errors;
} rows[] = {
	{GOOD "token_domain = a..six.test\n", ":12: token_domain: the domain has an empty label\n"},
	{GOOD "token_domain = [192.0.2.1]\n", ":12: token_domain: a name in ASCII is wanted\n"},
	{GOOD "token_domain = a.test\ntitle = x\n", ":12: one: " BELOW "\n"},
	{GOOD "token_domain = asix.test\n", ":12: one: " BELOW "\n"},
	{GOOD "token_domain = dual.test\n", ":12: one: " BELOW "\n"},
	{HEAD "[site one]\nv6_domain = six.test\ntoken_domain = A.six.test\n"
	      "dual_domain = a.six.test\n",
	 ":11: one: " TAKEN "\n"},
	{GOOD "token_domain = a.six.test\n[site two]\nv6_domain = A.six.test\n"
	      "dual_domain = doble.test\n",
	 ":12: one: " TAKEN "\n"},
	{GOOD "token_domain = a.six.test\n[site two]\nv6_domain = A.six.test\n"
	      "dual_domain = doble.test\ntoken_domain = b.a.six.test\n",
	 ":12: one: " TAKEN "\n"},
	{GOOD "token_domain = a.six.test\n[site two]\nv6_domain = seis.test\n"
	      "dual_domain = a.six.test\n",
	 ":12: one: " TAKEN "\n"},
	{GOOD "token_domain = a.b.six.test\n[site two]\nv6_domain = b.six.test\n"
	      "dual_domain = doble.test\ntoken_domain = a.b.six.test\n",
	 ":12: one: " TAKEN "\n:16: two: " TAKEN "\n"},
	{GOOD "token_domain = a.six.test\n[postsix]\n[v6]\nretry_min = 20min\n",
	 ":15: retry_max: it must not be below retry_min\n"},
	{"[postsix]\noperator_address = op@good.test\n[dual]\nhostname = mx.six.test\n"
	 "listen = 192.0.2.25 2001:db8:25::25\n[v6]\nhostname = a.six.test\n"
	 "listen = 2001:db8:25::6\n[site one]\nv6_domain = six.test\ndual_domain = dual.test\n"
	 "token_domain = MX.six.test\n",
	 ":12: one: " TAKEN "\n"},
};

static void test_34_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_free char *errors = NULL;
		struct config *config = read_text(rows[i].text, strlen(rows[i].text), &errors);

		assert_string_equal(errors, rows[i].errors);
		assert_null(config);
	}
}

static const struct config_site *token_site(const struct config *config, const char *name)
{
	struct domain domain;

	assert_null(domain_parse(name, strlen(name), &domain));
	return config_site_of_token(config, &domain);
}

static const struct {
	const char *line; // 12, in [site one]
	const char *value;
} good_rows[] = {
	{"", "six.test"},
	{"token_domain =\n", "six.test"},
	{"token_domain = SIX.test\n", "SIX.test"},
	{"token_domain = a.six.test\n", "a.six.test"},
	{"token_domain = mx.six.test\n", "mx.six.test"}, // v6's own name may be it
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good_rows); i++) {
		auto_free char *errors = NULL;
		struct config *config;
		char text[1000];
		int len = snprintf(text, sizeof(text),
				   GOOD "%s[site two]\nv6_domain = seis.test\n"
					"dual_domain = doble.test\n",
				   good_rows[i].line);

		config = read_text(text, (size_t)len, &errors);
		assert_string_equal(errors, "");
		assert_string_equal(config_get(config, "site.one.token_domain"),
				    good_rows[i].value);
		assert_ptr_equal(token_site(config, good_rows[i].value), &config->sites[0]);
		assert_ptr_equal(token_site(config, "SEIS.test"), &config->sites[1]);
		assert_null(token_site(config, "dual.test"));
		assert_null(token_site(config, "b.six.test"));
		config_free(config);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_34_faults),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
