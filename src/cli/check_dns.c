// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Every record of `postsix dns` as the world sees it: all are asked for at once, and each is a line
// of its own, with what to publish where the DNS has something else.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/prove.h"
#include "cli/check.h"
#include "cli/zone_text.h"

#define DEADLINE_MS 15000 // for all of it
#define ATTEMPT_MS  1000
#define LINE_SIZE   300 // of a record in a mend line; what is longer stands in `postsix dns`

struct asking {
	struct check *check;
	const struct records *records;
	struct loop *loop;
	struct prove *prove;
};

static void mend_publish(struct check *check, const struct record *record)
{
	auto_buf struct buf line = buf_make(8192);

	zone_text_add(&line, record);
	if (line.len < LINE_SIZE)
		check_mend(check, "publish %s", buf_string(&line));
	else if (strcmp(check->config->path, CONFIG_PATH_DEFAULT) == 0)
		check_mend(check, "publish what `postsix dns %s` prints for %s", record->site,
			   record->name);
	else
		check_mend(check, "publish what `postsix dns -c %s %s` prints for %s",
			   check->config->path, record->site, record->name);
}

// Who has one already, as most domains do, adds another to it, and has none that counts.
static void mend_alone(struct check *check, const struct record *record)
{
	if (record->role == RECORD_SPF && record->is_common)
		check_mend(check, "as one record, with the addresses of the other hosts");
	else if (record->role == RECORD_SPF || record->role == RECORD_HELO_SPF)
		check_mend(check, "as its only v=spf1 record: two are as good as none");
	else if (record->role == RECORD_DMARC)
		check_mend(check, "as its only v=DMARC1 record: two are as good as none");
}

static void mend(struct check *check, const struct record *record, enum record_level level)
{
	if (level == RECORD_UNKNOWN)
		check_mend(check, "look for %s with dig(1), from here and from elsewhere",
			   record->name);
	else if (record->role == RECORD_NO_A)
		check_mend(check, "remove that A record: what can take IPv4 proves nothing");
	else if (record->role == RECORD_NS_NO_A)
		check_mend(check, "serve the zone from name servers with AAAA records only");
	else if (record->role == RECORD_ADDRESS && level == RECORD_DOUBTFUL)
		check_mend(check,
			   "remove the %s record of the address that is not its any more, or add "
			   "that to listen in %s",
			   lookup_type_name(record->type), check->config->path);
	else
		mend_publish(check, record);
	if (record->role == RECORD_MX_ALONE && level != RECORD_UNKNOWN)
		check_mend(check, "and no other: another host does not know these probes");
	if (record->role == RECORD_MX && record->is_common && level != RECORD_UNKNOWN)
		check_mend(check, "beside the MX records of the other hosts");
	if (level != RECORD_UNKNOWN)
		mend_alone(check, record);
	if (record->role == RECORD_PTR && level != RECORD_UNKNOWN)
		check_mend(check, "whoever assigned %s has its reverse zone: ask them",
			   record->addresses);
	if (record->role == RECORD_ADDRESS && level == RECORD_WRONG)
		check_mend(check,
			   "or mend hostname and listen in %s, where the address is wrong "
			   "there",
			   check->config->path);
}

static enum check_level level_of(enum record_level level)
{
	static const enum check_level levels[RECORD_LEVELS] = {
		[RECORD_GOOD] = CHECK_OK,      [RECORD_DOUBTFUL] = CHECK_WARN,
		[RECORD_UNKNOWN] = CHECK_WARN, [RECORD_WRONG] = CHECK_FAIL,
		[RECORD_WAITS] = CHECK_WARN,
	};

	return levels[level];
}

static void say(struct check *check, const struct record *record,
		const struct record_finding *finding)
{
	char subject[DOMAIN_MAX + 64];

	if (record->role == RECORD_NS_NO_A && !check->is_strict)
		return;
	snprintf(subject, sizeof(subject), "%s %s", record_role_name(record->role),
		 record->role == RECORD_PTR ? record->addresses : record->name);
	check_say(check, level_of(finding->level), subject, "%s", finding->text);
	if (finding->level != RECORD_GOOD)
		mend(check, record, finding->level);
}

static void on_end(void *arg, const struct record_finding *findings)
{
	struct asking *asking = arg;
	size_t n_unknown = 0;

	for (size_t i = 0; i < asking->records->n; i++)
		n_unknown += findings[i].level == RECORD_UNKNOWN;
	if (n_unknown == asking->records->n) {
		check_say(asking->check, CHECK_FAIL, "", "no DNS server answers");
		check_mend(asking->check, "see /etc/resolv.conf: postsixd and Postfix need a "
					  "resolver that works");
	} else {
		for (size_t i = 0; i < asking->records->n; i++)
			say(asking->check, &asking->records->rows[i], &findings[i]);
	}
	asking->prove = prove_free(asking->prove);
	loop_stop(asking->loop, 0);
}

static int ask(struct check *check, const struct records *records)
{
	struct asking asking = {.check = check, .records = records};
	char server[80];
	struct dns_options options = {.attempt_ms = ATTEMPT_MS, .cache_entries = -1};
	struct dns *dns = NULL;
	int r = dns_init();

	if (check->server != NULL) {
		snprintf(server, sizeof(server),
			 strchr(check->server, ':') == NULL ? "%s:53" : "[%s]:53", check->server);
		options.servers = server;
	}
	asking.loop = loop_new();
	if (r == 0)
		r = dns_open_loop(asking.loop, &options, &dns);
	if (r == 0) {
		asking.prove = prove_start(asking.loop, dns, records, DEADLINE_MS, on_end, &asking);
		r = loop_run(asking.loop);
		dns_close(dns);
	}
	loop_free(asking.loop);
	return r;
}

void check_dns(struct check *check)
{
	auto_free char *errors = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&errors, &len);
	struct records *records = prove_records(check->config, check->site, memory);
	int r = 0;

	fclose(memory);
	if (records == NULL) {
		check_say(check, CHECK_FAIL, "keys", "%.*s", (int)strcspn(errors, "\n"), errors);
		check_mend(check, "run as root; `postsix dkim-key SITE` makes a key where there is "
				  "none");
		return;
	}
	r = ask(check, records);
	if (r < 0) {
		check_say(check, CHECK_FAIL, "", "the DNS cannot be asked: %s", strerror(-r));
		check_mend(check, "see /etc/resolv.conf, or --server");
	}
	records_free(records);
}
