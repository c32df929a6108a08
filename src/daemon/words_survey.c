// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The mail servers of the requester's domain, for a table, and notes in words on what is wrong with
// them. A domain with ten hosts of eight addresses must not make a letter of ten pages, so of each
// host some addresses are shown and the rest is counted. The names and banners of a survey are
// escaped already.

#include <stdio.h>
#include <string.h>

#include "daemon/words_tree.h"

#define NOTES_MAX  12
#define COLUMN_MIN 20 // of the addresses in a text's table

// Addresses shown of a host, and hosts: less in a letter that must be short.
static size_t shown_addresses(const struct words_tree *tree)
{
	return tree->max >= WORDS_CUT_MAX ? 4 : tree->max >= WORDS_CUT_MAX / 4 ? 2 : 1;
}

static size_t shown_hosts(const struct words_tree *tree)
{
	return tree->max >= WORDS_CUT_MAX / 4 ? SURVEY_HOSTS_MAX : 4;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool has_failed(const struct survey_address *address)
{
	return address->reach != SURVEY_REACH_UNKNOWN && address->reach != SURVEY_REACH_ACCEPTS;
}

static bool is_public(const struct survey_address *address)
{
	return address->kind == SURVEY_KIND_GLOBAL || address->kind == SURVEY_KIND_UNKNOWN;
}

// ---- notes
// ----------------------------------------------------------------------------------------

static void add_note(struct words_tree *tree, struct words_list *notes, const char *kind,
		     const char *name, const struct phrase_facts *facts)
{
	struct words_item item = {.n = 0};
	const char *said = words_say(tree, kind, name, kind[0] == 'n' ? "text" : "note", facts);

	if (*said == '\0')
		return;
	words_put_said(&item, "note", said);
	words_append(tree, notes, &item);
}

// One that counts.
static void add_count_note(struct words_tree *tree, struct words_list *notes, const char *name,
			   const char *host, size_t n)
{
	char text[24];
	struct phrase_facts facts = tree->facts;

	snprintf(text, sizeof(text), "%zu", n);
	facts.host = host;
	facts.n = text;
	add_note(tree, notes, "note", name, &facts);
}

// The first address of each kind that does not work everywhere; where it did work, all is well.
static void note_kinds(struct words_tree *tree, struct words_list *notes)
{
	const struct survey *survey = tree->in->survey;
	bool seen[SURVEY_KINDS] = {false};

	for (size_t i = 0; i < survey->n_hosts; i++) {
		const struct survey_host *host = &survey->hosts[i];

		for (size_t k = 0; k < host->n_v6; k++) {
			const struct survey_address *address = &host->v6[k];
			struct phrase_facts facts = tree->facts;

			if (address->reach == SURVEY_REACH_ACCEPTS || seen[address->kind])
				continue;
			seen[address->kind] = true;
			facts.host = words_stranger(tree, host->name);
			facts.host_address = address->text;
			add_note(tree, notes, "kind", survey_kind_name(address->kind), &facts);
		}
	}
}

static bool is_literal(const struct survey_host *host)
{
	return host->is_literal;
}

static bool is_alias(const struct survey_host *host)
{
	return host->is_cname && !host->is_literal;
}

static bool has_dns_over_v4(const struct survey_host *host)
{
	return host->n_v6 > 0 && host->ns_v6 == SURVEY_NO;
}

// What is wrong with a host, told of the first that it is true of.
static void note_hosts(struct words_tree *tree, struct words_list *notes)
{
	static const struct {
		const char *name;
		bool (*is_so)(const struct survey_host *host);
	} rows[] = {{"literal", is_literal}, {"cname", is_alias}, {"ns-v4", has_dns_over_v4}};
	const struct survey *survey = tree->in->survey;
	struct phrase_facts facts = tree->facts;

	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++)
		for (size_t i = 0; i < survey->n_hosts; i++) {
			if (!rows[row].is_so(&survey->hosts[i]))
				continue;
			facts.host = words_stranger(tree, survey->hosts[i].name);
			add_note(tree, notes, "note", rows[row].name, &facts);
			break;
		}
}

