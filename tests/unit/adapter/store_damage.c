// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// store: RELIABILITY faults 3, 4, 5 and 37: full, locked, damaged, not ours, not writable. It is
// never served on a bad database, and never half.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "adapter/store.h"
#include "unit/database.h"
#include "unit/folder.h"

#define COUNT(a)       (sizeof(a) / sizeof((a)[0]))
#define PAGE           4096
#define TRIALS         200
#define DAMAGED        "it is not a database, or it is damaged; restore it from a backup or move it away"
#define DAMAGED_INSIDE "it is damaged; restore it from a backup or move it away"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// One request with a message, in a transaction of its own. Rolls back on failure.
static int add(struct store *store, uint64_t id, const char *subject)
{
	char entry[40];
	struct store_request row = {.id = id,
				    .entry = entry,
				    .arrived = 1,
				    .decision = "answer",
				    .site = "",
				    .requester = "a@good.test",
				    .instance = "",
				    .queue_id = "",
				    .recipient = "",
				    .client_address = "",
				    .client_hostname = "",
				    .client_helo = "",
				    .client_protocol = "",
				    .message_id = "",
				    .references = "",
				    .in_reply_to = "",
				    .subject = subject,
				    .trace = "",
				    .authenticated = "",
				    .fingerprint = "f",
				    .mailbox = "a@good.test"};
	int r = store_begin(store);

	snprintf(entry, sizeof(entry), "e%llx", (unsigned long long)id);
	if (r == 0)
		r = store_add_request(store, &row);
	if (r == 0)
		r = store_add_mail(store, id, KIND_SIX, 1, 1, 0);
	if (r == 0)
		r = store_commit(store);
	if (r < 0)
		store_rollback(store);
	return r;
}

static int open_error; // of the last open_sentence
static const char *open_sentence(const char *path)
{
	struct store *store = NULL;
	const char *sentence = store_open(path, &store, &open_error);

	assert_int_equal(sentence == NULL, store != NULL);
	assert_int_equal(sentence == NULL, open_error == 0);
	store_free(store);
	return sentence == NULL ? "" : sentence;
}

// Some hundred pages, all in the file itself.
static void make_filled(const char *path)
{
	struct store *store = NULL;
	char subject[1501];

	memset(subject, 's', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	assert_null(store_open(path, &store, NULL));
	for (uint64_t i = 1; i <= 200; i++)
		assert_int_equal(add(store, i << 8, subject), 0);
	store_free(store);
}

static char *read_whole(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "r");
	char *data = malloc(4 << 20);

	*ret_len = fread(data, 1, 4 << 20, file);
	fclose(file);
	return data;
}

// ---- damaged, foreign, newer --------------------------------------------------------------------

static void test_5_not_a_database(void **state)
{
	static const char garbage[8192] = "From test@six.test\nThis is no database.\n";

	(void)state;
	folder_write("db", garbage, sizeof(garbage));
	assert_string_equal(open_sentence(folder_file("db")), DAMAGED);
	folder_write("db", garbage, 40);
	assert_string_equal(open_sentence(folder_file("db")), DAMAGED);
	assert_int_equal(open_error, -EUCLEAN);
	mkdir(folder_file("folder"), 0755);
	assert_string_equal(open_sentence(folder_file("folder")), "unable to open database file");
	assert_string_equal(open_sentence(folder_file("no/such")), "unable to open database file");
	assert_int_equal(open_error, -EACCES);
}

static void test_5_truncated(void **state)
{
	size_t len = 0;
	char *data;

	(void)state;
	make_filled(folder_file("whole"));
	data = read_whole(folder_file("whole"), &len);
	assert_true(len > 100 * PAGE);
	{
		// (Nobody can see what is lost within the last page; SQLite takes one octet for a
		// new database.)
		const size_t sizes[] = {
			50,       99,       100,       512,     PAGE - 1,       PAGE,
			PAGE + 1, 2 * PAGE, 33 * PAGE, len / 2, len - 2 * PAGE, len - PAGE};

		for (size_t i = 0; i < COUNT(sizes); i++) {
			folder_write("db", data, sizes[i]);
			assert_string_not_equal(open_sentence(folder_file("db")), "");
		}
	}
	folder_write("db", data, len);
	assert_string_equal(open_sentence(folder_file("db")), "");
	free(data);
}

