// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A request of our own through the whole path: into postfix-dual as our mail goes, by SMTP to the
// IPv6-only domain's MX as anyone's does, through milter, policy, pipe, intake and spool to
// postsixd, whose two answers go to the operator, or to another mailbox. Nothing lets it pass: it
// is a request like any other, under every limit, and no message can pretend to be it. What is
// waited for stands in the database. Where the domain has several hosts (token_domain), its MX may
// be another one, whose database is not ours: there the request goes to our own listener at once.
//
// postfix-v6 hands what is for the operator to postfix-dual, as their server may have IPv4 only; so
// nobody tells of that probe's fate, and it is enough that postfix-v6 has it no more.

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapter/inspect.h"
#include "adapter/seal.h"
#include "cli/check.h"
#include "cli/talk.h"
#include "mail/smtp_reply.h"

#define PAUSE_MS 300

struct trial {
	struct check *check;
	const char *sender;
	const char *domain; // IPv6-only
	char direct[64];    // address of the listener, or empty: by way of postfix-dual
	char id[128];       // the Message-ID, with its brackets
	char queued[SMTP_REPLY_TEXT_SIZE];
	struct inspect_request found;
	int seen; // inspect_request()'s
};

// ---- in -----------------------------------------------------------------------------------------

static void write_message(const struct trial *trial, struct buf *out)
{
	time_t now = time(NULL);
	struct tm tm = {0};
	char date[64] = "";

	if (gmtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_addf(out,
		 "From: <%s>\r\nTo: <test@%s>\r\nSubject: self-test of postsix\r\nDate: %s\r\n"
		 "Message-ID: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
		 "`postsix check --self-test` sent this request to itself.\r\n.\r\n",
		 trial->sender, trial->domain, date, trial->id);
}

// Sends one command and reads its reply. 0 where it has the wanted class, or -EPROTO, or another
// negative errno.
static int say(struct trial *trial, int fd, const char *line, size_t len, int wanted)
{
	int r = len == 0 ? 0 : talk_send(fd, line, len);

	if (r == 0)
		r = talk_smtp(fd, trial->queued, sizeof(trial->queued));
	return r < 0 ? r : r / 100 == wanted ? 0 : -EPROTO;
}

static int submit(struct trial *trial, int fd)
{
	char from[1024], to[512];
	auto_buf struct buf message = buf_make(8192);
	const struct {
		const char *line;
		int wanted;
	} steps[] = {{"", 2}, {"EHLO localhost\r\n", 2}, {from, 2}, {to, 2}, {"DATA\r\n", 3}};
	int r = 0;

	write_message(trial, &message);
	snprintf(from, sizeof(from), "MAIL FROM:<%s>\r\n", trial->sender);
	snprintf(to, sizeof(to), "RCPT TO:<test@%s> NOTIFY=NEVER\r\n", trial->domain);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == 0; i++)
		r = say(trial, fd, steps[i].line, strlen(steps[i].line), steps[i].wanted);
	if (r == 0)
		r = say(trial, fd, message.data, message.len, 2);
	return r;
}

// ---- the steps ----------------------------------------------------------------------------------

// Whether both answers are with the instances.
static bool is_handed_over(const struct trial *trial)
{
	return trial->seen == 1 && strcmp(trial->found.report, "sent") == 0 &&
	       strcmp(trial->found.six, "sent") == 0;
}

static bool is_over(const struct trial *trial)
{
	return (trial->seen == 1 && strcmp(trial->found.decision, "answer") != 0) ||
	       (is_handed_over(trial) && strcmp(trial->found.outcome, "pending") != 0);
}

static void watch(struct trial *trial)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	char path[4096];

	snprintf(path, sizeof(path), "%s/postsix.db", trial->check->config->state_directory);
	for (int64_t left = trial->check->self_wait * 1000; left > 0 && !is_over(trial);
	     left -= PAUSE_MS) {
		trial->seen = inspect_request(path, trial->id, &trial->found);
		if (!is_over(trial))
			nanosleep(&pause, NULL);
	}
}

