// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What addresses are good for, and the words for what was found.
//
// Both kinds come from tables of prefixes, of which the first that fits counts: the IANA registries
// of special-purpose addresses (RFC 6890), as far as mail is concerned. Everything outside 2000::/3
// that no row names is not for the public Internet, so "other" is the safe default, not "global".
#include "mail/survey.h"

#include <arpa/inet.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct prefix {
	unsigned char bytes[16];
	unsigned bits;
};

static bool is_in(const unsigned char *address, const struct prefix *prefix)
{
	const size_t whole = prefix->bits / 8;
	const unsigned rest = prefix->bits % 8;
	const unsigned mask = 0xffU << (8 - rest) & 0xffU;

	return memcmp(address, prefix->bytes, whole) == 0 &&
	       (rest == 0 || (address[whole] & mask) == (prefix->bytes[whole] & mask));
}

static const struct {
	struct prefix prefix;
	enum survey_kind kind;
} kinds[] = {
	{{{0}, 127}, SURVEY_KIND_LOOPBACK}, // :: and ::1
	{{{[10] = 0xff, 0xff}, 96}, SURVEY_KIND_MAPPED},
	{{{0, 0x64, 0xff, 0x9b}, 96}, SURVEY_KIND_NAT64},
	{{{0, 0x64, 0xff, 0x9b, 0, 1}, 48}, SURVEY_KIND_NAT64},
	{{{0x20, 0x01}, 32}, SURVEY_KIND_TEREDO},
	{{{0x20, 0x01, 0, 2}, 48}, SURVEY_KIND_OTHER},    // benchmarks
	{{{0x20, 0x01, 0, 0x10}, 28}, SURVEY_KIND_OTHER}, // ORCHID
	{{{0x20, 0x01, 0, 0x20}, 28}, SURVEY_KIND_OTHER}, // ORCHIDv2
	{{{0x20, 0x01, 0x0d, 0xb8}, 32}, SURVEY_KIND_DOCUMENTATION},
	{{{0x3f, 0xff}, 20}, SURVEY_KIND_DOCUMENTATION},
	{{{0x20, 0x02}, 16}, SURVEY_KIND_SIXTOFOUR},
	{{{0x20}, 3}, SURVEY_KIND_GLOBAL},
	{{{0xfc}, 7}, SURVEY_KIND_ULA},
	{{{0xfe, 0x80}, 10}, SURVEY_KIND_LINK_LOCAL},
};

enum survey_kind survey_kind_of(const char *text)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, text, address) == 1)
		return SURVEY_KIND_IPV4;
	if (inet_pton(AF_INET6, text, address) != 1)
		return SURVEY_KIND_UNKNOWN;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (is_in(address, &kinds[i].prefix))
			return kinds[i].kind;
	}
	return SURVEY_KIND_OTHER;
}

// ---- whom we may knock at
// ------------------------------------------------------------------------

static const struct prefix inside_v4[] = {
	{{0}, 8},        // this network
	{{10}, 8},       // private
	{{100, 64}, 10}, // behind a carrier's NAT
	{{127}, 8},      // loopback
	{{169, 254}, 16}, {{172, 16}, 12}, {{192, 0, 0}, 24},
	{{192, 168}, 16}, {{198, 18}, 15}, // benchmarks
	{{224}, 3},                        // multicast, reserved, broadcast
};

static bool may_knock_v4(const unsigned char *address)
{
	for (size_t i = 0; i < COUNT(inside_v4); i++) {
		if (is_in(address, &inside_v4[i]))
			return false;
	}
	return true;
}

bool survey_may_knock(const char *text)
{
	unsigned char address[16];

	switch (survey_kind_of(text)) {
	case SURVEY_KIND_IPV4:
		return inet_pton(AF_INET, text, address) == 1 && may_knock_v4(address);
	case SURVEY_KIND_SIXTOFOUR:
		return inet_pton(AF_INET6, text, address) == 1 && may_knock_v4(address + 2);
	case SURVEY_KIND_GLOBAL:
	case SURVEY_KIND_TEREDO:
	case SURVEY_KIND_DOCUMENTATION:
		return true;
	default:
		return false;
	}
}

