// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix dns: what all hosts behind a site's domains publish together, told from what is this
// host's alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <sysexits.h>

#include "cli/verbs.h"
#include "unit/folder.h"

static char said[16000];

static void write_config(const char *token_domain)
{
	char text[2000];
	int len = snprintf(text, sizeof(text),
			   "[postsix]\noperator_address = o@good.test\n"
			   "[dual]\nhostname = mx.dual.test\nlisten = 192.0.2.25 2001:db8:25::25\n"
			   "[v6]\nhostname = mx.six.test\nlisten = 2001:db8:25::6\n"
			   "[site one]\nv6_domain = six.test\ndual_domain = dual.test\n"
			   "token_domain = %s\n"
			   "[site two]\nv6_domain = seis.test\ndual_domain = doble.test\n",
			   token_domain);

	folder_write("conf", text, (size_t)len);
}

// What it prints for the site.
static void call(const char *site, bool is_bare)
{
	char *argv[] = {(char *)(uintptr_t) "dns",
			(char *)(uintptr_t) "-c",
			(char *)(uintptr_t)folder_file("conf"),
			(char *)(uintptr_t) "--zone",
			NULL,
			NULL};
	int argc = is_bare ? 4 : 3, out = dup(1);
	int file = open(folder_file("said"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t len;

	if (site != NULL)
		argv[argc++] = (char *)(uintptr_t)site;
	argv[argc] = NULL;
	fflush(NULL);
	dup2(file, 1);
	optind = 0;
	assert_int_equal(verb_dns(argc, argv), EX_OK);
	fflush(NULL);
	dup2(out, 1);
	len = pread(file, said, sizeof(said) - 1, 0);
	said[len < 0 ? 0 : len] = '\0';
	close(file);
	close(out);
}

// The lines that begin with that, in the order of the text.
static const char *lines(const char *prefix)
{
	static char found[2000];

	found[0] = '\0';
	for (const char *line = said; *line != '\0'; line += strcspn(line, "\n") + 1)
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			snprintf(found + strlen(found), sizeof(found) - strlen(found), "%.*s\n",
				 (int)strcspn(line, "\n"), line);
	return found;
}

// Where in the text it is; it must be there.
static size_t place(const char *text)
{
	const char *found = strstr(said, text);

	if (found == NULL)
		fail_msg("%s is not in:\n%s", text, said);
	return (size_t)(found - said);
}

static void test_token_domain(void **state)
{
	size_t own;

	(void)state;
	write_config("a.six.test");
	call(NULL, false);
	assert_string_equal(lines("; ---- "),
			    "; ---- site one: what all its hosts publish together\n"
			    "; ---- site one: of this host alone\n"
			    "; ---- site two: of this host alone\n"
			    "; ---- what the sites share: of this host alone\n");
	own = place("; ---- site one: of this host alone");
	assert_true(place("at a name one SPF record, with the addresses of all") < own);
	assert_true(place("\nsix.test. IN MX 10 mx.six.test.\n") < own);
	assert_true(place("\ndual.test. IN MX 10 mx.dual.test.\n") < own);
	assert_true(place("\na.six.test. IN MX 10 mx.six.test.\n") > own);
	assert_true(place("\na.six.test. IN TXT \"v=spf1 ip6:2001:db8:25::6 -all\"\n") > own);
	assert_true(place("; mx-alone: ") > own);
	assert_true(place("\nmx.six.test. IN AAAA 2001:db8:25::6\n") > own);
}

static void test_zone(void **state)
{
	(void)state;
	write_config("a.six.test");
	call("one", true);
	assert_string_equal(lines(";"), "");
	assert_string_equal(lines("a.six.test."), "a.six.test. IN MX 10 mx.six.test.\n"
						  "a.six.test. IN TXT \"v=spf1 "
						  "ip6:2001:db8:25::6 -all\"\n");
	call("two", true);
	assert_string_equal(lines("a.six.test."), "");
}

static void test_without(void **state)
{
	(void)state;
	write_config("");
	call(NULL, false);
	assert_string_equal(lines("; ---- "), "; ---- site one\n; ---- site two\n"
					      "; ---- what the sites share\n");
	assert_null(strstr(said, "mx-alone"));
	assert_null(strstr(said, "at a name one SPF record"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_domain),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_without),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
