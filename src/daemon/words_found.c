// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The verdicts and the diagnosis in words: what happened, what it means, who can mend it, and what
// to send them. The words are in phrases.ini; here is only which of them apply, and to which host.

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "daemon/words_tree.h"
#include "mail/diagnose.h"
#include "mail/dsn.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

// ---- which host
// -----------------------------------------------------------------------------------

// Copies the name if it is one.
static bool take_name(char dst[DOMAIN_MAX + 1], const char *name, size_t len)
{
	struct domain domain;

	if (len == 0 || domain_parse(name, len, &domain) != NULL)
		return false;
	text_cut(dst, DOMAIN_MAX + 1, domain.text);
	return true;
}

// "connect to mx.example[2001:db8::1]:25: …": Postfix names a server so. An empty name takes any;
// another is the one that is looked for.
static void find_named(const char *text, char name[DOMAIN_MAX + 1],
		       char address[SURVEY_ADDRESS_SIZE])
{
	for (const char *at = strchr(text, '['); at != NULL; at = strchr(at + 1, '[')) {
		const char *start = at;
		size_t len = strcspn(at + 1, "]");
		char inside[SURVEY_ADDRESS_SIZE] = "";
		unsigned char bytes[16];

		while (start > text && strchr(NAME_CHARS, start[-1]) != NULL)
			start--;
		if (len < sizeof(inside))
			memcpy(inside, at + 1, len);
		if (inet_pton(AF_INET6, inside, bytes) != 1)
			continue;
		if (name[0] != '\0' &&
		    !((size_t)(at - start) == strlen(name) && text_starts_nocase(start, name)))
			continue;
		if (name[0] == '\0' && !take_name(name, start, (size_t)(at - start)))
			continue;
		memcpy(address, inside, sizeof(inside));
		return;
	}
}

// "Name service error for name=mx.example type=AAAA: …"
static void find_asked(const char *text, char name[DOMAIN_MAX + 1])
{
	const char *at = strstr(text, "name=");

	if (name[0] == '\0' && at != NULL)
		(void)take_name(name, at + 5, strspn(at + 5, NAME_CHARS));
}

// The first that has an IPv6 address, or that answered there; else the first of all.
static const struct survey_host *likely_host(const struct survey *survey)
{
	const struct survey_address *best = survey_best_v6(survey);

	for (size_t i = 0; i < survey->n_hosts && best != NULL; i++)
		if (best >= survey->hosts[i].v6 &&
		    best < survey->hosts[i].v6 + survey->hosts[i].n_v6)
			return &survey->hosts[i];
	return survey->n_hosts > 0 ? &survey->hosts[0] : NULL;
}

static const char *only_address(const struct survey *survey, const char *name)
{
	for (size_t i = 0; survey != NULL && i < survey->n_hosts; i++)
		if (text_equals_nocase(survey->hosts[i].name, name) && survey->hosts[i].n_v6 == 1)
			return survey->hosts[i].v6[0].text;
	return "";
}

void words_find_host(struct words_tree *tree, const char **ret_host, const char **ret_address)
{
	const struct words_input *in = tree->in;
	const struct survey_host *likely = in->survey == NULL ? NULL : likely_host(in->survey);
	const char *speaker = words_speaker(in);
	char name[DOMAIN_MAX + 1] = "", address[SURVEY_ADDRESS_SIZE] = "";

	(void)take_name(name, speaker, strcspn(speaker, " "));
	find_named(in->mail->diagnostic, name, address);
	find_asked(in->mail->diagnostic, name);
	if (name[0] == '\0' && likely != NULL)
		text_cut(name, sizeof(name), likely->name);
	*ret_host = words_stranger(tree, name);
	*ret_address = address[0] != '\0' ? words_keep(tree, address, strlen(address))
					  : only_address(in->survey, name);
}

// ---- abilities
// ------------------------------------------------------------------------------------