static bool some_has(const struct survey *survey, bool (*is_so)(const struct survey_address *))
{
	for (size_t i = 0; i < survey->n_hosts; i++)
		for (size_t k = 0; k < survey->hosts[i].n_v6; k++)
			if (is_so(&survey->hosts[i].v6[k]))
				return true;
	return false;
}

static bool is_any(const struct survey_address *address)
{
	return address->text[0] != '\0';
}

static bool accepts(const struct survey_address *address)
{
	return address->reach == SURVEY_REACH_ACCEPTS;
}

// Where no host stands in the table, this says why.
static const char *note_of_mx(const struct survey *survey)
{
	switch (survey->mx) {
	case SURVEY_MX_UNKNOWN:
		return "no-dns";
	case SURVEY_MX_NULL:
		return "null-mx";
	case SURVEY_MX_NONE:
		return "none";
	case SURVEY_MX_NO_DOMAIN:
		return "no-domain";
	case SURVEY_MX_LISTED:
		return NULL;
	case SURVEY_MX_IMPLICIT:
		break;
	}
	if (survey->a_only)
		return "implicit-a";
	return survey->hosts[0].n_v6 > 0 && survey->hosts[0].has_v4 == SURVEY_NO ? "implicit-aaaa"
										 : NULL;
}

static void add_notes(struct words_tree *tree)
{
	const struct survey *survey = tree->in->survey;
	struct words_list notes = words_list(tree, NOTES_MAX);
	const char *of_mx = note_of_mx(survey);
	const int first = survey_first_v6(survey);

	if (of_mx != NULL)
		add_note(tree, &notes, "note", of_mx, &tree->facts);
	if (survey_prefers_v4(survey))
		add_count_note(tree, &notes, "later",
			       words_stranger(tree, survey->hosts[first].name), (size_t)first + 1);
	note_kinds(tree, &notes);
	note_hosts(tree, &notes);
	if (some_has(survey, accepts) && some_has(survey, has_failed))
		add_note(tree, &notes, "note", "some-not", &tree->facts);
	if (survey->n_hosts_all > survey->n_hosts)
		add_count_note(tree, &notes, "more-hosts", "", survey->n_hosts_all);
	if (!survey->is_complete && survey->mx != SURVEY_MX_UNKNOWN)
		add_note(tree, &notes, "note", "incomplete", &tree->facts);
	words_add_flag(tree, "has_notes", notes.n > 0);
	words_add_list(tree, "notes", &notes);
}

// ---- the table
// ------------------------------------------------------------------------------------

// "answers", "connection refused", "local (ULA)", or both.
static const char *state_of(struct words_tree *tree, const struct survey_address *address)
{
	struct phrase_facts facts = tree->facts;
	const char *kind = words_say(tree, "kind", survey_kind_name(address->kind), "text", &facts);
	const char *reach;
	char code[12], both[512];

	if (!tree->in->survey->tried_reach)
		return kind;
	snprintf(code, sizeof(code), "%d", (int)address->code);
	facts.code = address->code > 0 ? code : "";
	facts.step = words_say(tree, "step", survey_step_name(address->step), "text", &facts);
	reach = words_say(tree, "reach", survey_reach_name(address->reach), "text", &facts);
	if (*kind == '\0' || address->reach == SURVEY_REACH_ACCEPTS)
		return reach;
	snprintf(both, sizeof(both), "%s; %s", reach, kind);
	return words_keep(tree, both, strlen(both));
}

