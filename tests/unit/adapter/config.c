// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// config: RELIABILITY fault 34, a wrong file is refused whole, each fault with its file and line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "adapter/config_table.h"
#include "config_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define LETTERS40  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define WORDS      "letters, digits, hyphens, dots and underscores are wanted"
#define LISTEN     "IPv4 or IPv6 addresses separated by blanks are wanted"
#define TEXT_FAULT "control characters, backslashes and bytes that are not UTF-8 cannot stand here"

static const struct fault_row {
	const char *text;
	const char *errors;
} fault_rows[] = {
	// sections, names, lines
	{GOOD "[nonsense]\na = 1\nb = 1\n[dual]\nx = 1\n[nonsense]\n",
	 ":12: nonsense: no such section; there are [postsix], [dual], [v6] and [site NAME]\n"
	 ":16: x: no such option in this section\n"
	 ":17: nonsense: no such section; there are [postsix], [dual], [v6] and [site NAME]\n"},
	{GOOD "[x]\n; and nothing in it\n",
	 ":12: x: no such section; there are [postsix], [dual], [v6] and [site NAME]\n"},
	{"a = 1\n" GOOD,
	 ":1: : no such section; there are [postsix], [dual], [v6] and [site NAME]\n"},
	{GOOD "[site]\ntitle = x\n",
	 ":12: site: no such section; there are [postsix], [dual], [v6] and [site NAME]\n"},
	{GOOD "[site Two]\ntitle = x\n",
	 ":12: site Two: a site's name has lower-case letters, digits and hyphens: [site NAME]\n"},
	{GOOD "[site ]\ntitle = x\n",
	 ":12: site : a site's name has lower-case letters, digits and hyphens: [site NAME]\n"},
	{GOOD "colour = red\n", ":12: colour: no such option in this section\n"},
	{GOOD "hostname = mx\n", ":12: hostname: no such option in this section\n"},
	{GOOD "[dual]\ntitle = x\n", ":13: title: no such option in this section\n"},
	{GOOD "Title = x\n", ":12: Title: no such option in this section\n"},
	{GOOD "title = x\ntitle = x\n", ":13: title: given twice\n"},
	{GOOD "title = x\n  more\n", ":13: line: it begins with a blank; a value has one line\n"},
	{GOOD "[postsix]\noperator_address = op@good.test\n",
	 ":13: operator_address: given twice\n"},
	{GOOD "[site one]\nv6_domain = seven.test\n", ":13: v6_domain: given twice\n"},
	{GOOD "nonsense\n", ":12: line: neither [section] nor name = value\n"},
	{GOOD "title = " LETTERS40 LETTERS40 LETTERS40 LETTERS40 LETTERS40 "\n",
	 ":12: line: it is too long\n"},
	{GOOD "; " LETTERS40 LETTERS40 LETTERS40 LETTERS40 LETTERS40 LETTERS40 "\ncolour = red\n",
	 ":12: line: it is too long\n:13: colour: no such option in this section\n"},

	// missing
	{GOOD "[site two]\n", ":12: [site two] v6_domain: must be given\n"
			      ":12: [site two] dual_domain: must be given\n"},
	{"", ":0: [postsix] operator_address: must be given\n:0: [dual] hostname: must be given\n"
	     ":0: [dual] listen: must be given\n:0: [v6] hostname: must be given\n"
	     ":0: [v6] listen: must be given\n"},
	{HEAD, ":8: [site NAME]: at least one site is wanted\n"},
	{HEAD "[site one]\ntitle = x\n", ":10: [site one] v6_domain: must be given\n"
					 ":10: [site one] dual_domain: must be given\n"},
	{GOOD "[site two]\ndual_domain = doble.test\n",
	 ":13: [site two] v6_domain: must be given\n"},

	// a bad value of each type
	{GOOD "title = a\\b\n", ":12: title: " TEXT_FAULT "\n"},
	{GOOD "title = a\x1b[1m\n", ":12: title: " TEXT_FAULT "\n"},
	{GOOD "title = \xff\n", ":12: title: " TEXT_FAULT "\n"},
	{GOOD "title = \xe2\x80\xae\n", ":12: title: " TEXT_FAULT "\n"},
	{GOOD "[postsix]\nstate_directory = var/lib\n",
	 ":13: state_directory: an absolute path is wanted\n"},
	{GOOD "[postsix]\nspool_directory = /a\x01\n", ":13: spool_directory: " TEXT_FAULT "\n"},
	{GOOD "[postsix]\nstate_directory =\n",
	 ":13: state_directory: an absolute path is wanted\n"},
	{GOOD "[v6]\nqueue_directory =\n", ":13: queue_directory: an absolute path is wanted\n"},
	{GOOD "language = e n\n", ":12: language: " WORDS "\n"},
	{GOOD "language = ../en\n", ":12: language: " WORDS "\n"},
	{GOOD "contact =\n", ":12: contact: " WORDS "\n"},
	{GOOD "[postsix]\nrequester_daily = many\n", ":13: requester_daily: a number is wanted\n"},
	{GOOD "[postsix]\nrequester_daily = 3d\n",
	 ":13: requester_daily: only digits are wanted\n"},
	{GOOD "[postsix]\nrequester_daily = 1000001\n",
	 ":13: requester_daily: a value from 0 to 1000000 is wanted\n"},
	{GOOD "[postsix]\nsurvey_reach = true\n", ":13: survey_reach: yes or no is wanted\n"},
	{GOOD "[postsix]\nsurvey_deadline = 11\n",
	 ":13: survey_deadline: a value from 0 to 10 is wanted\n"},
	{GOOD "[postsix]\ndiagnose_local = x\n",
	 ":13: diagnose_local: an absolute path is wanted\n"},
	{GOOD "[postsix]\nsubmit_sessions = 0\n",
	 ":13: submit_sessions: a value from 1 to 100 is wanted\n"},
	{GOOD "[postsix]\ntoken_lifetime = 7y\n",
	 ":13: token_lifetime: the unit must be s, min, h, d or w\n"},
	{GOOD "[postsix]\ntoken_lifetime = 59min\n",
	 ":13: token_lifetime: a value from 3600 to 7776000 is wanted\n"},
	{GOOD "[postsix]\nmessage_size_limit = 1m\n",
	 ":13: message_size_limit: the unit must be k, M or G\n"},
	{GOOD "[postsix]\nmessage_size_limit = 15k\n",
	 ":13: message_size_limit: a value from 16384 to 1073741824 is wanted\n"},
	{HEAD "[site one]\nv6_domain = six..test\ndual_domain = dual.test\n",
	 ":10: v6_domain: the domain has an empty label\n"},
	{HEAD "[site one]\nv6_domain = six.test\ndual_domain = [192.0.2.1]\n",
	 ":11: dual_domain: a name in ASCII is wanted\n"},
	{HEAD "[site one]\nv6_domain = s\xc3\xa9is.test\ndual_domain = dual.test\n",
	 ":10: v6_domain: a name in ASCII is wanted\n"},
	{GOOD "[v6]\nwarn_after = 0\n", ":13: warn_after: a value from 1 to 432000 is wanted\n"},

	// what no option alone can say
	{HEAD "[site one]\nv6_domain = six.test\ndual_domain = SIX.test\n",
	 ":11: one: v6_domain and dual_domain must differ\n"},
	{GOOD "[site two]\nv6_domain = seis.test\ndual_domain = Six.Test\n",
	 ":14: two: another site has one of its domains\n"},
	{GOOD "[site two]\nv6_domain = dual.test\ndual_domain = doble.test\n",
	 ":14: two: another site has one of its domains\n"},
	{GOOD "[v6]\nretry_min = 20min\n", ":13: retry_max: it must not be below retry_min\n"},
	{GOOD "[dual]\nretry_max = 4min\n", ":13: retry_max: it must not be below retry_min\n"},
	{GOOD "dkim_selector = a..b\n", ":12: one: a selector is made of labels as a domain is\n"},
	{GOOD "dkim_ed25519_selector = -a\n",
	 ":12: one: a selector is made of labels as a domain is\n"},
	{GOOD "dkim_selector = Postsix-ED25519\n", ":12: one: its two selectors must differ\n"},
	{GOOD "dkim_ed25519_key_file = /x\n",
	 ":12: one: dkim_ed25519_key_file wants dkim_key_file, as not every server knows "
	 "Ed25519\n"},
	{GOOD "dkim_key_file = x\n", ":12: dkim_key_file: an absolute path is wanted\n"},
	{GOOD "contact = test\n",
	 ":12: one: contact must be a local part that reaches a human, not the responder\n"},
	{GOOD "contact = Bounce\n",
	 ":12: one: contact must be a local part that reaches a human, not the responder\n"},
	{GOOD "contact = .a\n",
	 ":12: one: contact must be a local part that reaches a human, not the responder\n"},
	{GOOD "[v6]\nqueue_directory = /" LETTERS40 LETTERS40 "/2345678901234\n",
	 ":13: inject: a socket's path has at most 107 octets\n"},
};

