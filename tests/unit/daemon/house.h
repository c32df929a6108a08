// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A postsixd in a temporary folder: its configuration, its clock, its database seen from outside,
// and what it is given to read.
#pragma once

#include <stdbool.h>
#include <time.h>

#include "adapter/config.h"
#include "adapter/entry.h"
#include "adapter/store.h"
#include "base/log.h"
#include "daemon/bounce.h"
#include "daemon/daemon.h"
#include "daemon/letter.h"
#include "unit/database.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      INT64_C(1800000000)

static int64_t house_clock = NOW;
static struct config *house_config;
static struct daemon *house; // where a test has one
static const char *house_templates;
static const char house_rows[] = "no-aaaa reporter * * * * type=AAAA: Host found but no data\n"
				 "ptr-required remote * 550 5.7.25 * PTR record\n";
static const char *house_log = "none"; // postfix-v6's
static int house_survey_deadline;      // 0: no surveys

// In place of the C library's: the daemon's clock is the test's.
time_t time(time_t *ret_now)
{
	if (ret_now != NULL)
		*ret_now = (time_t)house_clock;
	return (time_t)house_clock;
}

static inline void house_write_config(void)
{
	char text[4000], errors[200] = "";
	FILE *out = fmemopen(errors, sizeof(errors), "w");
	int len = snprintf(
		text, sizeof(text),
		"[postsix]\nstate_directory = %s/state\nspool_directory = %s/spool\n"
		"diagnose_table = %s/diagnose.tab\n"
		"templates_directory = %s\ntoken_secret_file = %s/secret\npolicy_socket = "
		"%s/policy\n"
		"operator_address = op@good.test\nrequester_interval = 60\nrequester_daily = 3\n"
		"submit_sessions = 2\nsurvey_deadline = %d\n"
		"[dual]\nhostname = mx.dual.test\nlisten = 192.0.2.25\ninject = %s/dual\n"
		"[v6]\nhostname = mx.six.test\nlisten = 2001:db8:25::6\ninject = %s/v6\nlog = %s\n"
		"[site one]\nv6_domain = six.test\ndual_domain = dual.test\ntitle = The \"one\" "
		"tester\n"
		"contact = human\n[site two]\nv6_domain = seis.test\ndual_domain = doble.test\n",
		folder_path, folder_path, folder_path, house_templates, folder_path, folder_path,
		house_survey_deadline, folder_path, folder_path, house_log);

	folder_write("conf", text, (size_t)len);
	house_config = config_read(folder_file("conf"), out);
	fclose(out);
	if (house_config == NULL)
		fprintf(stderr, "%s", errors);
}

static inline void house_write_template(const char *name, const char *text)
{
	char path[60];

	snprintf(path, sizeof(path), "templates/en/%s", name);
	folder_write(path, text, strlen(text));
}

// The shipped phrases of a language, which is then one of the house's. Tests run in the tree's
// root.
static inline void house_write_phrases(const char *language)
{
	char path[60], to[60];
	char *text = calloc(1, 100000);
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "templates/%s/phrases.ini", language);
	snprintf(to, sizeof(to), "templates/%s", language);
	mkdir(folder_file(to), 0755);
	file = fopen(path, "r");
	if (file == NULL)
		abort();
	len = fread(text, 1, 100000, file);
	fclose(file);
	folder_write(path, text, len);
	free(text);
}

// cmocka set-up: a house without a daemon.
static inline int house_make(void **state)
{
	static char templates[200];
	static const char *const folders[] = {
		"state", "spool", "spool/new", "spool/quarantine", "templates", "templates/en"};

	house_clock = NOW;
	if (folder_make(state) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(folders); i++)
		mkdir(folder_file(folders[i]), 0755);
	folder_write("secret", "0123456789abcdef0123456789abcdef", 32);
	folder_write("diagnose.tab", house_rows, strlen(house_rows));
	house_write_phrases("en");
	house_write_template("report.html", "<p>{{client_address}}</p>\n");
	house_write_template("bounce.html", "<p>{{happened}}</p>\n");
	house_write_template("report.txt", "Subject: report\n\n{{client_address}}\n");
	house_write_template("six.txt", "Subject: six\n\n{{tester}}\n");
	house_write_template("delay.txt", "Subject: delay\n\n{{give_up_at}}\n");
	house_write_template("bounce.txt",
			     "Subject: bounce\n\n{{#is_ours}}OURS{{/is_ours}}"
			     "{{#was_accepted}}ACCEPTED{{/was_accepted}} {{diagnostic_lines}}\n");
	snprintf(templates, sizeof(templates), "%s/templates", folder_path);
	house_templates = templates;
	house_write_config();
	log_open("postsixd", LOG_TO_STDERR);
	return house_config == NULL ? -1 : 0;
}

