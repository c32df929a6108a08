// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Rounds: judge every record, ask what the judges took down, judge again with each answer that
// comes. A question that is under way when nobody waits any more keeps the memory until its answer.
#include "adapter/prove.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/key.h"
#include "base/mem.h"

// ---- the records --------------------------------------------------------------------------------

static bool read_key(struct records_key *ret_key, const char *path, enum key_type type,
		     const char *selector, FILE *errors)
{
	auto_buf struct buf text = buf_make(KEY_RECORD_MAX);
	struct key *key = NULL;
	const char *fault = key_open(path, type, &key);

	if (fault != NULL) {
		fprintf(errors, "%s: %s\n", path, fault);
		return false;
	}
	key_record(key, &text);
	key_free(key);
	*ret_key = (struct records_key){selector, buf_steal(&text)};
	return true;
}

static bool read_site(struct records_site *row, const struct config_site *site, FILE *errors)
{
	*row = (struct records_site){.name = site->name,
				     .v6_domain = &site->v6_domain,
				     .dual_domain = &site->dual_domain};
	if (!domain_equals(&site->token_domain, &site->v6_domain))
		row->token_domain = &site->token_domain;
	if (site->dkim_key_file[0] != '\0' &&
	    !read_key(&row->keys[row->n_keys++], site->dkim_key_file, KEY_RSA, site->dkim_selector,
		      errors))
		return false;
	return site->dkim_ed25519_key_file[0] == '\0' ||
	       read_key(&row->keys[row->n_keys++], site->dkim_ed25519_key_file, KEY_ED25519,
			site->dkim_ed25519_selector, errors);
}

struct records *prove_records(const struct config *config, const char *site, FILE *errors)
{
	const struct records_host dual = {config->dual.hostname, config->dual.listen};
	const struct records_host v6 = {config->v6.hostname, config->v6.listen};
	struct records_site rows[CONFIG_SITES_MAX] = {0};
	struct records *records = NULL;
	bool is_read = true;
	size_t n = 0;

	for (size_t i = 0; i < config->n_sites && is_read; i++)
		if (site == NULL || strcmp(config->sites[i].name, site) == 0)
			is_read = read_site(&rows[n++], &config->sites[i], errors);
	if (n == 0)
		fprintf(errors, "%s has no [site %s]\n", config->path, site == NULL ? "" : site);
	else if (is_read)
		records = records_make(rows, n, &dual, &v6);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < RECORDS_KEYS_MAX; k++)
			free(rows[i].keys[k].text);
	return records;
}

// ---- the proof ----------------------------------------------------------------------------------

struct prove {
	const struct records *records;
	struct dns *dns;
	struct lookups *lookups;
	struct record_finding *findings;
	struct source *timer; // the deadline
	struct source *idle;  // somebody is to look at what is known
	size_t n_asked;       // questions without an answer yet
	bool is_over;         // nobody wants to know any more
	void (*on_end)(void *arg, const struct record_finding *findings);
	void *arg;
};

struct question {
	struct prove *prove;
	size_t number;
};

static void drop(struct prove *prove)
{
	if (!prove->is_over || prove->n_asked > 0)
		return;
	lookups_free(prove->lookups);
	free(prove->findings);
	free(prove);
}

static void on_answer(void *arg, struct dns_answer answer)
{
	struct question *question = arg;
	struct prove *prove = question->prove;
	struct lookup lookup = {.status = LOOKUP_UNKNOWN,
				.is_alias = answer.is_alias,
				.n = answer.n,
				.values = answer.values};

	if (answer.status == DNS_FOUND)
		lookup.status = LOOKUP_FOUND;
	else if (answer.status == DNS_NO_DATA || answer.status == DNS_NO_NAME)
		lookup.status = LOOKUP_NOTHING;
	lookups_fill(prove->lookups, question->number, &lookup);
	dns_answer_free(&answer);
	free(question);
	prove->n_asked--;
	if (prove->is_over)
		drop(prove);
	else
		source_set_idle(prove->idle);
}

static void ask_all(struct prove *prove)
{
	static const enum dns_type types[LOOKUP_TYPES] = {
		[LOOKUP_A] = DNS_A,     [LOOKUP_AAAA] = DNS_AAAA, [LOOKUP_MX] = DNS_MX,
		[LOOKUP_PTR] = DNS_PTR, [LOOKUP_TXT] = DNS_TXT,   [LOOKUP_NS] = DNS_NS,
	};
	enum lookup_type type;
	const char *name;
	size_t number;

	while (lookups_next(prove->lookups, &number, &type, &name)) {
		struct question *question = mem_new(1, sizeof(*question));

		*question = (struct question){prove, number};
		prove->n_asked++;
		dns_ask(prove->dns, types[type], name, on_answer, question);
	}
}

// True where none waits.
static bool judge_all(struct prove *prove)
{
	bool is_known = true;

	for (size_t i = 0; i < prove->records->n; i++) {
		record_judge(&prove->records->rows[i], prove->lookups, &prove->findings[i]);
		is_known = is_known && prove->findings[i].level != RECORD_WAITS;
	}
	return is_known;
}

static void end(struct prove *prove)
{
	for (size_t i = 0; i < prove->records->n; i++) {
		struct record_finding *finding = &prove->findings[i];

		if (finding->level != RECORD_WAITS)
			continue;
		finding->level = RECORD_UNKNOWN;
		strcpy(finding->text, "the DNS did not answer in time");
	}
	prove->timer = source_free(prove->timer);
	prove->idle = source_free(prove->idle);
	prove->on_end(prove->arg, prove->findings);
}

static void on_news(void *arg)
{
	struct prove *prove = arg;

	if (judge_all(prove))
		end(prove);
	else
		ask_all(prove);
}

static void on_deadline(void *arg)
{
	end(arg);
}

struct prove *prove_start(struct loop *loop, struct dns *dns, const struct records *records,
			  int deadline_ms,
			  void (*on_end)(void *arg, const struct record_finding *findings),
			  void *arg)
{
	struct prove *prove = mem_new(1, sizeof(*prove));

	prove->records = records;
	prove->dns = dns;
	prove->lookups = lookups_new();
	prove->findings = mem_new(records->n + 1, sizeof(*prove->findings));
	prove->on_end = on_end;
	prove->arg = arg;
	prove->timer = loop_add_timer(loop, (uint64_t)deadline_ms * 1000, on_deadline, prove);
	prove->idle = loop_add_idle(loop, on_news, prove);
	source_set_idle(prove->idle);
	return prove;
}

struct prove *prove_free(struct prove *prove)
{
	if (prove == NULL)
		return NULL;
	prove->timer = source_free(prove->timer);
	prove->idle = source_free(prove->idle);
	prove->is_over = true;
	drop(prove);
	return NULL;
}