// ---- words
// ---------------------------------------------------------------------------------------

const char *survey_answer_name(enum survey_answer answer)
{
	static const char *const names[] = {"unknown", "no", "yes"};

	return names[answer];
}

const char *survey_mx_name(enum survey_mx mx)
{
	static const char *const names[] = {
		[SURVEY_MX_UNKNOWN] = "unknown",   [SURVEY_MX_LISTED] = "listed",
		[SURVEY_MX_IMPLICIT] = "implicit", [SURVEY_MX_NULL] = "null",
		[SURVEY_MX_NONE] = "none",         [SURVEY_MX_NO_DOMAIN] = "no-domain",
	};

	return names[mx];
}

const char *survey_kind_name(enum survey_kind kind)
{
	static const char *const names[SURVEY_KINDS] = {
		[SURVEY_KIND_UNKNOWN] = "unknown",
		[SURVEY_KIND_IPV4] = "ipv4",
		[SURVEY_KIND_GLOBAL] = "global",
		[SURVEY_KIND_ULA] = "ula",
		[SURVEY_KIND_LINK_LOCAL] = "link-local",
		[SURVEY_KIND_LOOPBACK] = "loopback",
		[SURVEY_KIND_MAPPED] = "mapped",
		[SURVEY_KIND_SIXTOFOUR] = "6to4",
		[SURVEY_KIND_TEREDO] = "teredo",
		[SURVEY_KIND_DOCUMENTATION] = "documentation",
		[SURVEY_KIND_NAT64] = "nat64",
		[SURVEY_KIND_OTHER] = "other",
	};

	return names[kind];
}

const char *survey_reach_name(enum survey_reach reach)
{
	static const char *const names[SURVEY_REACHES] = {
		[SURVEY_REACH_UNKNOWN] = "unknown",   [SURVEY_REACH_ACCEPTS] = "accepts",
		[SURVEY_REACH_REFUSED] = "refused",   [SURVEY_REACH_UNREACHABLE] = "unreachable",
		[SURVEY_REACH_TIMEOUT] = "timeout",   [SURVEY_REACH_CLOSED] = "closed",
		[SURVEY_REACH_BUSY] = "busy",         [SURVEY_REACH_REJECTED] = "rejected",
		[SURVEY_REACH_PROTOCOL] = "protocol",
	};

	return names[reach];
}

const char *survey_step_name(enum survey_step step)
{
	static const char *const names[SURVEY_STEPS] = {"none", "connect", "banner", "ehlo"};

	return names[step];
}

// ---- the whole
// -----------------------------------------------------------------------------------

int survey_first_v6(const struct survey *survey)
{
	for (size_t i = 0; i < survey->n_hosts; i++) {
		if (survey->hosts[i].n_v6 > 0)
			return (int)i;
	}
	return -1;
}

bool survey_prefers_v4(const struct survey *survey)
{
	const int first = survey_first_v6(survey);
	size_t n = 0;

	while (first > 0 && survey->hosts[n].preference < survey->hosts[first].preference)
		if (survey->hosts[n++].has_v6 != SURVEY_NO)
			return false;
	return n > 0;
}

// Of two in order: the one that says more.
static const struct survey_address *better(const struct survey_address *a,
					   const struct survey_address *b)
{
	if (a == NULL || (b->reach == SURVEY_REACH_ACCEPTS && a->reach != SURVEY_REACH_ACCEPTS))
		return b;
	return a->reach == SURVEY_REACH_UNKNOWN && b->reach != SURVEY_REACH_UNKNOWN ? b : a;
}

const struct survey_address *survey_best_v6(const struct survey *survey)
{
	const struct survey_address *best = NULL;

	for (size_t i = 0; i < survey->n_hosts; i++) {
		for (size_t k = 0; k < survey->hosts[i].n_v6; k++)
			best = better(best, &survey->hosts[i].v6[k]);
	}
	return best;
}
