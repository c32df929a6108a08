// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What lies on the disk: the spool, the database, both queues, and the room that is left.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "adapter/inspect.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/check.h"
#include "cli/process.h"

#define MEGABYTE UINT64_C(1048576)
#define GIGABYTE (1024 * MEGABYTE)

// Below both a share and an amount: a tenth of a large disk is plenty.
#define WARN_SHARE  10 // percent
#define WARN_OCTETS (5 * GIGABYTE)
#define FAIL_SHARE  2
#define FAIL_OCTETS GIGABYTE
#define MESSAGES    10 // of the largest size that must have room at the very least

// ---- the spool ----------------------------------------------------------------------------------

struct pile {
	size_t n;
	int64_t oldest; // its age in seconds
};

// Counts the files in a folder, those that are being written aside. 0 or a negative errno.
static int count_files(const char *folder, struct pile *pile)
{
	auto_dir DIR *dir = opendir(folder);
	int64_t now = time(NULL);

	*pile = (struct pile){0};
	if (dir == NULL)
		return -errno;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		struct stat info;

		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		pile->n++;
		if (now - info.st_mtime > pile->oldest)
			pile->oldest = now - info.st_mtime;
	}
	return 0;
}

static void look_at_entries(struct check *check, const char *folder)
{
	struct pile pile;
	int r = count_files(folder, &pile);

	if (r < 0) {
		check_say(check, CHECK_FAIL, folder, "%s", strerror(-r));
		check_mend(check, "run as root; `systemd-tmpfiles --create` makes the folder");
	} else if (pile.oldest > check->spool_age) {
		check_say(check, CHECK_FAIL, folder, "%zu %s, the oldest of %" PRId64 " s", pile.n,
			  text_plural(pile.n, "entry", "entries"), pile.oldest);
		check_mend(check, "postsixd does not take them: systemctl restart postsixd; "
				  "journalctl -t postsixd says why");
	} else {
		check_say(check, CHECK_OK, folder, "%zu %s", pile.n,
			  text_plural(pile.n, "entry", "entries"));
	}
}

void check_spool(struct check *check)
{
	char folder[4096];
	struct pile pile;

	snprintf(folder, sizeof(folder), "%s/new", check->config->spool_directory);
	look_at_entries(check, folder);
	snprintf(folder, sizeof(folder), "%s/quarantine", check->config->spool_directory);
	if (count_files(folder, &pile) < 0 || pile.n == 0)
		return;
	check_say(check, CHECK_WARN, folder, "%zu %s that could not be read", pile.n,
		  text_plural(pile.n, "message", "messages"));
	check_mend(check, "see postsix-intake(8); remove them when they were looked at");
}

// ---- the database -------------------------------------------------------------------------------

void check_database(struct check *check)
{
	char path[4096];
	int64_t version;
	const char *fault;

	snprintf(path, sizeof(path), "%s/postsix.db", check->config->state_directory);
	fault = inspect_database(path, &version);
	if (fault == NULL) {
		check_say(check, CHECK_OK, path, "it is sound, version %" PRId64, version);
		return;
	}
	check_say(check, CHECK_FAIL, path, "%s", fault);
	if (version == 0)
		check_mend(check, "run as root; where postsixd was never started, start it");
	else
		check_mend(check, "see DIAGNOSTICS in postsixd(8)");
}

// ---- room ---------------------------------------------------------------------------------------

static uint64_t share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 100 : part * 100 / whole;
}

static enum check_level judge_room(const struct check *check, const struct statvfs *room)
{
	uint64_t left = (uint64_t)room->f_bavail * room->f_frsize;
	uint64_t of = share(room->f_bavail, room->f_blocks);
	uint64_t files = share(room->f_favail, room->f_files);

	if ((of < FAIL_SHARE && left < FAIL_OCTETS) || files < FAIL_SHARE ||
	    left < MESSAGES * (uint64_t)check->config->message_size_limit)
		return CHECK_FAIL;
	return (of < WARN_SHARE && left < WARN_OCTETS) || files < WARN_SHARE ? CHECK_WARN
									     : CHECK_OK;
}

