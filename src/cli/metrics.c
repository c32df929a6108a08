// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix metrics: the Prometheus text format 0.0.4, to standard output, or into a file that the
// node exporter's textfile collector reads. Counters are of all there ever was: rows that retention
// deleted are counted on.

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/file.h"
#include "cli/ask.h"
#include "cli/condition.h"
#include "cli/verbs.h"

static const struct options_row rows[] = {{ASK_CONFIG}, {ASK_OUTPUT}, {0}};

static const char help[] =
	"usage: postsix metrics [-c FILE] [--output FILE]\n\n"
	"Prints counters and gauges in the Prometheus text format 0.0.4, each with a line\n"
	"of help. The database is only read.\n\n"
	"      --output FILE  written whole, then renamed: for the textfile collector of\n"
	"                     Prometheus' node exporter, whose files end in .prom\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"  -h, --help         this text\n\n"
	"Exit status: 66 where the database cannot be read, 73 where FILE cannot be\n"
	"written.\n";

static const struct options options = {"postsix metrics", help, rows, 0, 0};

// A family of counters or gauges: counts of the history whose names begin so, with what follows as
// values of the labels.
static const struct family {
	const char *prefix;
	const char *name;
	const char *type;
	const char *help;
	const char *labels[2];
} families[] = {
	{"request ",
	 "postsix_requests_total",
	 "counter",
	 "Messages to test@, by what was decided: answer, or what refused them.",
	 {"decision", NULL}},
	{"message ",
	 "postsix_messages",
	 "gauge",
	 "Messages of ours, by kind and state.",
	 {"kind", "state"}},
	{"outcome ",
	 "postsix_probes",
	 "gauge",
	 "Probes, by what became of them so far.",
	 {"outcome", NULL}},
	{"failure ",
	 "postsix_probe_failures_total",
	 "counter",
	 "Probes that failed, by class.",
	 {"class", NULL}},
	{"notification ",
	 "postsix_notifications_total",
	 "counter",
	 "Messages to token addresses: used, or why they were ignored.",
	 {"decision", NULL}},
	{"attempt ",
	 "postsix_delivery_attempts_total",
	 "counter",
	 "Deliveries of probes that postfix-v6 tried, by result.",
	 {"result", NULL}},
	{"survey", "postsix_surveys_total", "counter", "Surveys on record.", {NULL, NULL}},
};

struct metrics {
	const struct family *family;
	int64_t n; // samples of it
	struct buf out;
};

static void add_head(struct buf *out, const char *name, const char *type, const char *words)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, words, name, type);
}

static void add_gauge(struct buf *out, const char *name, const char *words, int64_t value)
{
	add_head(out, name, "gauge", words);
	buf_addf(out, "%s %" PRId64 "\n", name, value);
}

// All values are words of ours; the format's own escapes all the same.
static void add_label(struct buf *out, const char *label, const char *value, size_t len)
{
	buf_addf(out, "%s=\"", label);
	for (size_t i = 0; i < len; i++) {
		if (value[i] == '\\' || value[i] == '"')
			buf_addc(out, '\\');
		if (value[i] == '\n')
			buf_adds(out, "\\n");
		else
			buf_addc(out, value[i]);
	}
	buf_addc(out, '"');
}

static void on_count(void *arg, const struct history_row *row)
{
	struct metrics *metrics = arg;
	const struct family *family = metrics->family;
	const char *rest = history_text(row, "name");
	size_t prefix = strlen(family->prefix);
	size_t first;

	if (strncmp(rest, family->prefix, prefix) != 0)
		return;
	if (metrics->n++ == 0)
		add_head(&metrics->out, family->name, family->type, family->help);
	buf_adds(&metrics->out, family->name);
	rest += prefix;
	first = family->labels[1] != NULL ? strcspn(rest, " ") : strlen(rest);
	if (family->labels[0] != NULL) {
		buf_addc(&metrics->out, '{');
		add_label(&metrics->out, family->labels[0], rest, first);
	}
	if (family->labels[1] != NULL) {
		rest += first + (rest[first] == ' ');
		buf_addc(&metrics->out, ',');
		add_label(&metrics->out, family->labels[1], rest, strlen(rest));
	}
	buf_addf(&metrics->out, "%s %" PRId64 "\n", family->labels[0] != NULL ? "}" : "",
		 history_number(row, "count"));
}

struct gauges {
	int64_t now, last, count[2], oldest[2];
};

