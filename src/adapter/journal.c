// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What a newcomer would get wrong: a line at the end of a file may still be being written, so only
// what ends in a newline is one; and a file that was renamed is not over before the new one is
// there, since its writer may go on for a while.

#include "adapter/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK      32768
#define MAIL_OWNER "postfix" // (mail_owner in postconf(5))

struct journal {
	char *instance;
	sd_journal *sd; // NULL: a file
	char kept[JOURNAL_PLACE_SIZE];
	char *path;
	int fd; // -1: not there
	uint64_t inode;
	int64_t offset; // of what is in block
	size_t start, end;
	bool is_skipping; // a line that is too long
	char block[BLOCK];
};

// ---- files --------------------------------------------------------------------------------------

static int open_at(struct journal *journal, const char *path, uint64_t inode, int64_t offset)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) ||
	    (inode != 0 && info.st_ino != inode)) {
		close(fd);
		return -ESTALE;
	}
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = fd;
	journal->inode = info.st_ino;
	journal->offset = offset < 0 || offset > info.st_size ? info.st_size : offset;
	if (offset > info.st_size) // it was cut, and grows anew
		journal->offset = 0;
	journal->start = journal->end = 0;
	journal->is_skipping = false;
	return 0;
}

// The file that was read last, whatever it is called now; else the one there is, from its
// beginning.
static int reopen(struct journal *journal, uint64_t inode, int64_t offset)
{
	static const char *const endings[] = {"", ".1", ".0"};
	char path[4200];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", journal->path, endings[i]);
		if (open_at(journal, path, inode, offset) == 0)
			return 0;
	}
	return open_at(journal, journal->path, 0, 0);
}

static int open_file(struct journal *journal, const char *path, const char *place)
{
	uint64_t inode = 0;
	int64_t offset = 0;
	int r;

	journal->path = mem_strdup(path);
	if (sscanf(place, "%" SCNu64 ":%" SCNd64, &inode, &offset) == 2)
		r = reopen(journal, inode, offset);
	else
		r = open_at(journal, path, 0, -1);
	return r == -ENOENT ? 0 : r;
}

// True where the path leads to another file, and this one has nothing more to say.
static bool is_rotated(const struct journal *journal)
{
	struct stat info;

	return stat(journal->path, &info) == 0 && info.st_ino != journal->inode;
}

// More of the file into the block: its number of octets.
static ssize_t fill(struct journal *journal)
{
	struct stat info;
	ssize_t n;

	memmove(journal->block, journal->block + journal->start, journal->end - journal->start);
	journal->offset += (int64_t)journal->start;
	journal->end -= journal->start;
	journal->start = 0;
	if (journal->end == BLOCK) {
		journal->is_skipping = true;
		journal->offset += BLOCK;
		journal->end = 0;
	}
	if (fstat(journal->fd, &info) == 0 &&
	    info.st_size < journal->offset + (int64_t)journal->end) {
		journal->offset = 0; // it was cut
		journal->end = 0;
		journal->is_skipping = false;
	}
	n = pread(journal->fd, journal->block + journal->end, BLOCK - journal->end,
		  journal->offset + (int64_t)journal->end);
	if (n > 0)
		journal->end += (size_t)n;
	return n < 0 ? -errno : n;
}

static int64_t offset_of(int64_t now)
{
	struct tm tm;
	time_t time = now;

	return localtime_r(&time, &tm) == NULL ? 0 : tm.tm_gmtoff;
}

static int next_of_file(struct journal *journal, int64_t now, struct maillog *ret_log)
{
	ssize_t n = 1;

	if (journal->fd < 0)
		n = open_at(journal, journal->path, 0, 0);
	if (n < 0)
		return n == -ENOENT ? 0 : (int)n;
	n = 1;
	while (n > 0) {
		char *line = journal->block + journal->start;
		char *end = memchr(line, '\n', journal->end - journal->start);

		if (end != NULL) {
			memset(ret_log, 0, sizeof(*ret_log));
			if (!journal->is_skipping)
				maillog_read(line, (size_t)(end - line), journal->instance, now,
					     offset_of(now), ret_log);
			journal->is_skipping = false;
			journal->start += (size_t)(end + 1 - line);
			return 1;
		}
		n = fill(journal);
		if (n == 0 && is_rotated(journal) && fill(journal) == 0)
			n = open_at(journal, journal->path, 0, 0) == 0 ? 1 : -EACCES;
	}
	return n < 0 ? (int)n : 0;
}

// ---- systemd's journal --------------------------------------------------------------------------

// Whoever has an account may write under any name, but not as anyone: of what Postfix's daemons
// say, journald notes their user, or root, which they begin as.
static int add_writers(struct journal *journal)
{
	const struct passwd *owner = getpwnam(MAIL_OWNER);
	char match[40];
	int r = sd_journal_add_match(journal->sd, "_UID=0", 0);

	if (owner != NULL && r >= 0) {
		snprintf(match, sizeof(match), "_UID=%u", (unsigned)owner->pw_uid);
		r = sd_journal_add_match(journal->sd, match, 0);
	}
	return r;
}

