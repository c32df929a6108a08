// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// adapter/spool: entries go in, come out in order, and go away.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/entry.h"
#include "adapter/spool.h"

struct fixture {
	char path[100];
	struct spool *spool;
	char seen[500]; // names that on_name was told
	int answer;     // what it answers
};

static int set_up(void **state)
{
	static struct fixture fixture;
	const char *base = getenv("TMPDIR");
	char path[200];

	fixture = (struct fixture){0};
	snprintf(fixture.path, sizeof(fixture.path), "%s/postsix-spool-XXXXXX",
		 base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(fixture.path));
	assert_int_equal(spool_open(fixture.path, &fixture.spool), -ENOENT);
	snprintf(path, sizeof(path), "%s/new", fixture.path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(spool_open(fixture.path, &fixture.spool), -ENOENT);
	snprintf(path, sizeof(path), "%s/quarantine", fixture.path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(spool_open(fixture.path, &fixture.spool), 0);
	*state = &fixture;
	return 0;
}

// The number of files in a folder of the spool, removing them if asked to.
static size_t files_in(const struct fixture *fixture, const char *folder, bool remove)
{
	char path[200];
	struct dirent *item;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", fixture->path, folder);
	dir = opendir(path);
	assert_non_null(dir);
	while ((item = readdir(dir)) != NULL) {
		if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
			continue;
		n++;
		if (remove)
			unlinkat(dirfd(dir), item->d_name, 0);
	}
	closedir(dir);
	if (remove)
		rmdir(path);
	return n;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	fixture->spool = spool_free(fixture->spool);
	files_in(fixture, "new", true);
	files_in(fixture, "quarantine", true);
	return rmdir(fixture->path);
}

static void put(struct fixture *fixture, const char *name, const char *text)
{
	assert_int_equal(spool_put(fixture->spool, name, text, strlen(text)), 0);
}

static int on_name(void *arg, const char *name)
{
	struct fixture *fixture = arg;

	strcat(strcat(fixture->seen, name), " ");
	return fixture->answer;
}

static int each(struct fixture *fixture, size_t max)
{
	*fixture->seen = '\0';
	return spool_each(fixture->spool, max, on_name, fixture);
}

static void test_put_read_remove(void **state)
{
	struct fixture *fixture = *state;
	struct buf buf = buf_make(5);

	put(fixture, "4A-v6-0", "one");
	put(fixture, "4A-v6-0", "two"); // the same delivery
	assert_int_equal(files_in(fixture, "new", false), 1);
	assert_int_equal(spool_read(fixture->spool, "4A-v6-0", &buf), 0);
	assert_string_equal(buf_string(&buf), "two");
	buf_clear(&buf);
	put(fixture, "4B-v6-0", "longer");
	assert_int_equal(spool_read(fixture->spool, "4B-v6-0", &buf), -EFBIG);
	buf_clear(&buf);
	assert_int_equal(spool_read(fixture->spool, "4C-v6-0", &buf), -ENOENT);
	assert_int_equal(spool_remove(fixture->spool, "4A-v6-0"), 0);
	assert_int_equal(spool_remove(fixture->spool, "4A-v6-0"), 0);
	assert_int_equal(files_in(fixture, "new", false), 1);
	buf_free(&buf);
}

static void test_each(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(each(fixture, 10), 0);
	put(fixture, "4C-v6-0", "");
	put(fixture, "4A-v6-0", "");
	put(fixture, "4D-dual-0", "");
	put(fixture, "4B-dual-0", "");
	put(fixture, ".put-1-1", "a temporary file");
	assert_int_equal(each(fixture, 10), 4);
	assert_string_equal(fixture->seen, "4A-v6-0 4B-dual-0 4C-v6-0 4D-dual-0 ");
	assert_int_equal(each(fixture, 4), 4);
	assert_int_equal(each(fixture, 2), 2);
	assert_string_equal(fixture->seen, "4A-v6-0 4B-dual-0 ");
	assert_int_equal(each(fixture, 0), 0);
	fixture->answer = -ECANCELED;
	assert_int_equal(each(fixture, 10), -ECANCELED);
	assert_string_equal(fixture->seen, "4A-v6-0 ");
}

// What intake, taken over, could leave in place of an entry: nothing waits, and nothing is
// followed.
static void test_read_takes_files_only(void **state)
{
	struct fixture *fixture = *state;
	struct buf buf = buf_make(100);
	char path[200], other[200];

	put(fixture, ".secret", "secret");
	snprintf(other, sizeof(other), "%s/new/.secret", fixture->path);
	snprintf(path, sizeof(path), "%s/new/4A-v6-0", fixture->path);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(spool_read(fixture->spool, "4A-v6-0", &buf), -EMEDIUMTYPE);
	assert_int_equal(buf.len, 0);
	assert_int_equal(spool_reject(fixture->spool, "4A-v6-0"), 0);
	assert_int_equal(mkfifo(path, 0666), 0);
	alarm(30); // an open that waits for a writer
	assert_int_equal(spool_read(fixture->spool, "4A-v6-0", &buf), -EMEDIUMTYPE);
	alarm(0);
	assert_int_equal(spool_remove(fixture->spool, "4A-v6-0"), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(spool_read(fixture->spool, "4A-v6-0", &buf), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	buf_free(&buf);
}

static void test_reject(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "4A-v6-0", "nonsense");
	assert_int_equal(spool_reject(fixture->spool, "4A-v6-0"), 0);
	assert_int_equal(files_in(fixture, "new", false), 0);
	assert_int_equal(files_in(fixture, "quarantine", false), 1);
	assert_int_equal(spool_reject(fixture->spool, "4A-v6-0"), -ENOENT);
}

static void test_quarantine_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	char name[20];

	for (int i = 0; i < SPOOL_QUARANTINE_MAX; i++) {
		snprintf(name, sizeof(name), "4A-v6-%d", i);
		assert_int_equal(spool_quarantine(fixture->spool, name, "x", 1), 0);
	}
	assert_int_equal(spool_quarantine(fixture->spool, "4B-v6-0", "x", 1), -EDQUOT);
	assert_int_equal(files_in(fixture, "quarantine", false), SPOOL_QUARANTINE_MAX);
}

// What writers that were killed left is swept; what one is writing now is not.
static void test_1_sweep(void **state)
{
	struct fixture *fixture = *state;
	const struct timespec hours_ago[2] = {{.tv_sec = time(NULL) - 7200},
					      {.tv_sec = time(NULL) - 7200}};
	char path[200];

	put(fixture, ".put-1-1", "old");
	put(fixture, ".put-2-1", "new");
	put(fixture, "4A-v6-0", "an entry that waits");
	for (const char **name = (const char *[]){".put-1-1", "4A-v6-0", NULL}; *name != NULL;
	     name++) {
		snprintf(path, sizeof(path), "%s/new/%s", fixture->path, *name);
		assert_int_equal(utimensat(AT_FDCWD, path, hours_ago, 0), 0);
	}
	spool_free(fixture->spool);
	assert_int_equal(spool_open(fixture->path, &fixture->spool), 0);
	assert_int_equal(files_in(fixture, "new", false), 2);
	assert_int_equal(each(fixture, 10), 1);
}

static void test_watch_path(void **state)
{
	struct fixture *fixture = *state;
	char path[200];

	snprintf(path, sizeof(path), "%s/new", fixture->path);
	assert_string_equal(spool_watch_path(fixture->spool), path);
	assert_null(spool_free(NULL));
}

#define SPOOL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(test_put_read_remove),
		SPOOL_TEST(test_each),
		SPOOL_TEST(test_reject),
		SPOOL_TEST(test_quarantine_is_bounded),
		SPOOL_TEST(test_1_sweep),
		SPOOL_TEST(test_watch_path),
		SPOOL_TEST(test_read_takes_files_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
