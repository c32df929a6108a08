// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The figures as the talk had them: totals first, then a table for each group of counts.

#include <inttypes.h>
#include <string.h>

#include "cli/gather.h"

static int64_t size_of(const struct figures *figures, const char *name, const char **ret_mark)
{
	*ret_mark = "";
	for (size_t i = 0; i < figures->n_sets; i++)
		if (strcmp(figures->sets[i].name, name) == 0) {
			*ret_mark = figures->sets[i].is_sum ? "*" : "";
			return figures_size(&figures->sets[i]);
		}
	return 0;
}

static void add_total(const struct figures *figures, const char *words, const char *count,
		      const char *set, struct buf *out)
{
	const char *mark = "";
	int64_t n = count != NULL ? figures_get(figures, count) : size_of(figures, set, &mark);

	buf_addf(out, "%8" PRId64 "%-1s %s\n", n, mark, words);
}

// Counts whose names begin so, without that beginning.
static void add_group(const struct figures *figures, const char *title, const char *prefix,
		      struct buf *out)
{
	bool is_first = true;

	for (size_t i = 0; i < figures->n_counts; i++) {
		const struct figures_count *count = &figures->counts[i];

		if (strncmp(count->name, prefix, strlen(prefix)) != 0)
			continue;
		if (is_first)
			buf_addf(out, "\n%s\n", title);
		is_first = false;
		buf_addf(out, "%8" PRId64 "  %s\n", count->count,
			 ask_clean(count->name + strlen(prefix), 60));
	}
}

static void add_abilities(const struct figures *figures, struct buf *out)
{
	static const char *const names[] = {"deliver-v6", "receive-v6", "envelope-v6", "header-v6"};
	static const char *const verdicts[] = {"pass", "fail", "unknown"};
	char name[FIGURES_NAME_SIZE];

	buf_adds(out, "\nabilities         pass     fail  unknown\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_addf(out, "  %-12s", names[i]);
		for (size_t k = 0; k < sizeof(verdicts) / sizeof(verdicts[0]); k++) {
			snprintf(name, sizeof(name), "ability.%s.%s", names[i], verdicts[k]);
			buf_addf(out, " %8" PRId64, figures_get(figures, name));
		}
		buf_adds(out, "\n");
	}
}

void gather_print(const struct figures *figures, struct buf *out)
{
	bool has_sum = false;

	add_total(figures, "messages to test@", "requests", NULL, out);
	add_total(figures, "of them answered", "answered", NULL, out);
	add_total(figures, "different addresses", NULL, "addresses", out);
	add_total(figures, "different domains", NULL, "domains", out);
	add_total(figures, "IPv6 bounces", "bounces", NULL, out);
	add_total(figures, "different addresses that bounced", NULL, "bounced-addresses", out);
	add_group(figures, "bounces by class", "class.", out);
	add_group(figures, "bounces by status", "status.", out);
	add_group(figures, "outcomes of probes", "outcome.", out);
	add_abilities(figures, out);
	buf_adds(out, "\nmail hosts of the domains, by the surveys\n");
	add_total(figures, "surveys", "surveys", NULL, out);
	add_total(figures, "different MX hosts", NULL, "mx-hosts", out);
	add_total(figures, "different IPv4 addresses", NULL, "ipv4", out);
	add_total(figures, "different IPv6 addresses", NULL, "ipv6", out);
	add_total(figures, "of them took a connection on port 25", NULL, "ipv6-reachable", out);
	add_group(figures, "not answered", "refused.", out);
	for (size_t i = 0; i < figures->n_sets; i++)
		has_sum |= figures->sets[i].is_sum;
	if (has_sum)
		buf_adds(out, "\n* a sum over hosts with different keys: some may be the same\n");
}

void gather_csv(const struct figures *figures, struct buf *out)
{
	buf_adds(out, "name,value,exact\r\n");
	for (size_t i = 0; i < figures->n_counts; i++)
		buf_addf(out, "%s,%" PRId64 ",yes\r\n", figures->counts[i].name,
			 figures->counts[i].count);
	for (size_t i = 0; i < figures->n_sets; i++)
		buf_addf(out, "different.%s,%" PRId64 ",%s\r\n", figures->sets[i].name,
			 figures_size(&figures->sets[i]), figures->sets[i].is_sum ? "no" : "yes");
}