static int add_matches(struct journal *journal)
{
	static const char *const agents[] = {"qmgr", "smtp", "error", "retry"};
	char match[200];
	int r = 0;

	for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]) && r >= 0; i++) {
		snprintf(match, sizeof(match), "SYSLOG_IDENTIFIER=%s/%s", journal->instance,
			 agents[i]);
		r = sd_journal_add_match(journal->sd, match, 0);
	}
	return r < 0 ? r : add_writers(journal);
}

static int open_sd(struct journal *journal, const char *place)
{
	int r = sd_journal_open(&journal->sd, SD_JOURNAL_LOCAL_ONLY);

	if (r >= 0)
		r = add_matches(journal);
	if (r >= 0)
		r = sd_journal_get_fd(journal->sd); // from here on new files are noticed
	if (r < 0)
		return r;
	snprintf(journal->kept, sizeof(journal->kept), "%s", place);
	if (place[0] == '\0' || sd_journal_seek_cursor(journal->sd, place) < 0) {
		r = sd_journal_seek_tail(journal->sd);
		if (r >= 0)
			r = sd_journal_previous(journal->sd);
		if (r == 0) // it is empty, and behind its tail nothing would ever come
			r = sd_journal_seek_head(journal->sd);
		return r < 0 ? r : 0;
	}
	// to the line itself, which was read; one that is gone leads to the next after it
	r = sd_journal_next(journal->sd);
	if (r > 0 && sd_journal_test_cursor(journal->sd, place) <= 0)
		r = sd_journal_previous(journal->sd);
	return r < 0 ? r : 0;
}

static const char *field_of(sd_journal *sd, const char *name, size_t *ret_len)
{
	const void *data = NULL;
	size_t len = 0, skip = strlen(name) + 1;

	if (sd_journal_get_data(sd, name, &data, &len) < 0 || len < skip)
		return NULL;
	*ret_len = len - skip;
	return (const char *)data + skip;
}

static int next_of_sd(struct journal *journal, struct maillog *ret_log)
{
	auto_free char *cursor = NULL, *program = NULL;
	const char *text;
	size_t len = 0;
	uint64_t usec = 0;
	int r;

	(void)sd_journal_process(journal->sd);
	r = sd_journal_next(journal->sd);
	if (r <= 0)
		return r;
	memset(ret_log, 0, sizeof(*ret_log));
	if (sd_journal_get_cursor(journal->sd, &cursor) >= 0)
		snprintf(journal->kept, sizeof(journal->kept), "%s", cursor);
	(void)sd_journal_get_realtime_usec(journal->sd, &usec);
	text = field_of(journal->sd, "SYSLOG_IDENTIFIER", &len);
	if (text == NULL)
		return 1;
	program = mem_strndup(text, len);
	text = field_of(journal->sd, "MESSAGE", &len);
	if (text != NULL)
		maillog_read_text(text, len, program, journal->instance, (int64_t)(usec / 1000000),
				  ret_log);
	return 1;
}

// ---- both ---------------------------------------------------------------------------------------

int journal_open(const char *where, const char *instance, const char *place,
		 struct journal **ret_journal)
{
	struct journal *journal = mem_new(1, sizeof(*journal));
	int r;

	journal->fd = -1;
	journal->instance = mem_strdup(instance);
	r = strcmp(where, "journal") == 0 ? open_sd(journal, place)
					  : open_file(journal, where, place);
	if (r < 0)
		journal_free(journal);
	else
		*ret_journal = journal;
	return r < 0 ? r : 0;
}

struct journal *journal_free(struct journal *journal)
{
	if (journal == NULL)
		return NULL;
	if (journal->sd != NULL)
		sd_journal_close(journal->sd);
	if (journal->fd >= 0)
		close(journal->fd);
	free(journal->path);
	free(journal->instance);
	free(journal);
	return NULL;
}

int journal_next(struct journal *journal, int64_t now, struct maillog *ret_log)
{
	return journal->sd != NULL ? next_of_sd(journal, ret_log)
				   : next_of_file(journal, now, ret_log);
}

void journal_place(const struct journal *journal, char dst[JOURNAL_PLACE_SIZE])
{
	if (journal->sd != NULL)
		snprintf(dst, JOURNAL_PLACE_SIZE, "%s", journal->kept);
	else if (journal->fd < 0)
		snprintf(dst, JOURNAL_PLACE_SIZE, "0:0");
	else
		snprintf(dst, JOURNAL_PLACE_SIZE, "%" PRIu64 ":%" PRId64, journal->inode,
			 journal->offset + (int64_t)journal->start);
}
