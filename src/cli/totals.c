// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The summary. Domains are counted as they come, hosts and addresses as different ones. An address
// accepts a connection where connecting to it succeeded, and greets where it answered EHLO, too;
// one that did once counts, whatever it did for another domain.
#include "cli/totals.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/distinct.h"

enum what {
	HOSTS,
	V4,
	V4_CONNECT,
	V4_GREET,
	V6,
	V6_CONNECT,
	V6_GREET,
	WHATS,
};

struct totals {
	uint64_t domains;
	uint64_t incomplete;
	uint64_t with_v6; // that have an MX host with an IPv6 address
	struct distinct *sets[WHATS];
};

struct totals *totals_new(void)
{
	struct totals *totals = mem_new(1, sizeof(*totals));

	for (int i = 0; i < WHATS; i++)
		totals->sets[i] = distinct_new();
	return totals;
}

struct totals *totals_free(struct totals *totals)
{
	if (totals == NULL)
		return NULL;
	for (int i = 0; i < WHATS; i++)
		distinct_free(totals->sets[i]);
	free(totals);
	return NULL;
}

static void add_text(struct totals *totals, enum what what, const char *text)
{
	distinct_add(totals->sets[what], text, strlen(text));
}

static void add_addresses(struct totals *totals, enum what first,
			  const struct survey_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add_text(totals, first, addresses[i].text);
		if (addresses[i].step > SURVEY_STEP_CONNECT)
			add_text(totals, first + 1, addresses[i].text);
		if (addresses[i].reach == SURVEY_REACH_ACCEPTS)
			add_text(totals, first + 2, addresses[i].text);
	}
}

void totals_add(struct totals *totals, const struct survey *survey)
{
	totals->domains++;
	totals->incomplete += !survey->is_complete;
	totals->with_v6 += survey_first_v6(survey) >= 0;
	for (size_t i = 0; i < survey->n_hosts; i++) {
		const struct survey_host *host = &survey->hosts[i];
		char name[DOMAIN_MAX + 1];

		text_cut(name, sizeof(name), host->name);
		text_lower(name);
		add_text(totals, HOSTS, name);
		add_addresses(totals, V4, host->v4, host->n_v4);
		add_addresses(totals, V6, host->v6, host->n_v6);
	}
}

static void print_line(const struct totals *totals, enum what what, const char *label,
		       struct buf *out)
{
	bool is_exact;
	uint64_t n = distinct_count(totals->sets[what], &is_exact);

	buf_addf(out, "%-44s%s%10" PRIu64 "\n", label, is_exact ? "      " : "about ", n);
}

void totals_print(const struct totals *totals, bool v4, bool v6, struct buf *out)
{
	buf_addf(out, "%-44s      %10" PRIu64 "\n", "Domains", totals->domains);
	if (totals->incomplete > 0)
		buf_addf(out, "%-44s      %10" PRIu64 "\n", "  of them cut short by the deadline",
			 totals->incomplete);
	buf_addf(out, "%-44s      %10" PRIu64 "\n", "  with a mail host that has an IPv6 address",
		 totals->with_v6);
	print_line(totals, HOSTS, "MX hosts", out);
	print_line(totals, V4, "IPv4 addresses", out);
	if (v4) {
		print_line(totals, V4_CONNECT, "  that accept a connection on port 25", out);
		print_line(totals, V4_GREET, "  that greet and answer EHLO, too", out);
	}
	print_line(totals, V6, "IPv6 addresses", out);
	if (v6) {
		print_line(totals, V6_CONNECT, "  that accept a connection on port 25", out);
		print_line(totals, V6_GREET, "  that greet and answer EHLO, too", out);
	}
}