static void look_at_room(struct check *check, const char *folder)
{
	struct statvfs room;

	if (statvfs(folder, &room) < 0) {
		check_say(check, CHECK_FAIL, folder, "%s", strerror(errno));
		return;
	}
	check_say(check, judge_room(check, &room), folder,
		  "%" PRIu64 " MB are free, %" PRIu64 " %%, and %" PRIu64 " %% of the files",
		  (uint64_t)room.f_bavail * room.f_frsize / MEGABYTE,
		  share(room.f_bavail, room.f_blocks), share(room.f_favail, room.f_files));
	if (check->lines[check->n_lines - 1].level != CHECK_OK)
		check_mend(check, "make room there: until then mail waits, in the spool, in a "
				  "queue or at its sender's");
}

void check_disk(struct check *check)
{
	look_at_room(check, check->config->state_directory);
	look_at_room(check, check->config->spool_directory);
	look_at_room(check, check->config->v6.queue_directory);
	look_at_room(check, check->config->dual.queue_directory);
}

// ---- queues -------------------------------------------------------------------------------------

struct queue {
	size_t n;
	size_t n_held;
	int64_t oldest;
	char id[32]; // of the oldest
};

// One line of `postqueue -j`: its first members are Postfix's own, strangers' come later.
static void count_message(struct queue *queue, const char *line, int64_t now)
{
	char name[32] = "", id[32] = "";
	long long arrival = 0;

	if (sscanf(line,
		   "{\"queue_name\": \"%31[a-z]\", \"queue_id\": \"%31[A-Za-z0-9]\", "
		   "\"arrival_time\": %lld",
		   name, id, &arrival) != 3)
		return;
	queue->n++;
	queue->n_held += strcmp(name, "hold") == 0;
	if (now - arrival <= queue->oldest && queue->id[0] != '\0')
		return;
	queue->oldest = now > arrival ? now - arrival : 0;
	strcpy(queue->id, id);
}

static void look_at_queue(struct check *check, const char *instance,
			  const struct config_instance *config)
{
	const char *const argv[] = {"postqueue", "-c", config->config_directory, "-j", NULL};
	auto_buf struct buf out = buf_make(64 * MEGABYTE), errors = buf_make(MEGABYTE);
	int r = process_run(argv, 60, &out, &errors);
	int64_t most = config->give_up_after + 2 * config->retry_max;
	struct queue queue = {0};
	char subject[64];

	snprintf(subject, sizeof(subject), "postfix-%s", instance);
	if (r != 0) {
		check_say(check, CHECK_FAIL, subject, "postqueue(1): %s",
			  r < 0 ? strerror(-r) : buf_string(&errors));
		return;
	}
	for (char *rest = out.data, *line;
	     rest != NULL && (line = strtok_r(rest, "\n", &rest)) != NULL;)
		count_message(&queue, line, time(NULL));
	check_say(check,
		  queue.oldest > most ? CHECK_FAIL
		  : queue.n_held > 0  ? CHECK_WARN
				      : CHECK_OK,
		  subject, "%zu %s, the oldest of %" PRId64 " s%s%s%s", queue.n,
		  text_plural(queue.n, "message", "messages"), queue.oldest,
		  queue.n == 0 ? "" : " (", queue.id, queue.n == 0 ? "" : ")");
	if (queue.oldest > most) {
		check_mend(check,
			   "it should have been given up after %" PRId64 " s: is the instance "
			   "started? systemctl status %s%s",
			   config->give_up_after, check->unit_prefix, instance);
		check_mend(check, "postcat -c %s -q %s shows the message", config->config_directory,
			   queue.id);
	} else if (queue.n_held > 0) {
		check_mend(check, "%zu are on hold: postsuper -c %s -H ALL lets them go",
			   queue.n_held, config->config_directory);
	}
}

void check_queue(struct check *check)
{
	look_at_queue(check, "v6", &check->config->v6);
	look_at_queue(check, "dual", &check->config->dual);
}