static void append_ability(struct words_tree *tree, struct words_list *list, enum ability ability)
{
	const struct verdict_found *found = &tree->in->found[ability];
	const char *name = ability_name(ability);
	struct words_item item = {.n = 0};

	words_put(&item, "ability", name);
	words_put_said(&item, "title", words_say(tree, "ability", name, "title", &tree->facts));
	words_put_said(&item, "about", words_say(tree, "ability", name, "about", &tree->facts));
	words_put_said(
		&item, "verdict",
		words_say(tree, "verdict", verdict_name(found->verdict), "text", &tree->facts));
	words_put_said(
		&item, "evidence",
		words_say(tree, "evidence", evidence_name(found->evidence), "text", &tree->facts));
	words_put_flag(&item, "is_pass", found->verdict == VERDICT_PASS);
	words_put_flag(&item, "is_fail", found->verdict == VERDICT_FAIL);
	words_put_flag(&item, "is_unknown", found->verdict == VERDICT_UNKNOWN);
	words_append(tree, list, &item);
}

static bool has_evidence(const struct words_input *in, enum evidence evidence)
{
	for (size_t i = 0; in->found != NULL && i < ABILITIES; i++)
		if (in->found[i].evidence == evidence)
			return true;
	return false;
}

// ---- what happened
// --------------------------------------------------------------------------------

static bool is_at(const char *host, const char *const suffixes[])
{
	for (size_t i = 0; suffixes[i] != NULL; i++)
		if (text_ends_nocase(host, suffixes[i]))
			return true;
	return false;
}

// What is known of the provider that bears on this class; NULL for nothing.
static const char *provider_of(const struct words_tree *tree, enum class class)
{
	static const char *const google[] = {".google.com", ".googlemail.com", NULL};
	static const char *const microsoft[] = {".protection.outlook.com", ".mx.microsoft", NULL};
	const char *host = tree->facts.host;
	bool is_trust = class == CLASS_PTR_REQUIRED || class == CLASS_AUTH_REQUIRED;

	if (is_trust && is_at(host, google))
		return "google";
	if ((is_trust || class == CLASS_NO_AAAA || class == CLASS_NO_V6_POLICY) &&
	    is_at(host, microsoft))
		return "microsoft";
	return NULL;
}

static enum class class_of(const struct words_input *in) {
	enum class class = CLASS_OTHER;

		if (in->diagnosis != NULL) return in->diagnosis->class;
		if (!class_find(in->mail->class, &class) &&
		    has_evidence(in, EVIDENCE_MX_WITHOUT_AAAA)) return CLASS_NO_AAAA;
		return class;
}

static void add_key(struct words_tree *tree, const char *key, const char *kind, const char *name)
{
	words_add_said(tree, key,
		       kind == NULL ? "" : words_say(tree, kind, name, key, &tree->facts));
}

// Of a bounce everything is said, of any other letter nothing.
static void add_reason(struct words_tree *tree)
{
	const struct words_input *in = tree->in;
	const enum class class = class_of(in);
	const bool is_bounce = in->mail->kind == KIND_BOUNCE;
	const bool by_records = has_evidence(in, EVIDENCE_OUR_RECORDS);
	const bool is_ours = is_bounce && (by_records || in->mail->action[0] == '\0');
	const char *kind = !is_bounce ? NULL : is_ours ? "ours" : "class";
	const char *name = !is_ours ? class_name(class) : by_records ? "records" : "handover";
	const char *who = kind == NULL ? NULL : phrases_get(in->phrases, kind, name, "who");
	const char *provider = is_ours ? NULL : provider_of(tree, class);

	words_add_flag(tree, "is_ours", is_ours);
	add_key(tree, "subject", kind, name);
	add_key(tree, "happened", kind, name);
	add_key(tree, "means", kind, name);
	add_key(tree, "send", kind, name);
	words_add_said(tree, "who",
		       who == NULL ? "" : words_say(tree, "who", who, "text", &tree->facts));
	add_key(tree, "hint", provider == NULL ? NULL : "provider", provider);
}

void words_add_found(struct words_tree *tree)
{
	const bool has_found = tree->in->found != NULL;
	struct words_list abilities = words_list(tree, has_found ? ABILITIES : 0);

	for (enum ability ability = 0; has_found && ability < ABILITIES; ability++)
		append_ability(tree, &abilities, ability);
	words_add_flag(tree, "has_abilities", abilities.n > 0);
	words_add_list(tree, "abilities", &abilities);
	add_reason(tree);
}