// Every question there is, as the daemon asks them: whatever comes, it comes back.
static void ask_everything(struct store *store)
{
	struct store_mail *mail = NULL;
	struct store_probe probe = {0};
	int64_t number;
	uint64_t id;
	int r = store_begin(store);

	assert_true(r <= 0);
	for (uint64_t i = 1; i <= 200; i += 20) {
		assert_true(store_has_entry(store, "e100") <= 1);
		assert_true(store_count_answers(store, "a@good.test", 0, 9, &number) <= 0);
		assert_true(store_has_fingerprint(store, "f", 0) <= 1);
		if (store_find_probe(store, kind_id(i << 8, KIND_SIX), &probe) == 1)
			free(probe.requester);
		assert_true(store_find_silent(store, 5, INT64_MAX, &id) <= 1);
		assert_true(store_find_stale(store, true, 5, INT64_MAX, &id) <= 1);
		assert_true(store_next_due(store, &number) <= 0);
		if (store_claim_mail(store, true, 5, &mail) == 1) {
			assert_true(store_mail_sent(store, mail->id, 6, "Q") <= 0);
			store_mail_free(mail);
		}
	}
	store_rollback(store);
	(void)add(store, 0x7000 + 16, "new");
	assert_true(store_requeue_sending(store, 7) <= 200);
}

// Flips bits in a random page; a database that opens in spite of it may give any answer but a
// crash.
static void test_5_random_bits(void **state)
{
	size_t len = 0, refused = 0;
	char *data;

	(void)state;
	make_filled(folder_file("whole"));
	data = read_whole(folder_file("whole"), &len);
	srandom(6);
	for (int trial = 0; trial < TRIALS; trial++) {
		size_t at = (size_t)random() % (len / PAGE) * PAGE + (size_t)random() % (PAGE - 16);
		char copy[16];
		struct store *store = NULL;

		memcpy(copy, data + at, sizeof(copy));
		for (size_t i = 0; i < sizeof(copy); i++)
			data[at + i] ^= (char)random();
		folder_write("db", data, len);
		memcpy(data + at, copy, sizeof(copy));
		if (store_open(folder_file("db"), &store, NULL) == NULL)
			ask_everything(store);
		else
			refused++;
		store_free(store);
		unlink(folder_file("db-wal"));
		unlink(folder_file("db-shm"));
	}
	print_message("%zu of %d refused\n", refused, TRIALS);
	assert_true(refused > 0);
	free(data);
}

// The head of any page, where its structure stands, is always missed.
static void test_5_page_heads(void **state)
{
	size_t len = 0;
	char *data;

	(void)state;
	make_filled(folder_file("whole"));
	data = read_whole(folder_file("whole"), &len);
	srandom(7);
	for (int trial = 0; trial < TRIALS; trial++) {
		char *page = data + (size_t)random() % (len / PAGE) * PAGE;
		char copy[8];
		const char *sentence;

		memcpy(copy, page, sizeof(copy));
		memset(page, 0xff, sizeof(copy));
		folder_write("db", data, len);
		memcpy(page, copy, sizeof(copy));
		sentence = open_sentence(folder_file("db"));
		assert_true(strcmp(sentence, DAMAGED) == 0 ||
			    strcmp(sentence, DAMAGED_INSIDE) == 0);
	}
	free(data);
}

