// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// file: whole reads, whole writes, and a durable put that leaves all or nothing (RELIABILITY 2).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

struct folder {
	char path[200];
	int fd;
};

static int folder_make(void **state)
{
	static struct folder folder;
	const char *base = getenv("TMPDIR");

	snprintf(folder.path, sizeof(folder.path), "%s/postsix-file-XXXXXX", base ? base : "/tmp");
	if (mkdtemp(folder.path) == NULL)
		return -1;
	folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &folder;
	return folder.fd < 0 ? -1 : 0;
}

// Removes what is in the folder; returns how much that was.
static int folder_empty(const struct folder *folder)
{
	DIR *dir = opendir(folder->path);
	const struct dirent *entry;
	int n = 0;

	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			n += unlinkat(folder->fd, entry->d_name, 0) == 0;
	}
	closedir(dir);
	return n;
}

static int folder_remove(void **state)
{
	struct folder *folder = *state;

	folder_empty(folder);
	close(folder->fd);
	return rmdir(folder->path);
}

static void test_put_and_read(void **state)
{
	const struct folder *folder = *state;
	auto_buf struct buf buf = buf_make(100);

	assert_int_equal(file_put_durably(folder->fd, "one", "a\0b", 3), 0);
	assert_int_equal(file_read_at(folder->fd, "one", &buf), 0);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "a\0b", 3);
	assert_int_equal(file_put_durably(folder->fd, "one", "", 0), 0); // replaces
	buf_clear(&buf);
	assert_int_equal(file_read_at(folder->fd, "one", &buf), 0);
	assert_int_equal(buf.len, 0);
	assert_int_equal(folder_empty(folder), 1);
	assert_int_equal(file_read_at(folder->fd, "one", &buf), -ENOENT);
}

static void test_mode_is_for_the_group_at_most(void **state)
{
	const struct folder *folder = *state;
	mode_t old = umask(0);
	struct stat status;

	assert_int_equal(file_put_durably(folder->fd, "one", "x", 1), 0);
	umask(old);
	assert_int_equal(fstatat(folder->fd, "one", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
}

static void test_read_stops_at_the_ceiling(void **state)
{
	static const struct {
		size_t len, max;
		int expect;
	} rows[] = {
		{0, 0, 0},          {1, 0, -EFBIG},         {10, 10, 0},
		{11, 10, -EFBIG},   {16384, 16384, 0},      {16385, 16384, -EFBIG},
		{40000, 40000, 0},  {40000, 39999, -EFBIG}, {40000, 16383, -EFBIG},
		{40000, 100000, 0},
	};
	const struct folder *folder = *state;
	static char data[40000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i % 251);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_buf struct buf buf = buf_make(rows[i].max);

		assert_int_equal(file_put_durably(folder->fd, "one", data, rows[i].len), 0);
		assert_int_equal(file_read_at(folder->fd, "one", &buf), rows[i].expect);
		assert_int_equal(buf_failed(&buf), rows[i].expect != 0);
		assert_int_equal(buf.len, rows[i].expect != 0 ? rows[i].max : rows[i].len);
		assert_memory_equal(buf_string(&buf), data, buf.len);
	}
}

static void on_signal(int signal)
{
	(void)signal;
}

// The pipe is full after 64 KiB: the first signal cuts that write short, the second interrupts the
// next.
static void test_2_write_goes_on_after_short_writes(void **state)
{
	const struct sigaction action = {.sa_handler = on_signal};
	static char data[300000];
	auto_buf struct buf buf = buf_make(sizeof(data));
	int ends[2];
	pid_t child;
	int status = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i % 251);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		_exit(file_write_fd(ends[1], data, sizeof(data)) == 0 ? 0 : 1);
	}
	close(ends[1]);
	usleep(50000);
	kill(child, SIGUSR1);
	usleep(50000);
	kill(child, SIGUSR1);
	assert_int_equal(file_read_fd(ends[0], &buf), 0);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(buf.len, sizeof(data));
	assert_memory_equal(buf.data, data, sizeof(data));
	assert_int_equal(file_write_fd(-1, data, 1), -EBADF);
	assert_int_equal(file_write_fd(-1, data, 0), 0);
	assert_int_equal(file_read_fd(-1, &buf), -EBADF);
}