static inline int house_remove(void **state)
{
	house = daemon_free(house);
	house_config = config_free(house_config);
	return folder_remove(state);
}

// cmocka set-up: with one that does not run; its parts are called by the test.
static inline int house_make_daemon(void **state)
{
	int status = -1;

	if (house_make(state) < 0)
		return -1;
	house = daemon_new(house_config, stderr, &status);
	return house == NULL ? -1 : 0;
}

static inline const char *house_ask(const char *sql)
{
	return database_ask(folder_file("state/postsix.db"), sql);
}

// ---- what it reads ------------------------------------------------------------------------------

// A plain request; the test changes what it wants. Everything is borrowed: do not entry_free it.
static inline struct entry house_entry(const char *sender, const char *recipient)
{
	static struct facts_field fields[3];
	static unsigned serial;
	static char queue_id[20], message_id[40];
	struct entry entry = {.arrived = house_clock};
	struct envelope *envelope = &entry.envelope;

	snprintf(queue_id, sizeof(queue_id), "4Q%06u", ++serial);
	snprintf(message_id, sizeof(message_id), "<m%u@good.test>", serial);
	fields[0] = (struct facts_field){(char *)"From", (char *)"a@good.test"};
	fields[1] = (struct facts_field){(char *)"Message-ID", message_id};
	envelope->instance = (char *)"v6";
	envelope->queue_id = queue_id;
	envelope->sender = (char *)(uintptr_t)sender;
	envelope->recipient = envelope->original_recipient = (char *)(uintptr_t)recipient;
	envelope->client_address = (char *)"2001:db8:100::25";
	envelope->client_hostname = (char *)"mx.good.test";
	envelope->client_helo = (char *)"mx.good.test";
	envelope->client_port = (char *)"25025";
	envelope->client_protocol = (char *)"ESMTP";
	envelope->size = (char *)"1234";
	entry.facts.n_fields = 2;
	entry.facts.fields = fields;
	entry.facts.subject = (char *)"Hello";
	memset(entry.facts.body_hash, 'a', FACTS_HASH_SIZE - 1);
	entry.facts.report_text = entry.facts.status_part = (char *)"";
	entry.facts.returned = entry.facts.returned_id = (char *)"";
	return entry;
}

// A notification to a token address with one block. Borrowed, too.
static inline struct entry house_bounce(const char *recipient, enum dsn_action action,
					const char *final_recipient)
{
	static struct dsn_recipient blocks[2];
	struct entry entry = house_entry("", recipient);
	struct dsn_recipient *block = &blocks[0];

	memset(blocks, 0, sizeof(blocks));
	entry.facts.is_report = entry.facts.has_dsn = true;
	entry.facts.dsn.n_recipients = 1;
	entry.facts.dsn.recipients = blocks;
	block->action = action;
	strcpy(block->action_text, dsn_action_name(action));
	strcpy(block->status_text, "5.4.4");
	block->status = (struct status){5, 4, 4};
	strcpy(block->diagnostic_code, "X-Postfix; Name service error for name=good.test "
				       "type=AAAA: Host found but no data record");
	snprintf(block->final_recipient, sizeof(block->final_recipient), "rfc822; %s",
		 final_recipient);
	strcpy(entry.facts.dsn.reporting_mta, "dns; mx.six.test");
	entry.facts.status_part = (char *)"Final-Recipient: rfc822; someone\nAction: failed\n";
	entry.facts.returned = (char *)"Subject: six\n";
	return entry;
}

// Into the spool, as intake would; its name is in a static buffer.
static inline const char *house_put(const struct entry *entry)
{
	static char name[ENTRY_NAME_MAX + 1];
	struct buf file = buf_make(ENTRY_MAX);
	char path[ENTRY_NAME_MAX + 20];

	entry_name(name, &entry->envelope);
	entry_write_envelope(&file, &entry->envelope, entry->arrived);
	entry_write_facts(&file, &entry->facts);
	snprintf(path, sizeof(path), "spool/%s", name);
	folder_write(path, file.data, file.len);
	{
		char to[ENTRY_NAME_MAX + 20];

		snprintf(to, sizeof(to), "spool/new/%s", name);
		if (rename(folder_file(path), folder_file(to)) < 0)
			abort();
	}
	buf_free(&file);
	return name;
}

// The token address of a probe: local part and all, in a static buffer.
static inline const char *house_token_address(const struct seal *seal, const char *purpose,
					      uint64_t id, const char *domain, int64_t expires)
{
	static char text[TOKEN_TEXT_SIZE + 100];
	struct token token;

	seal_mint(seal, purpose, domain, id, expires, &token);
	strcpy(text, BOUNCE_PREFIX);
	token_text(text + strlen(BOUNCE_PREFIX), &token);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "@%s", domain);
	return text;
}
