// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix dkim-key: files made and left alone, records as a zone file wants them (RFC 1035 section
// 5.1), exit statuses (fault 34).
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

static char said[8000]; // on standard output and standard error

static int make_folder(void **state)
{
	char text[2000];
	int len;

	if (folder_make(state) < 0)
		return -1;
	len = snprintf(text, sizeof(text),
		       "[postsix]\noperator_address = o@good.test\ntoken_secret_file = %s/secret\n"
		       "[dual]\nhostname = mx.dual.test\nlisten = 192.0.2.25 2001:db8:25::25\n"
		       "[v6]\nhostname = mx.six.test\nlisten = 2001:db8:25::6\n"
		       "[site one]\nv6_domain = six.test\ndual_domain = dual.test\n"
		       "dkim_key_file = %s/rsa\ndkim_ed25519_key_file = %s/ed25519\n"
		       "dkim_selector = a.b\n"
		       "[site two]\nv6_domain = seis.test\ndual_domain = doble.test\n",
		       folder_path, folder_path, folder_path);
	folder_write("conf", text, (size_t)len);
	folder_write("secret", "0123456789abcdef", 16);
	return 0;
}

// Calls the verb with -c and these words; said is what it printed.
static int call(const char *first, const char *second, const char *third)
{
	char *argv[] = {(char *)(uintptr_t) "dkim-key",
			(char *)(uintptr_t) "-c",
			(char *)(uintptr_t)folder_file("conf"),
			(char *)(uintptr_t)first,
			(char *)(uintptr_t)second,
			(char *)(uintptr_t)third,
			NULL};
	int argc = 3 + (first != NULL) + (second != NULL) + (third != NULL);
	int out = dup(1), err = dup(2), status;
	int file = open(folder_file("said"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t len;

	fflush(NULL);
	dup2(file, 1);
	dup2(file, 2);
	optind = 0;
	status = verb_dkim_key(argc, argv);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	len = pread(file, said, sizeof(said) - 1, 0);
	said[len < 0 ? 0 : len] = '\0';
	close(file);
	close(out);
	close(err);
	return status;
}

// The strings of a record, joined, and how long each is; NULL at its end.
static const char *join(const char *record, const char *owner)
{
	static char text[2000];
	char head[200];
	size_t len = 0;

	snprintf(head, sizeof(head), "%s. IN TXT ( \"", owner);
	record = strstr(record, head);
	assert_non_null(record);
	record += strlen(head);
	for (;;) {
		size_t n = strcspn(record, "\"");

		assert_in_range(n, 1, 255);
		memcpy(text + len, record, n);
		len += n;
		if (strncmp(record + n, "\"\n\t\"", 4) != 0)
			break;
		record += n + 4;
	}
	assert_int_equal(strncmp(record + strcspn(record, "\""), "\" )\n", 4), 0);
	text[len] = '\0';
	return text;
}

static void test_makes_and_prints(void **state)
{
	char first[sizeof(said)], record[2000];
	struct stat stat_of;

	(void)state;
	assert_int_equal(call("one", NULL, NULL), EX_OK);
	strcpy(first, said);
	strcpy(record, join(first, "a.b._domainkey.six.test"));
	assert_memory_equal(record, "v=DKIM1; k=rsa; p=MII", 21);
	assert_string_equal(join(first, "a.b._domainkey.dual.test"), record);
	assert_int_equal(stat(folder_file("rsa"), &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0600);

	assert_int_equal(call("--print", "one", NULL), EX_OK);
	assert_string_equal(said, first);
	assert_int_equal(call("one", "--print", NULL), EX_OK);
	assert_string_equal(said, first);

	assert_int_equal(call("one", NULL, NULL), EX_CANTCREAT); // never overwritten
	assert_non_null(strstr(said, "rsa: File exists"));
	assert_int_equal(call("one", "--print", NULL), EX_OK);
	assert_string_equal(said, first);
}

static void test_ed25519(void **state)
{
	const char *record;

	(void)state;
	assert_int_equal(call("--ed25519", "one", NULL), EX_OK);
	record = join(said, "postsix-ed25519._domainkey.six.test");
	assert_memory_equal(record, "v=DKIM1; k=ed25519; p=", 22);
	assert_int_equal(strlen(record), 22 + 44);
	assert_int_equal(access(folder_file("rsa"), F_OK), -1);
	assert_int_equal(call("--ed25519", "--print", "one"), EX_OK);
}

static void test_fault34_refusals(void **state)
{
	(void)state;
	assert_int_equal(call("three", NULL, NULL), EX_USAGE);
	assert_non_null(strstr(said, "has no [site three]"));
	assert_int_equal(call(NULL, NULL, NULL), EX_USAGE);
	assert_int_equal(call("one", "two", NULL), EX_USAGE);
	assert_int_equal(call("--nonsense", "one", NULL), EX_USAGE);
	assert_int_equal(call("two", NULL, NULL), EX_CONFIG);
	assert_non_null(strstr(said, "[site two] has no dkim_key_file"));
	assert_int_equal(call("two", "--ed25519", NULL), EX_CONFIG);
	assert_non_null(strstr(said, "[site two] has no dkim_ed25519_key_file"));
	assert_int_equal(call("one", "--print", NULL), EX_CONFIG);
	assert_non_null(strstr(said, "rsa: No such file or directory"));
	folder_write("rsa", "none", 4);
	chmod(folder_file("rsa"), 0644);
	assert_int_equal(call("one", "--print", NULL), EX_CONFIG);
	assert_non_null(strstr(said, "rsa: others can read or write it"));
	folder_write("conf", "nonsense", 8);
	assert_int_equal(call("one", NULL, NULL), EX_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_makes_and_prints, make_folder, folder_remove),
		cmocka_unit_test_setup_teardown(test_ed25519, make_folder, folder_remove),
		cmocka_unit_test_setup_teardown(test_fault34_refusals, make_folder, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
