// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Where a secret is read from, with credentials of a service manager and without.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/credential.h"
#include "unit/folder.h"

#define PLACE "/etc/postsix/keys/one.rsa"

static const char *place(const char *path)
{
	static char dst[PATH_MAX];

	return credential_place(path, dst);
}

static void test_place(void **state)
{
	char folder[200];

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_string_equal(place(PLACE), PLACE);
	snprintf(folder, sizeof(folder), "%s", folder_path);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_string_equal(place(PLACE), PLACE);
	assert_string_equal(place("one.rsa"), "one.rsa");
	assert_string_equal(place("/one.rsa"), "/one.rsa");
	folder_write("keys_one.rsa", "x", 1);
	assert_string_equal(place(PLACE), folder_file("keys_one.rsa"));
	assert_string_equal(place("/elsewhere/one.rsa"), "/elsewhere/one.rsa");
	folder_write("one.rsa", "x", 1);
	assert_string_equal(place(PLACE), folder_file("one.rsa"));
	assert_string_equal(place("/one.rsa"), folder_file("one.rsa"));
}

// A file changed after its copy was made is told from one that was not; without a copy none is.
static void test_stale(void **state)
{
	char path[300];

	(void)state;
	mkdir(folder_file("etc"), 0755);
	folder_write("etc/secret", "x", 1);
	snprintf(path, sizeof(path), "%s", folder_file("etc/secret"));
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_false(credential_is_stale(path));
	setenv("CREDENTIALS_DIRECTORY", folder_path, 1);
	assert_false(credential_is_stale(path));
	usleep(20000); // the file system's clock ticks slower than ours
	folder_write("secret", "x", 1);
	assert_false(credential_is_stale(path));
	usleep(20000);
	folder_write("etc/secret", "y", 1);
	assert_true(credential_is_stale(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_place, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_stale, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