static void say_hung(struct trial *trial)
{
	struct check *check = trial->check;
	const struct inspect_request *found = &trial->found;

	if (trial->seen != 1) {
		check_say(check, CHECK_FAIL, trial->domain,
			  "the request did not reach the database in %" PRId64 " s (%s)",
			  check->self_wait, trial->queued);
		check_mend(check, "postqueue -c %s -p: the queue has it and says why, or the spool",
			   check->config->dual.config_directory);
		check_mend(check, "grep for %s in the log", trial->id);
	} else if (strcmp(found->report, "sent") != 0) {
		check_say(check, CHECK_FAIL, trial->domain,
			  "the report is not with postfix-dual: it is %s", found->report);
		check_mend(check, "the log of postsixd says what postfix-dual answered");
	} else if (strcmp(found->six, "sent") != 0) {
		check_say(check, CHECK_FAIL, trial->domain,
			  "the probe is not with postfix-v6: it is %s", found->six);
		check_mend(check, "the log of postsixd says what postfix-v6 answered");
	} else {
		check_say(check, CHECK_FAIL, trial->domain,
			  "postfix-v6 has the probe (%s), and said nothing of it in %" PRId64 " s",
			  found->six_queue_id, check->self_wait);
		check_mend(check, "postqueue -c %s -p says what it waits for",
			   check->config->v6.config_directory);
	}
}

static void say_over(struct trial *trial)
{
	struct check *check = trial->check;
	const struct inspect_request *found = &trial->found;

	if (strcmp(found->decision, "answer") != 0) {
		check_say(check, CHECK_FAIL, trial->domain, "the request was not answered: %s",
			  found->decision);
		check_mend(check, "\"Reasons to ignore a request\" in postsixd(8); for a limit, "
				  "try again later");
	} else if (strcmp(found->outcome, "accepted") == 0) {
		check_say(check, CHECK_OK, trial->domain,
			  "the request came through, and both answers went to %s", trial->sender);
	} else {
		check_say(check, CHECK_WARN, trial->domain,
			  "the request came through, but the probe to %s is %s (%s)", trial->sender,
			  found->outcome, found->class[0] == '\0' ? "no class" : found->class);
		check_mend(check, "that mailbox may not take mail over IPv6; what the "
				  "service told it says more");
	}
}

// The first IPv6 address on which mail to the IPv6-only domain is taken: dual's where v6 only
// sends.
static void find_direct(struct trial *trial)
{
	const struct config *config = trial->check->config;
	const char *list = config->v6.listen[0] != '\0' ? config->v6.listen : config->dual.listen;

	while (*list != '\0') {
		size_t len = strcspn(list, " ,\t");

		if (memchr(list, ':', len) != NULL && len < sizeof(trial->direct)) {
			memcpy(trial->direct, list, len);
			return;
		}
		list += len;
		list += strspn(list, " ,\t");
	}
}

static void choose_site(struct trial *trial)
{
	const struct check *check = trial->check;

	for (size_t i = 0; i < check->config->n_sites; i++) {
		const struct config_site *site = &check->config->sites[i];

		if (check->site != NULL && strcmp(site->name, check->site) != 0)
			continue;
		trial->domain = site->v6_domain.text;
		if (strcmp(site->token_domain.text, site->v6_domain.text) != 0)
			find_direct(trial);
		return;
	}
}

void check_self_test(struct check *check)
{
	const struct config *config = check->config;
	struct trial trial = {.check = check, .sender = check->self_sender};
	int fd, r;

	if (trial.sender == NULL)
		trial.sender = config->operator_address;
	choose_site(&trial);
	r = fd = trial.direct[0] != '\0' ? talk_open_smtp(trial.direct)
					 : talk_open(config->dual.inject, SOCK_STREAM);
	snprintf(trial.id, sizeof(trial.id), "<self-test.%" PRIx64 "@localhost>", seal_random_id());
	if (fd >= 0) {
		r = submit(&trial, fd);
		close(fd);
	}
	if (r < 0) {
		check_say(check, CHECK_FAIL,
			  trial.direct[0] != '\0' ? trial.direct : config->dual.inject,
			  "the instance did not take it: %s",
			  r == -EPROTO ? trial.queued : strerror(-r));
		check_mend(check, "systemctl start %s%s", check->unit_prefix,
			   trial.direct[0] != '\0' && config->v6.listen[0] != '\0' ? "v6" : "dual");
		return;
	}
	watch(&trial);
	if (is_over(&trial))
		say_over(&trial);
	else
		say_hung(&trial);
}