static void test_34_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fault_rows); i++) {
		const struct fault_row *row = &fault_rows[i];
		auto_free char *errors = NULL;
		struct config *config = read_text(row->text, strlen(row->text), &errors);

		assert_string_equal(errors, row->errors);
		assert_null(config);
	}
}

// A sysadmin mends a file once.
static void test_34_all_faults_at_once(void **state)
{
	static const char text[] = "[postsix]\nstate_directory = here\nwhat = 1\n"
				   "[dual]\nlisten = mx.test\nretry_min = 1\nretry_min = 2\n"
				   "[vier]\nhostname = x\n[site one]\nv6_domain = -\n";
	auto_free char *errors = NULL;

	(void)state;
	assert_null(read_text(text, sizeof(text) - 1, &errors));
	assert_string_equal(
		errors, ":2: state_directory: an absolute path is wanted\n"
			":3: what: no such option in this section\n"
			":5: listen: " LISTEN "\n"
			":7: retry_min: given twice\n"
			":8: vier: no such section; there are [postsix], [dual], [v6] and [site "
			"NAME]\n"
			":11: v6_domain: the domain has a hyphen at a label's end\n"
			":11: [postsix] operator_address: must be given\n"
			":11: [dual] hostname: must be given\n"
			":11: [v6] hostname: must be given\n"
			":11: [v6] listen: must be given\n"
			":11: [site one] dual_domain: must be given\n");
}

