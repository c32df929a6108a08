// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix explain: why mail came back, for any bounce from anywhere. Needs no service and no
// configuration; reads files, folders, mbox files and standard input as streams.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "adapter/diagnose_file.h"
#include "adapter/mime.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/options.h"
#include "cli/explain_worker.h"
#include "cli/verbs.h"
#include "mail/mbox.h"

#define OUT_MAX   (2 * 1024 * 1024)
#define TEMPLATES "/usr/share/postsix/templates"

struct arguments {
	const char *table, *local, *templates, *lang;
	bool is_json, is_mbox, is_brief;
};

// One run: what is read, and what came of it.
struct run {
	struct explain_worker *worker;
	bool is_mbox;
	const char *name; // of the file
	unsigned number;  // of the message in it
	int status;
	bool is_over; // nobody reads what is written
	struct buf out;
};

#define AT(member) offsetof(struct arguments, member)

static const struct options_row rows[] = {
	{"brief", '\0', OPTIONS_FLAG, AT(is_brief), NULL},
	{"json", '\0', OPTIONS_FLAG, AT(is_json), NULL},
	{"lang", '\0', OPTIONS_TEXT, AT(lang), NULL},
	{"local", '\0', OPTIONS_TEXT, AT(local), NULL},
	{"mbox", '\0', OPTIONS_FLAG, AT(is_mbox), NULL},
	{"table", '\0', OPTIONS_TEXT, AT(table), NULL},
	{"templates", '\0', OPTIONS_TEXT, AT(templates), NULL},
	{0},
};

static const char help[] =
	"usage: postsix explain [OPTION]… [FILE]…\n\n"
	"Says of bounces from anywhere why mail came back, what that means and who can\n"
	"mend it. A FILE is a message, an mbox, or a folder of messages; none, or -, is\n"
	"standard input.\n\n"
	"      --brief          class and evidence, no advice\n"
	"      --json           an object a line for each recipient\n"
	"      --lang LANG      language of the advice: a folder of templates; default en\n"
	"      --local FILE     rows of one's own; default " DIAGNOSE_LOCAL_DEFAULT "\n"
	"      --mbox           every FILE is an mbox, though it does not begin as one\n"
	"      --table FILE     instead of " DIAGNOSE_PATH_DEFAULT "\n"
	"      --templates DIR  instead of " TEMPLATES "\n"
	"  -h, --help           this text\n\n"
	"Exit status: 0; 65 where something was no mail; 66 where it could not be read.\n";

static const struct options options = {"postsix explain", help, rows, 0, -1};

// ---- messages
// --------------------------------------------------------------------------------------

static void flush(struct run *run)
{
	if (run->out.len > 0 && fwrite(run->out.data, 1, run->out.len, stdout) != run->out.len)
		run->is_over = true;
	if (run->is_over && run->status == EX_OK)
		run->status = EX_IOERR;
	buf_clear(&run->out);
}

static void on_message(void *arg, char *bytes, size_t len)
{
	struct run *run = arg;
	enum explain_verdict verdict;
	int r = explain_worker_ask(run->worker, run->name, ++run->number, bytes, len, &run->out,
				   &verdict);

	if (r < 0) {
		fprintf(stderr, "postsix explain: %s\n", strerror(-r));
		run->status = EX_OSERR;
		return;
	}
	flush(run);
	if (verdict == EXPLAIN_CLASSED)
		return;
	if (verdict == EXPLAIN_DIED)
		fprintf(stderr, "postsix explain: %s: message %u cannot be parsed\n", run->name,
			run->number);
	if (run->status == EX_OK)
		run->status = EX_DATAERR;
}

// The next line, or as much of it as a message has room for, which fills the message: so its rest,
// taken for another line, is dropped. 0 at the end.
static size_t read_line(FILE *file, char line[MIME_INPUT_MAX])
{
	size_t len = 0;

	for (int c = 0; c != '\n' && len < MIME_INPUT_MAX && (c = getc_unlocked(file)) != EOF;)
		line[len++] = (char)c;
	return len;
}

// A message has been read when it is full, a stream of them only at its end.
static bool wants_more(const struct run *run, const struct mbox *mbox)
{
	return !run->is_over && (mbox->is_mbox || mbox->message.len < MIME_INPUT_MAX);
}