static void test_5_37_other_databases(void **state)
{
	static const struct {
		const char *sql, *sentence;
	} rows[] = {
		{"CREATE TABLE bookmarks (url)", "it is some other program's database"},
		{"CREATE TABLE a (b); PRAGMA application_id = 77; PRAGMA user_version = 1",
		 "it is some other program's database"},
		{"CREATE TABLE a (b); PRAGMA application_id = 1886611832; PRAGMA user_version = 5",
		 "it was written by a newer postsix; upgrade, or restore a backup from before"},
		{"CREATE TABLE a (b); PRAGMA application_id = 1886611832;"
		 "PRAGMA user_version = 2147483647",
		 "it was written by a newer postsix; upgrade, or restore a backup from before"},
		{"CREATE TABLE request (a); PRAGMA application_id = 1886611832",
		 "its schema cannot be brought up to date: table request already exists"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *before, *after;
		size_t len = 0, len_after = 0;

		unlink(folder_file("db"));
		sqlite3_close(database_hold(folder_file("db"), rows[i].sql));
		before = read_whole(folder_file("db"), &len);
		assert_string_equal(open_sentence(folder_file("db")), rows[i].sentence);
		after = read_whole(folder_file("db"), &len_after); // and it was left alone
		assert_int_equal(len, len_after);
		assert_memory_equal(before, after, len);
		free(before);
		free(after);
	}
}

// ---- not writable -------------------------------------------------------------------------------

// store_open's sentence as somebody without root's rights gets it.
static const char *sentence_of_nobody(const char *path)
{
	static char sentence[300];
	int ends[2], status = -1;
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		const char *said;

		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(2);
		said = open_sentence(path);
		_exit(write(ends[1], said, strlen(said) + 1) < 0);
	}
	close(ends[1]);
	n = read(ends[0], sentence, sizeof(sentence));
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(n > 0);
	return sentence;
}

// (That it is damaged and should be moved away would be the wrong advice.)
static void test_5_read_only(void **state)
{
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(chown(folder_path, 65534, 65534), 0);
	assert_string_equal(sentence_of_nobody(folder_file("db")), "");

	assert_int_equal(chmod(folder_file("db"), 0444), 0);
	assert_string_equal(sentence_of_nobody(folder_file("db")), "it cannot be written");
	assert_int_equal(chmod(folder_file("db"), 0), 0);
	assert_string_equal(sentence_of_nobody(folder_file("db")), "unable to open database file");
	assert_int_equal(chmod(folder_file("db"), 0644), 0);

	assert_int_equal(chmod(folder_path, 0555), 0);
	assert_string_equal(sentence_of_nobody(folder_file("db")),
			    "attempt to write a readonly database");
	assert_string_equal(sentence_of_nobody(folder_file("new")), "unable to open database file");
	assert_int_equal(chmod(folder_path, 0755), 0);
	assert_string_equal(sentence_of_nobody(folder_file("db")), "");
}

// ---- locked -------------------------------------------------------------------------------------

static void test_4_locked(void **state)
{
	static const char *const locks[] = {"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"};
	struct store *store = NULL;

	(void)state;
	assert_null(store_open(folder_file("db"), &store, NULL));
	for (size_t i = 0; i < COUNT(locks); i++) {
		sqlite3 *other = database_hold(folder_file("db"), locks[i]);
		int64_t start = now_ms();

		assert_int_equal(store_begin(store), -EAGAIN);
		store_rollback(store);
		assert_int_equal(store_requeue_sending(store, 1), -EAGAIN);
		assert_int_equal(add(store, 0x100 + (i << 4), "s"), -EAGAIN);
		// a single statement that waits as one at the start does is that long
		assert_true(now_ms() - start < 5000);
		sqlite3_close(other); // rolls back
		assert_string_equal(database_ask(folder_file("db"), "SELECT count(*) FROM request"),
				    i == 0 ? "0\n" : "1\n");
		assert_int_equal(add(store, 0x100 + (i << 4), "s"), 0);
	}
	store_free(store);
}