static void test_34_values_of_more_types(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] =
		{
			{"listen = ", false},
			{"listen = 192.0.2.1", true},
			{"listen = 192.0.2.1 \t 2001:db8::1", true},
			{"listen = 192.0.2.1,192.0.2.2", false},
			{"listen = 192.0.2.256", false},
			{"listen = [2001:db8::1]", false},
			{"listen = all", false},
		},
	  addresses[] = {
		  {"operator_address = a@b.test", true},
		  {"operator_address = \"a b\"@b.test", true},
		  {"operator_address = a", false},
		  {"operator_address =", false},
		  {"operator_address = a@b.test, c@d.test", false},
	  };

	(void)state;
	for (size_t i = 0; i < COUNT(rows) + COUNT(addresses); i++) {
		bool is_listen = i < COUNT(rows);
		const char *line = is_listen ? rows[i].line : addresses[i - COUNT(rows)].line;
		bool good = is_listen ? rows[i].good : addresses[i - COUNT(rows)].good;
		auto_free char *errors = NULL;
		struct config *config;
		char text[1000];

		snprintf(
			text, sizeof(text),
			"[postsix]\n%s\n[dual]\nhostname = a.test\n%s\n[v6]\nhostname = b.test\n"
			"listen = ::1\n[site one]\nv6_domain = six.test\ndual_domain = dual.test\n",
			is_listen ? "operator_address = a@b.test" : line,
			is_listen ? line : "listen = ::1");
		config = read_text(text, strlen(text), &errors);
		print_message("%s: %s\n", line, errors);
		assert_int_equal(config != NULL, good);
		if (!good)
			assert_memory_equal(errors, is_listen ? ":5: listen: " : ":2: operator_",
					    12);
		config_free(config);
	}
}