static void read_stream(struct run *run, FILE *file, const char *name)
{
	auto_free char *line = mem_new(MIME_INPUT_MAX, 1);
	struct mbox mbox;
	size_t len;

	run->name = name;
	run->number = 0;
	mbox_start(&mbox, run->is_mbox, MIME_INPUT_MAX, on_message, run);
	while (wants_more(run, &mbox) && (len = read_line(file, line)) > 0)
		mbox_line(&mbox, line, len);
	mbox_end(&mbox);
	if (ferror(file)) {
		fprintf(stderr, "postsix explain: %s: %s\n", name, strerror(errno));
		run->status = EX_NOINPUT;
	} else if (run->number == 0 && run->status == EX_OK) {
		fprintf(stderr, "postsix explain: %s: it is empty\n", name);
		run->status = EX_DATAERR;
	}
}

static void cannot_read(struct run *run, const char *path)
{
	fprintf(stderr, "postsix explain: %s: %s\n", path, strerror(errno));
	run->status = EX_NOINPUT;
}

static void read_file(struct run *run, const char *path)
{
	FILE *file;

	if (run->is_over)
		return;
	file = fopen(path, "re");
	if (file == NULL) {
		cannot_read(run, path);
		return;
	}
	read_stream(run, file, path);
	fclose(file);
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

// The messages in a folder, and in new/ and cur/ of a Maildir; no deeper.
static void read_folder(struct run *run, const char *path, bool is_part)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_shown, alphasort);
	struct stat info;

	if (n < 0)
		cannot_read(run, path);
	for (int i = 0; i < n; i++) {
		auto_free char *below = NULL;
		const char *name = entries[i]->d_name;

		if (asprintf(&below, "%s/%s", path, name) < 0)
			below = NULL;
		if (below != NULL && stat(below, &info) == 0 && S_ISREG(info.st_mode))
			read_file(run, below);
		else if (below != NULL && !is_part &&
			 (strcmp(name, "new") == 0 || strcmp(name, "cur") == 0))
			read_folder(run, below, true);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void read_path(struct run *run, const char *path)
{
	struct stat info;

	if (strcmp(path, "-") == 0)
		read_stream(run, stdin, "-");
	else if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		read_folder(run, path, false);
	else
		read_file(run, path);
}

// ---- the verb
// --------------------------------------------------------------------------------------

static int run_all(const struct explain_setting *setting, bool is_mbox, char *const *paths)
{
	struct run run = {.is_mbox = is_mbox, .out = buf_make(OUT_MAX), .status = EX_OK};
	int r = explain_worker_new(setting, &run.worker);

	if (r < 0) {
		fprintf(stderr, "postsix explain: cannot make the parser's filter: %s\n",
			strerror(-r));
		return EX_OSERR;
	}
	signal(SIGPIPE, SIG_IGN); // a worker that died is no reason to go, too
	if (*paths == NULL)
		read_path(&run, "-");
	for (; *paths != NULL && !run.is_over; paths++)
		read_path(&run, *paths);
	if (fflush(stdout) != 0 && run.status == EX_OK)
		run.status = EX_IOERR;
	explain_worker_free(run.worker);
	buf_free(&run.out);
	return run.status;
}

int verb_explain(int argc, char **argv)
{
	struct arguments arguments = {.table = DIAGNOSE_PATH_DEFAULT,
				      .local = DIAGNOSE_LOCAL_DEFAULT,
				      .templates = TEMPLATES,
				      .lang = "en"};
	struct diagnose_table *table;
	struct phrases *phrases = NULL;
	int status = options_read(&options, argc, argv, &arguments);

	if (status >= 0)
		return status;
	table = diagnose_file_read(arguments.table, arguments.local, stderr);
	if (table != NULL && !arguments.is_brief)
		phrases = phrases_read(arguments.templates, arguments.lang, stderr);
	status = EX_CONFIG;
	if (table != NULL && (phrases != NULL || arguments.is_brief)) {
		const struct explain_setting setting = {table, phrases, arguments.is_json};

		status = run_all(&setting, arguments.is_mbox, argv + optind);
	}
	phrases_free(phrases);
	diagnose_table_free(table);
	return status;
}