static void append_address(struct words_tree *tree, struct words_list *list,
			   const struct survey_address *address, size_t width)
{
	struct words_item item = {.n = 0};
	bool is_good = address->reach == SURVEY_REACH_ACCEPTS;
	char column[SURVEY_ADDRESS_SIZE + COLUMN_MIN], ms[24] = "";
	int32_t connect_ms = address->step_ms[SURVEY_STEP_CONNECT];

	snprintf(column, sizeof(column), "%-*s", (int)width, address->text);
	if (is_good && connect_ms >= 0)
		snprintf(ms, sizeof(ms), "%d", (int)connect_ms);
	words_put(&item, "address", words_keep(tree, address->text, strlen(address->text)));
	words_put(&item, "address_column", words_keep(tree, column, strlen(column)));
	words_put_said(&item, "state", state_of(tree, address));
	words_put_flag(&item, "is_good", is_good);
	words_put_flag(&item, "is_bad", has_failed(address) || (!is_good && !is_public(address)));
	words_put(&item, "connect_ms", words_keep(tree, ms, strlen(ms)));
	words_put_flag(&item, "has_starttls", address->starttls == SURVEY_YES);
	words_put_said(&item, "banner", words_stranger(tree, address->banner));
	words_append(tree, list, &item);
}

// So wide that every address in the table fits, and no wider.
static size_t column_width(const struct words_tree *tree)
{
	const struct survey *survey = tree->in->survey;
	size_t width = COLUMN_MIN;

	for (size_t i = 0; i < least(survey->n_hosts, shown_hosts(tree)); i++)
		for (size_t k = 0; k < least(survey->hosts[i].n_v6, shown_addresses(tree)); k++) {
			size_t len = strlen(survey->hosts[i].v6[k].text);

			width = len > width ? len : width;
		}
	return width;
}

static void append_host(struct words_tree *tree, struct words_list *list,
			const struct survey_host *host, size_t width)
{
	struct words_item item = {.n = 0};
	struct words_list addresses = words_list(tree, shown_addresses(tree));
	char number[24], column[24];

	for (size_t i = 0; i < host->n_v6; i++)
		append_address(tree, &addresses, &host->v6[i], width);
	words_put_said(&item, "name", words_stranger(tree, host->name));
	snprintf(number, sizeof(number), "%d", (int)host->preference);
	snprintf(column, sizeof(column), "%5s", number);
	words_put(&item, "preference", words_keep(tree, number, strlen(number)));
	words_put(&item, "preference_column", words_keep(tree, column, strlen(column)));
	words_put_flag(&item, "has_v4", host->has_v4 == SURVEY_YES);
	words_put_flag(&item, "has_v6", addresses.n > 0);
	words_put_flag(&item, "is_v6_unknown", host->n_v6 == 0 && host->has_v6 == SURVEY_UNKNOWN);
	snprintf(number, sizeof(number), "%zu", host->n_v6 - addresses.n);
	words_put(&item, "more_addresses",
		  host->n_v6 == addresses.n ? "" : words_keep(tree, number, strlen(number)));
	words_put_list(&item, "addresses", &addresses);
	words_append(tree, list, &item);
}

void words_add_survey(struct words_tree *tree)
{
	static const struct survey none;
	const struct survey *survey = tree->in->survey;
	struct words_list hosts = words_list(tree, survey == NULL ? 0 : shown_hosts(tree));
	const char *title = "";

	words_add_flag(tree, "has_survey", survey != NULL);
	if (survey == NULL) {
		struct words_list notes = words_list(tree, 0);

		words_add_flag(tree, "has_notes", false);
		words_add_list(tree, "notes", &notes);
		survey = &none;
	} else {
		title = words_say(tree, "mx", survey_mx_name(survey->mx), "text", &tree->facts);
		add_notes(tree);
	}
	for (size_t i = 0; i < survey->n_hosts; i++)
		append_host(tree, &hosts, &survey->hosts[i], column_width(tree));
	words_add_said(tree, "survey_title", title);
	words_add_flag(tree, "has_reach", survey->tried_reach && some_has(survey, is_any));
	words_add_flag(tree, "has_hosts", hosts.n > 0);
	words_add_number(tree, "more_hosts", survey->n_hosts - hosts.n);
	words_add_list(tree, "hosts", &hosts);
}