static void on_latest(void *arg, const struct history_row *row)
{
	((struct gauges *)arg)->last = history_number(row, "arrived");
}

static void on_waiting(void *arg, const struct history_row *row)
{
	struct gauges *gauges = arg;
	int i = strcmp(history_text(row, "instance"), "v6") == 0;

	gauges->count[i] = history_number(row, "count");
	gauges->oldest[i] = gauges->now - history_number(row, "oldest");
	if (gauges->oldest[i] < 0) // the clock was set back
		gauges->oldest[i] = 0;
}

static void add_pair(struct buf *out, const char *name, const char *words, const int64_t values[2])
{
	add_head(out, name, "gauge", words);
	buf_addf(out, "%s{instance=\"dual\"} %" PRId64 "\n%s{instance=\"v6\"} %" PRId64 "\n", name,
		 values[0], name, values[1]);
}

static void add_condition(const struct ask *ask, struct buf *out)
{
	struct condition condition;

	condition_find(ask->config, &condition);
	add_head(out, "postsix_up", "gauge", "1 where the part answers on its socket.");
	for (size_t i = 0; i < CONDITION_PARTS; i++)
		buf_addf(out, "postsix_up{part=\"%s\"} %d\n", condition.parts[i].name,
			 condition.parts[i].error == 0);
	add_gauge(out, "postsix_spool_entries", "Entries that postsixd has not taken yet.",
		  condition.spool);
	add_gauge(out, "postsix_spool_oldest_timestamp_seconds",
		  "When the oldest of them came; 0 for none.", condition.oldest);
	add_gauge(out, "postsix_quarantine_files", "Messages that nobody could read.",
		  condition.quarantine);
}

static int64_t make(const struct ask *ask, struct buf *out)
{
	struct metrics metrics = {.out = *out};
	struct gauges gauges = {.now = ask->now};
	int64_t r = history_ask(ask->history, HISTORY_LATEST, NULL, on_latest, &gauges);

	if (r >= 0)
		r = history_ask(ask->history, HISTORY_WAITING, NULL, on_waiting, &gauges);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && r >= 0; i++) {
		metrics.family = &families[i];
		metrics.n = 0;
		r = history_ask(ask->history, HISTORY_COUNTS, NULL, on_count, &metrics);
	}
	*out = metrics.out;
	add_head(out, "postsix_build_info", "gauge", "The version of this program.");
	buf_adds(out, "postsix_build_info{version=\"" POSTSIX_VERSION "\"} 1\n");
	add_gauge(out, "postsix_last_request_timestamp_seconds",
		  "When the last message to test@ came; 0 for never.", gauges.last);
	add_pair(out, "postsix_waiting_messages", "Messages of ours not handed over yet.",
		 gauges.count);
	add_pair(out, "postsix_waiting_oldest_seconds", "Age of the oldest of them.",
		 gauges.oldest);
	add_gauge(out, "postsix_database_bytes", "Octets of the database and its log.",
		  history_size(ask->database));
	add_condition(ask, out);
	return r < 0 ? r : 0;
}

// By way of a name that the collector does not read.
static int write_file(const char *path, const struct buf *out)
{
	auto_free char *folder = strdup(path);
	char *name = folder == NULL ? NULL : strrchr(folder, '/');
	auto_fd int fd = -1;

	if (name == NULL || name[1] == '\0')
		return -EINVAL;
	*name++ = '\0';
	fd = open(folder[0] == '\0' ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	// the collector is somebody else, and the folder may be theirs
	return file_put_for_all(fd, name, out->data, out->len);
}

static int run(const struct ask *ask)
{
	struct buf out = buf_make(1024 * 1024);
	int64_t r = make(ask, &out);
	int status = EX_OK;

	if (r < 0) {
		status = ask_failed(ask, r);
	} else if (ask->output == NULL) {
		(void)ask_write(&out);
		status = ask_finish(ask);
	} else if ((r = write_file(ask->output, &out)) < 0) {
		fprintf(stderr, "postsix metrics: %s: %s\n", ask->output,
			r == -EINVAL ? "an absolute path is wanted" : strerror((int)-r));
		status = EX_CANTCREAT;
	}
	buf_free(&out);
	return status;
}

int verb_metrics(int argc, char **argv)
{
	struct ask ask;
	int status = ask_arguments(&ask, &options, argc, argv);

	if (status >= 0)
		return status;
	status = ask_open(&ask);
	if (status != EX_OK)
		return status;
	status = run(&ask);
	ask_close(&ask);
	return status;
}