// A signal without SA_RESTART interrupts the read; it does not give up.
static void test_2_interrupted(void **state)
{
	const struct sigaction action = {.sa_handler = on_signal};
	auto_buf struct buf buf = buf_make(10);
	int ends[2];
	pid_t child;

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		usleep(50000);
		kill(getppid(), SIGUSR1);
		usleep(50000);
		_exit(file_write_fd(ends[1], "late", 4) == 0 ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(file_read_fd(ends[0], &buf), 0);
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_string_equal(buf_string(&buf), "late");
}

// The disk is full: the old file stays, no temporary one does.
static void test_2_failed_write_leaves_nothing(void **state)
{
	const struct folder *folder = *state;
	const struct rlimit small = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
	auto_buf struct buf buf = buf_make(100);
	static char data[10000];
	struct rlimit old;
	int result;

	assert_int_equal(file_put_durably(folder->fd, "one", "old", 3), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	setrlimit(RLIMIT_FSIZE, &small);
	result = file_put_durably(folder->fd, "one", data, sizeof(data));
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(result, -EFBIG);
	assert_int_equal(file_read_at(folder->fd, "one", &buf), 0);
	assert_string_equal(buf_string(&buf), "old");
	assert_int_equal(folder_empty(folder), 1);
}

// Whoever may write the folder cannot have us write into a file of theirs, or change another's
// mode.
static void test_put_into_a_folder_of_others(void **state)
{
	const struct folder *folder = *state;
	auto_buf struct buf buf = buf_make(100);
	char name[64];
	struct stat info;
	mode_t mask;

	assert_int_equal(file_put_durably(folder->fd, "theirs", "old", 3), 0);
	for (int i = 0; i < 200; i++) { // whatever number is next
		snprintf(name, sizeof(name), ".put-%d-%d", (int)getpid(), i);
		assert_int_equal(linkat(folder->fd, "theirs", folder->fd, name, 0), 0);
	}
	assert_int_equal(symlinkat("theirs", folder->fd, "one"), 0);
	mask = umask(0077);
	assert_int_equal(file_put_for_all(folder->fd, "one", "new", 3), 0);
	umask(mask);
	assert_int_equal(fstatat(folder->fd, "one", &info, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(info.st_mode, S_IFREG | 0644);
	assert_int_equal(info.st_nlink, 1);
	assert_int_equal(file_read_at(folder->fd, "theirs", &buf), 0);
	assert_string_equal(buf_string(&buf), "old");
}

// A folder's descriptor that can name files but not be synced: stored is only what is synced.
static void test_2_failed_fsync_is_not_stored(void **state)
{
	const struct folder *folder = *state;
	int unsyncable = open(folder->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(unsyncable >= 0);
	assert_int_equal(file_put_durably(unsyncable, "one", "x", 1), -EBADF);
	close(unsyncable);
	assert_int_equal(folder_empty(folder), 0);
}

static void test_2_failed_rename_leaves_nothing(void **state)
{
	const struct folder *folder = *state;

	assert_int_equal(file_put_durably(folder->fd, "no/such", "x", 1), -ENOENT);
	assert_int_equal(folder_empty(folder), 0);
	assert_int_equal(file_put_durably(-1, "one", "x", 1), -EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_put_and_read),
		TEST(test_mode_is_for_the_group_at_most),
		TEST(test_read_stops_at_the_ceiling),
		TEST(test_2_write_goes_on_after_short_writes),
		TEST(test_2_interrupted),
		TEST(test_2_failed_write_leaves_nothing),
		TEST(test_put_into_a_folder_of_others),
		TEST(test_2_failed_fsync_is_not_stored),
		TEST(test_2_failed_rename_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
