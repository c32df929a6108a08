// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// store: RELIABILITY fault 3 at the start, where the disk has no room for one file more: it passes,
// and is not a file without rights.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/store.h"
#include "unit/folder.h"

#define NOT_ALLOWED 77

static int open_error(void)
{
	struct store *store = NULL;
	int error = 1;
	const char *fault = store_open(folder_file("db"), &store, &error);

	store_free(store);
	return (fault == NULL) == (error == 0) ? error : 1;
}

// In a child: a mount of its own needs root, or a user namespace. The folder, the database and its
// two companions are four files.
static int fill_up(void)
{
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return NOT_ALLOWED;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("postsix", folder_path, "tmpfs", 0, "nr_inodes=4") < 0)
		return NOT_ALLOWED;
	if (open_error() != 0)
		return 1;
	folder_write("one", "", 0);
	folder_write("two", "", 0);
	if (open_error() != -ENOSPC)
		return 2;
	unlink(folder_file("one"));
	unlink(folder_file("two"));
	return open_error() == 0 ? 0 : 3;
}

static void test_3_no_inodes(void **state)
{
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0)
		_exit(fill_up());
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status == NOT_ALLOWED << 8) {
		print_message("# skipped: mounts are not allowed\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_3_no_inodes, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