static void make_sites(char *text, size_t size, int n)
{
	size_t len = (size_t)snprintf(text, size, HEAD);

	for (int i = 1; i <= n; i++)
		len += (size_t)snprintf(
			text + len, size - len,
			"[site s%d]\nv6_domain = six%d.test\ndual_domain = dual%d.test\n", i, i, i);
}

static void test_34_sites_max(void **state)
{
	auto_free char *errors = NULL, *more = NULL;
	struct config *config;
	struct domain domain;
	char text[4000];

	(void)state;
	make_sites(text, sizeof(text), CONFIG_SITES_MAX);
	config = read_text(text, strlen(text), &errors);
	assert_string_equal(errors, "");
	assert_int_equal(config->n_sites, CONFIG_SITES_MAX);
	assert_null(domain_parse("DUAL16.test", 11, &domain));
	assert_ptr_equal(config_site_of(config, &domain), &config->sites[15]);
	assert_null(domain_parse("six1.test", 9, &domain));
	assert_ptr_equal(config_site_of(config, &domain), &config->sites[0]);
	assert_null(domain_parse("sub.six1.test", 13, &domain));
	assert_null(config_site_of(config, &domain));
	config_free(config);

	make_sites(text, sizeof(text), CONFIG_SITES_MAX + 1);
	assert_null(read_text(text, strlen(text), &more));
	assert_string_equal(more, ":57: site s17: too many sites\n");
}

static void test_34_no_such_file(void **state)
{
	char *errors = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&errors, &size);

	(void)state;
	assert_null(config_read("/nonexistent/postsix.conf", out));
	fclose(out);
	assert_string_equal(errors, "/nonexistent/postsix.conf: No such file or directory; "
				    "`postsix setup` makes it\n");
	free(errors);
	assert_null(config_free(NULL));
}

static const struct {
	const char *name, *value;
} effective[] = {
	{"postsix.state_directory", "/var/lib/postsix"},
	{"postsix.operator_address", "op@good.test"},
	{"postsix.token_lifetime", "604800"},
	{"postsix.message_size_limit", "1048576"},
	{"postsix.requester_interval", "60"},
	{"postsix.requester_daily", "12"},
	{"postsix.probe_patience", "14400"},
	{"postsix.report_patience", "172800"},
	{"postsix.submit_sessions", "4"},
	{"postsix.survey_deadline", "10"},
	{"postsix.survey_reach", "yes"},
	{"postsix.diagnose_local", "/etc/postsix/diagnose.local"},
	{"dual.hostname", "mx.dual.test"},
	{"dual.listen", "192.0.2.25 2001:db8:25::25"},
	{"dual.config_directory", "/etc/postfix-dual"},
	{"dual.inject", "/var/spool/postfix-dual/public/inject"},
	{"dual.give_up_after", "432000"},
	{"v6.queue_directory", "/q6"},
	{"v6.inject", "/q6/public/inject"},
	{"v6.warn_after", "900"},
	{"v6.give_up_after", "14400"},
	{"v6.retry_min", "300"},
	{"v6.retry_max", "900"},
	{"v6.connect_timeout", "30"},
	{"site.one.v6_domain", "six.test"},
	{"site.one.token_domain", "six.test"},
	{"site.two.token_domain", "a.seis.test"},
	{"site.one.title", "IPv6 e-mail checker"},
	{"site.one.contact", "postmaster"},
	{"site.two.language", "es"},
	{"site.two.title", "Prueba \xc3\xb1"},
	{"site.three.title", NULL},
	{"site.one", NULL},
	{"dual", NULL},
	{"dual.", NULL},
	{"", NULL},
	{"site.one.v6_domain ", NULL},
};

#define FULL                                                                                       \
	GOOD "[site two]\nv6_domain = seis.test\ndual_domain = doble.test\nlanguage = es\n"        \
	     "title = Prueba \xc3\xb1 ; a remark\n[v6]\n# a remark\nqueue_directory = /q6\n"       \
	     "[site two]\ntoken_domain = a.seis.test\n[site one]\ntoken_domain ="

