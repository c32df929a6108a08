// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The lives of a daemon: it is started, serves until a test has seen what it waited for, and ends.
#pragma once

#include <signal.h>
#include <sysexits.h>

#include "unit/daemon/house.h"
#include "unit/daemon/sink.h"

#define PATIENCE 2000 // ticks of a test's life, of 5 ms

static struct source *ticker;
static int ticks;
static bool (*is_done)(void);
static bool came;
static char log_text[60000];

static inline void on_tick(void *arg)
{
	(void)arg;
	came = is_done();
	if (came || ++ticks > PATIENCE)
		loop_stop(house->loop, EX_OK);
	source_set_timer(ticker, 5000);
}

// One life of a daemon, until done says so; with the instances that are named in sinks ("d6"). What
// it logged is in log_text. Returns its exit status.
static inline int serve_with(bool (*done)(void), const char *sinks)
{
	int status = -1, keep = dup(2);
	FILE *file;

	fflush(stderr);
	assert_non_null(freopen(folder_file("log"), "w", stderr));
	house = daemon_new(house_config, stderr, &status);
	if (house != NULL) {
		if (strchr(sinks, 'd') != NULL)
			sink_open(&sink_dual);
		if (strchr(sinks, '6') != NULL)
			sink_open(&sink_v6);
		is_done = done;
		came = false;
		ticks = 0;
		ticker = loop_add_timer(house->loop, 0, on_tick, NULL);
		status = daemon_run(house);
		ticker = source_free(ticker);
		sink_close(&sink_dual);
		sink_close(&sink_v6);
		house = daemon_free(house);
	}
	fflush(stderr);
	dup2(keep, 2);
	close(keep);
	file = fopen(folder_file("log"), "r");
	log_text[fread(log_text, 1, sizeof(log_text) - 1, file)] = '\0';
	fclose(file);
	return status;
}

static inline void serve(bool (*done)(void))
{
	assert_int_equal(serve_with(done, "d6"), EX_OK);
	if (!came)
		fail_msg("it did not come to that; log:\n%s", log_text);
}

static inline int make(void **state)
{
	sink_forget(&sink_dual);
	sink_forget(&sink_v6);
	signal(SIGPIPE, SIG_IGN);
	return house_make(state);
}

static inline void expect_logged(const char *text)
{
	if (strstr(log_text, text) == NULL)
		fail_msg("not logged: %s\n%s", text, log_text);
}

static inline int spool_count(const char *folder)
{
	char command[300], line[20] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "ls -1 %s/spool/%s | wc -l", folder_path, folder);
	pipe = popen(command, "r");
	assert_non_null(fgets(line, sizeof(line), pipe));
	pclose(pipe);
	return atoi(line);
}

static inline const char *states(void)
{
	return house_ask("SELECT kind, state, attempts FROM message ORDER BY id");
}

static inline bool is(const char *sql, const char *want)
{
	return strcmp(house_ask(sql), want) == 0;
}

static inline bool all_sent(void)
{
	return is("SELECT count(*) > 0 AND sum(state <> 'sent') = 0 FROM message", "1\n");
}

// The token address of the one probe there is.
static inline const char *probe_address(void)
{
	static char address[200];
	const char *path = strstr(sink_v6.mails[0].from, "<bounce+");

	assert_non_null(path);
	snprintf(address, sizeof(address), "%.*s", (int)strcspn(path + 1, ">"), path + 1);
	return address;
}

static inline void put_request(const char *sender)
{
	struct entry entry = house_entry(sender, "test@six.test");

	house_put(&entry);
}

static inline bool spool_empty(void)
{
	return spool_count("new") == 0;
}

static inline bool settled(void)
{
	return spool_empty() && all_sent();
}

static inline bool bounce_sent(void)
{
	return is("SELECT state FROM message WHERE kind = 'bounce'", "sent\n");
}

// A18: from nobody, and nobody is told of its fate.
static inline void expect_report(const struct sink_mail *mail)
{
	static const char from[] = "MAIL FROM:<> ", rcpt[] = "RCPT TO:<a@good.test> NOTIFY=NEVER";

	assert_memory_equal(mail->from, from, sizeof(from) - 1);
	assert_null(strstr(mail->from, "ENVID"));
	assert_memory_equal(mail->rcpt, rcpt, sizeof(rcpt) - 1);
}