static void test_4_locked_at_the_start(void **state)
{
	sqlite3 *other;

	(void)state;
	assert_string_equal(open_sentence(folder_file("db")), "");
	other = database_hold(folder_file("db"), "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"
						 "UPDATE message SET due = 1");
	assert_string_equal(open_sentence(folder_file("db")), "database is locked");
	assert_int_equal(open_error, -EAGAIN);
	sqlite3_close(other);
	assert_string_equal(open_sentence(folder_file("db")), "");
}

// Who looks into it while it is opened, and is slow, does not keep it shut.
static void test_4_locked_for_a_moment(void **state)
{
	const struct timespec moment = {.tv_nsec = 700000000};
	int ready[2], status;
	char byte;
	pid_t child;

	(void)state;
	assert_string_equal(open_sentence(folder_file("db")), "");
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		database_hold(folder_file("db"), "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"
						 "UPDATE message SET due = 1");
		_exit(write(ready[1], "", 1) != 1 || nanosleep(&moment, NULL) != 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_string_equal(open_sentence(folder_file("db")), "");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ready[0]), close(ready[1]);
}

// ---- full ---------------------------------------------------------------------------------------

// Adds until it fails; returns the error and how many went in before.
static int fill(struct store *store, uint64_t first, int64_t *ret_n)
{
	char subject[1501];
	int r = 0;

	memset(subject, 's', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	for (*ret_n = 0; r == 0 && *ret_n < 5000; *ret_n += r == 0)
		r = add(store, first + ((uint64_t)*ret_n << 8), subject);
	return r;
}

// A file that may not grow: SQLite's EIO, as it takes only ENOSPC for a full disk.
static void test_2_3_file_cannot_grow(void **state)
{
	const struct rlimit small = {.rlim_cur = 400000, .rlim_max = RLIM_INFINITY};
	struct store *store = NULL;
	struct rlimit old;
	int64_t n = 0;
	int r;

	(void)state;
	assert_null(store_open(folder_file("db"), &store, NULL));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	setrlimit(RLIMIT_FSIZE, &small);
	r = fill(store, 0x100, &n);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(r, -EIO);
	assert_true(n > 5);
	assert_int_equal(add(store, 0xf00100, "room again"), 0);
	assert_int_equal(store_has_entry(store, "ef00100"), 1);
	assert_string_equal(database_ask(folder_file("db"), "PRAGMA integrity_check"), "ok\n");
	store_free(store);
}

// In a child: a mount of its own needs root, or a user namespace.
static int fill_small_disk(void)
{
	struct store *store = NULL;
	int64_t n = 0;
	char *filler = malloc(600000);
	int fd, r;

	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 77;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("postsix", folder_path, "tmpfs", 0, "size=1m") < 0)
		return 77;
	memset(filler, 'x', 600000);
	fd = open(folder_file("filler"), O_WRONLY | O_CREAT, 0600);
	if (write(fd, filler, 600000) != 600000 ||
	    store_open(folder_file("db"), &store, NULL) != NULL)
		return 1;
	free(filler);
	r = fill(store, 0x100, &n);
	if (r != -ENOSPC || n < 5)
		return 2;
	if (add(store, 0xf00000, "more") != -ENOSPC && !store_has_entry(store, "ef00000"))
		return 3;
	if (ftruncate(fd, 0) < 0 || add(store, 0xf00100, "room again") != 0 ||
	    store_has_entry(store, "e100") != 1 || store_has_entry(store, "ef00100") != 1)
		return 4;
	store_free(store);
	return strcmp(open_sentence(folder_file("db")), "") == 0 ? 0 : 5;
}

static void test_3_disk_full(void **state)
{
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0)
		_exit(fill_small_disk());
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status == 77 << 8)
		skip();
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_5_not_a_database),
		TEST(test_5_truncated),
		TEST(test_5_random_bits),
		TEST(test_5_page_heads),
		TEST(test_5_37_other_databases),
		TEST(test_5_read_only),
		TEST(test_4_locked),
		TEST(test_4_locked_at_the_start),
		TEST(test_4_locked_for_a_moment),
		TEST(test_2_3_file_cannot_grow),
		TEST(test_3_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
