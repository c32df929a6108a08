// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Authentication-Results, RFC 8601.
//
// The one thing to know: recognising a forgery is not parsing. A reader further down may be
// sloppier than the grammar, so the id is looked for through whatever such a reader might drop,
// once with comments taken out and once with them (one that is never closed is none), and whatever
// a host name cannot go on with ends it.
#include "mail/authres.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mail/comment.h"
#include "mail/domain.h"

static const char *const names[] = {
	[AUTH_NONE] = "none",           [AUTH_PASS] = "pass",       [AUTH_FAIL] = "fail",
	[AUTH_POLICY] = "policy",       [AUTH_NEUTRAL] = "neutral", [AUTH_TEMPERROR] = "temperror",
	[AUTH_PERMERROR] = "permerror",
};

#define LETTERS_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char name_set[] = LETTERS_DIGITS "-_";
static const char clean_set[] = LETTERS_DIGITS ".:_/+@-[]=";
static const char base64_set[] = LETTERS_DIGITS "+/=";

const char *auth_result_name(enum auth_result result)
{
	return names[result];
}

bool auth_result_find(const char *word, size_t len, enum auth_result *ret_result)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) == len && memcmp(names[i], word, len) == 0) {
			*ret_result = (enum auth_result)i;
			return true;
		}
	}
	return false;
}

char *authres_clean(char *dst, size_t size, const char *src)
{
	size_t n = 0;

	for (; src[n] != '\0' && n + 1 < size; n++) {
		dst[n] = src[n];
		if (strchr(clean_set, src[n]) == NULL)
			dst[n] = AUTHRES_REPLACEMENT;
	}
	dst[n] = '\0';
	return dst;
}

bool authres_is_domain(const char *text)
{
	struct domain domain;

	return domain_parse(text, strlen(text), &domain) == NULL && !domain.literal && !domain.utf8;
}

// A value as RFC 2045 section 5.1 has it: a token, or else a quoted string. After the filter there
// is nothing in it to be escaped.
static void add_value(struct buf *out, const char *value)
{
	char clean[AUTHRES_CLEAN_SIZE];

	authres_clean(clean, sizeof(clean), value);
	if (clean[0] != '\0' && strpbrk(clean, "()<>@,;:\\\"/[]?= \t") == NULL)
		buf_adds(out, clean);
	else
		buf_addf(out, "\"%s\"", clean);
}

static void add_property(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, " %s=", name);
	add_value(out, value);
}

static void add_signature(struct buf *out, const char *signature)
{
	char start[AUTHRES_B_LEN + 1];

	text_cut(start, sizeof(start), signature);
	if (strspn(start, base64_set) == AUTHRES_B_LEN)
		add_property(out, "header.b", start);
}

static void add_dkim(struct buf *out, const struct authres_dkim *dkim)
{
	buf_addf(out, ";\n\tdkim=%s", names[dkim->result]);
	if (dkim->reason[0] != '\0')
		buf_addf(out, " reason=\"%s\"", dkim->reason);
	if (authres_is_domain(dkim->domain))
		add_property(out, "header.d", dkim->domain);
	if (authres_is_domain(dkim->selector))
		add_property(out, "header.s", dkim->selector);
	add_signature(out, dkim->signature);
}

void authres_write(struct buf *out, const struct authres *authres)
{
	add_value(out, authres->id);
	for (size_t i = 0; i < authres->n_dkim; i++)
		add_dkim(out, &authres->dkim[i]);
	if (authres->n_dkim == 0)
		buf_adds(out, ";\n\tdkim=none");
	if (authres->address[0] == '\0')
		return;
	buf_addf(out, ";\n\tiprev=%s", names[authres->iprev]);
	add_property(out, "policy.iprev", authres->address);
}

// ---- whose field is this
// --------------------------------------------------------------------------

// Blanks, controls, quotes, brackets, and what is not ASCII: a reader may drop them anywhere in a
// name.
static bool is_noise(char c)
{
	return c != '\0' && ((signed char)c <= ' ' || c == 0x7f || strchr("\"\\()'", c) != NULL);
}

// What follows the id: nothing, a version number, a final dot, or something that no host name goes
// on with. "mx.six.test.evil.test" and "mx.six.testing" are others' ids.
static bool is_name_over(const char *rest)
{
	rest += strspn(rest, ".0123456789");
	return *rest == '\0' || strchr(name_set, *rest) == NULL;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool names_us(const char *text, const char *id)
{
	while (*id != '\0') {
		if (is_noise(*text)) {
			text++;
			continue;
		}
		if (lower(*text) != lower(*id))
			return false;
		text++;
		id++;
	}
	return is_name_over(text);
}

bool authres_claims(const char *value, const char *id)
{
	const size_t size = strlen(value) + 1;
	auto_free char *bare = mem_new(size, 1);

	if (id[0] == '\0')
		return false;
	comment_strip(bare, size, value);
	return names_us(bare, id) || names_us(value, id);
}