static void test_get_and_defaults(void **state)
{
	auto_free char *errors = NULL;
	struct config *config = read_text(FULL, sizeof(FULL) - 1, &errors);

	(void)state;
	assert_string_equal(errors, "");
	for (size_t i = 0; i < COUNT(effective); i++) {
		const char *value = config_get(config, effective[i].name);

		print_message("%s\n", effective[i].name);
		if (effective[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, effective[i].value);
	}
	assert_int_equal(config->n_sites, 2);
	config_free(config);
}

static char *print_config(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	config_print(config, out);
	fclose(out);
	return text;
}

// "site.NAME.option = value  # where" as an INI file again.
static char *to_file(const char *printed)
{
	char *file = calloc(4, strlen(printed)), *copy = strdup(printed), *rest = copy;

	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
		char *equals = strstr(line, " = "), *dot, *remark = strstr(line, "  # ");

		assert_non_null(equals);
		assert_non_null(remark);
		*equals = *remark = '\0';
		dot = strrchr(line, '.');
		*dot = '\0';
		if (strncmp(line, "site.", 5) == 0)
			line[4] = ' ';
		sprintf(file + strlen(file), "[%s]\n%s = %s\n", line, dot + 1, equals + 3);
	}
	free(copy);
	return file;
}

// Without the remarks, which tell where each came from.
static char *values_of(const char *printed)
{
	char *values = calloc(1, strlen(printed) + 1);

	for (const char *line = printed; *line != '\0'; line += strcspn(line, "\n") + 1) {
		const char *remark = strstr(line, "  # ");

		strncat(values, line, (size_t)(remark - line));
		strcat(values, "\n");
	}
	return values;
}

static void test_print_round_trip(void **state)
{
	auto_free char *errors = NULL, *again_errors = NULL;
	struct config *config = read_text(FULL, sizeof(FULL) - 1, &errors);
	auto_free char *printed = print_config(config);
	auto_free char *file = to_file(printed);
	struct config *again = read_text(file, strlen(file), &again_errors);
	auto_free char *before = values_of(printed), *reprinted = NULL, *after = NULL;
	char where[100];

	(void)state;
	snprintf(where, sizeof(where), "\nv6.queue_directory = /q6  # %s:19\n", path);
	assert_non_null(strstr(printed, where));
	snprintf(where, sizeof(where), "\nsite.one.v6_domain = six.test  # %s:10\n", path);
	assert_non_null(strstr(printed, where));
	assert_non_null(strstr(printed, "\nsite.two.contact = postmaster  # default\n"));

	assert_string_equal(again_errors, "");
	reprinted = print_config(again);
	after = values_of(reprinted);
	assert_string_equal(before, after);
	assert_null(strstr(reprinted, "# default"));
	config_free(config);
	config_free(again);
}

// Every row has its five columns, and each name is one that config_get knows.
static void test_print_options(void **state)
{
	auto_free char *errors = NULL;
	struct config *config = read_text(GOOD, sizeof(GOOD) - 1, &errors);
	char *text = NULL;
	size_t size = 0, n = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	config_print_options(out);
	fclose(out);
	for (char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1, n++) {
		char name[100], type[20];
		int tabs = 0;

		for (const char *c = line; *c != '\n'; c++)
			tabs += *c == '\t';
		assert_int_equal(tabs, 4);
		assert_int_equal(sscanf(line, "%99[^\t]\t%19[^\t]", name, type), 2);
		if (strncmp(name, "site.", 5) == 0) {
			memmove(name + 9, name + 5, strlen(name + 5) + 1);
			memcpy(name, "site.one.", 9);
		}
		assert_non_null(config_get(config, name));
	}
	assert_int_equal(n, n_options);
	free(text);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_34_faults),
		cmocka_unit_test(test_34_all_faults_at_once),
		cmocka_unit_test(test_34_values_of_more_types),
		cmocka_unit_test(test_34_sites_max),
		cmocka_unit_test(test_34_no_such_file),
		cmocka_unit_test(test_get_and_defaults),
		cmocka_unit_test(test_print_round_trip),
		cmocka_unit_test(test_print_options),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
