// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// check_host() of RFC 7208 section 4, in small. A mechanism that cannot be told and would let pass
// is a "maybe": when a later one lets pass, it does not matter.
#include "mail/spf.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "mail/domain.h"

#define TERM_MAX 512
#define MX_MAX   10 // hosts of one mx mechanism (RFC 7208 section 4.6.4)

struct run {
	struct lookups *lookups;
	int family;
	unsigned char address[sizeof(struct in6_addr)];
	unsigned left; // look-ups
	bool maybe;
};

enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_MAYBE,
	MATCH_WAITS,
	MATCH_BROKEN,
	MATCH_UNKNOWN, // the DNS did not say
};

static enum spf_answer check_host(struct run *run, const char *domain);

// ---- addresses

static bool is_within(const struct run *run, int family, const char *text, unsigned bits)
{
	unsigned char net[sizeof(struct in6_addr)];
	unsigned whole = bits / 8, rest = bits % 8;

	if (family != run->family || inet_pton(family, text, net) != 1 ||
	    memcmp(net, run->address, whole) != 0)
		return false;
	return rest == 0 || ((net[whole] ^ run->address[whole]) >> (8 - rest)) == 0;
}

// Takes "/N" off the end of text; false where N is no length up to max.
static bool cut_length(char *text, const char *mark, unsigned max, unsigned *ret_bits)
{
	char *slash = strstr(text, mark);
	unsigned bits = 0;

	*ret_bits = max;
	if (slash == NULL)
		return true;
	*slash = '\0';
	slash += strlen(mark);
	if (*slash == '\0' || strlen(slash) > 3 || strspn(slash, "0123456789") != strlen(slash))
		return false;
	for (; *slash != '\0'; slash++)
		bits = bits * 10 + (unsigned)(*slash - '0');
	*ret_bits = bits;
	return bits <= max;
}

static enum match match_literal(const struct run *run, int family, char *value)
{
	unsigned char net[sizeof(struct in6_addr)];
	unsigned bits;

	if (!cut_length(value, "/", family == AF_INET ? 32 : 128, &bits) ||
	    inet_pton(family, value, net) != 1)
		return MATCH_BROKEN;
	return is_within(run, family, value, bits) ? MATCH_YES : MATCH_NO;
}

// ---- names

static enum match match_host(struct run *run, const char *host, unsigned bits)
{
	const struct lookup *found =
		lookups_ask(run->lookups, run->family == AF_INET ? LOOKUP_A : LOOKUP_AAAA, host);

	if (found->status == LOOKUP_WAITING)
		return MATCH_WAITS;
	if (found->status == LOOKUP_UNKNOWN)
		return MATCH_UNKNOWN;
	for (size_t i = 0; i < found->n; i++)
		if (is_within(run, run->family, found->values[i], bits))
			return MATCH_YES;
	return MATCH_NO;
}

static enum match match_mx(struct run *run, const char *domain, unsigned bits)
{
	const struct lookup *found = lookups_ask(run->lookups, LOOKUP_MX, domain);
	char hosts[MX_MAX][DOMAIN_MAX + 1];
	enum match match = MATCH_NO;
	size_t n = found->n;

	if (found->status == LOOKUP_WAITING)
		return MATCH_WAITS;
	if (found->status == LOOKUP_UNKNOWN || n > MX_MAX)
		return n > MX_MAX ? MATCH_BROKEN : MATCH_UNKNOWN;
	for (size_t i = 0; i < n; i++) // what is found does not outlive the next question
		text_cut(hosts[i], sizeof(hosts[i]), found->values[i]);
	for (size_t i = 0; i < n && match == MATCH_NO; i++)
		if (hosts[i][0] != '\0')
			match = match_host(run, hosts[i], bits);
	return match;
}

static enum match match_include(struct run *run, const char *domain)
{
	switch (check_host(run, domain)) {
	case SPF_PASS:
		return MATCH_YES;
	case SPF_NO_PASS:
		return MATCH_NO;
	case SPF_WAITS:
		return MATCH_WAITS;
	case SPF_UNKNOWN:
		return MATCH_MAYBE;
	case SPF_NONE:
	case SPF_BROKEN:
		break;
	}
	return MATCH_BROKEN; // RFC 7208 section 5.2
}

// a and mx: [":" domain] ["/" bits] ["//" bits]
static enum match match_name(struct run *run, const char *domain, bool is_mx, char *value)
{
	unsigned bits4, bits6;

	if (!cut_length(value, "//", 128, &bits6) || !cut_length(value, "/", 32, &bits4))
		return MATCH_BROKEN;
	if (strchr(value, '%') != NULL)
		return MATCH_MAYBE;
	if (value[0] != '\0')
		domain = value;
	return is_mx ? match_mx(run, domain, run->family == AF_INET ? bits4 : bits6)
		     : match_host(run, domain, run->family == AF_INET ? bits4 : bits6);
}

// A mechanism that asks the DNS counts.
static enum match match_asking(struct run *run, const char *domain, const char *name, char *value)
{
	if (run->left == 0)
		return MATCH_BROKEN;
	run->left--;
	if (text_equals_nocase(name, "a") || text_equals_nocase(name, "mx"))
		return match_name(run, domain, name[1] != '\0', value);
	if (text_equals_nocase(name, "include"))
		return strchr(value, '%') != NULL ? MATCH_MAYBE : match_include(run, value);
	if (text_equals_nocase(name, "exists") || text_equals_nocase(name, "ptr"))
		return MATCH_MAYBE;
	return MATCH_BROKEN;
}

static enum match match_mechanism(struct run *run, const char *domain, char *term)
{
	size_t len = strcspn(term, ":/");
	char name[16] = "";
	char *value = term + len + (term[len] == ':');

	if (len >= sizeof(name))
		return MATCH_BROKEN;
	memcpy(name, term, len);
	if (text_equals_nocase(name, "all"))
		return MATCH_YES;
	if (text_equals_nocase(name, "ip4"))
		return match_literal(run, AF_INET, value);
	if (text_equals_nocase(name, "ip6"))
		return match_literal(run, AF_INET6, value);
	return match_asking(run, domain, name, value);
}

// ---- the record

static bool is_record(const char *text)
{
	return text_starts_nocase(text, "v=spf1") && (text[6] == ' ' || text[6] == '\0');
}

// Copies the one record; SPF_PASS where there is one.
static enum spf_answer find_record(struct run *run, const char *domain, char *dst, size_t size)
{
	const struct lookup *found = lookups_ask(run->lookups, LOOKUP_TXT, domain);
	const char *record = NULL;

	if (found->status == LOOKUP_WAITING || found->status == LOOKUP_UNKNOWN)
		return found->status == LOOKUP_WAITING ? SPF_WAITS : SPF_UNKNOWN;
	for (size_t i = 0; i < found->n; i++) {
		if (!is_record(found->values[i]))
			continue;
		if (record != NULL)
			return SPF_BROKEN;
		record = found->values[i];
	}
	if (record == NULL)
		return SPF_NONE;
	return text_copy(dst, size, record) ? SPF_PASS : SPF_UNKNOWN;
}

// One term. True where it decides: *ret_answer.
static bool decide(struct run *run, const char *domain, char *term, enum spf_answer *ret_answer)
{
	bool has_sign = strchr("+-~?", term[0]) != NULL;
	bool lets_pass = !has_sign || term[0] == '+';

	switch (match_mechanism(run, domain, term + has_sign)) {
	case MATCH_NO:
		return false;
	case MATCH_YES:
		*ret_answer = lets_pass ? SPF_PASS : SPF_NO_PASS;
		return true;
	case MATCH_MAYBE:
		run->maybe = true;
		*ret_answer = SPF_UNKNOWN;
		return !lets_pass;
	case MATCH_WAITS:
		*ret_answer = SPF_WAITS;
		return true;
	case MATCH_UNKNOWN:
		*ret_answer = SPF_UNKNOWN;
		return true;
	case MATCH_BROKEN:
		break;
	}
	*ret_answer = SPF_BROKEN;
	return true;
}

static enum spf_answer redirect(struct run *run, const char *domain)
{
	enum spf_answer answer;

	if (strchr(domain, '%') != NULL)
		return SPF_UNKNOWN;
	if (run->left == 0)
		return SPF_BROKEN;
	run->left--;
	answer = check_host(run, domain);
	return answer == SPF_NONE ? SPF_BROKEN : answer; // RFC 7208 section 6.1
}

// A modifier: a name, then "=", before any ":" or "/".
static bool is_modifier(const char *term)
{
	return term[strcspn(term, "=:/")] == '=';
}

static enum spf_answer check_host(struct run *run, const char *domain)
{
	char record[4096];
	char *rest = record + strlen("v=spf1"), *other = NULL;
	enum spf_answer answer = find_record(run, domain, record, sizeof(record));

	if (answer != SPF_PASS)
		return answer;
	for (char *term; (term = strtok_r(rest, " ", &rest)) != NULL;) {
		if (strlen(term) > TERM_MAX)
			return SPF_BROKEN;
		if (text_starts_nocase(term, "redirect="))
			other = term + strlen("redirect=");
		else if (!is_modifier(term) && decide(run, domain, term, &answer))
			return answer == SPF_NO_PASS && run->maybe ? SPF_UNKNOWN : answer;
	}
	if (other != NULL)
		return redirect(run, other);
	return run->maybe ? SPF_UNKNOWN : SPF_NO_PASS;
}

enum spf_answer spf_ask(struct lookups *lookups, const char *domain, const char *address)
{
	struct run run = {.lookups = lookups,
			  .family = strchr(address, ':') == NULL ? AF_INET : AF_INET6,
			  .left = SPF_LOOKUPS_MAX};

	if (inet_pton(run.family, address, run.address) != 1)
		return SPF_UNKNOWN;
	return check_host(&run, domain);
}

const char *spf_answer_name(enum spf_answer answer)
{
	static const char *const names[] = {
		[SPF_WAITS] = "waits",
		[SPF_PASS] = "pass",
		[SPF_NO_PASS] = "no pass",
		[SPF_NONE] = "there is none",
		[SPF_BROKEN] = "it is broken (permerror)",
		[SPF_UNKNOWN] = "cannot tell",
	};

	return names[answer];
}
