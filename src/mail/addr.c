// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Envelope addresses, by the grammar of RFC 5321 section 4.1.2 and RFC 6531 section 3.3.
//
// The address is kept byte for byte: it is given back to a server as RCPT TO, and rewriting what
// somebody else's server made of quotes and backslashes has no good end. Only comparisons look
// through the quoting. What could not be shown in a log or a report as it is (text_is_printable) is
// refused: U+2028 is legal in RFC 6531's grammar and a line end to many a reader.
#include "mail/addr.h"

#include <string.h>

#include "base/text.h"

// Bytes still to be read.
struct span {
	const char *at;
	size_t len;
};

static void span_skip(struct span *span, size_t n)
{
	span->at += n;
	span->len -= n;
}

static bool span_starts(const struct span *span, char c)
{
	return span->len > 0 && span->at[0] == c;
}

// RFC 5321's atext (by RFC 5322 section 3.2.3) and RFC 6531's UTF8-non-ascii
static bool is_atext(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c >= 0x80 || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

// The length of a domain at the start: to the first of stop outside brackets (an IPv6 literal has
// colons).
static size_t domain_extent(const struct span *span, const char *stop)
{
	bool inside = false;
	size_t n;

	for (n = 0; n < span->len; n++) {
		char c = span->at[n];

		if (c == '[' || c == ']')
			inside = c == '[';
		if (!inside && c != '\0' && strchr(stop, c) != NULL)
			break;
	}
	return n;
}

// Drops "@a,@b:" (RFC 5321 section 4.1.2, A-d-l).
static const char *route_skip(struct span *span)
{
	struct domain ignored;
	const char *wrong;
	size_t n;

	while (span_starts(span, '@')) {
		span_skip(span, 1);
		n = domain_extent(span, ",:");
		wrong = domain_parse(span->at, n, &ignored);
		if (wrong != NULL)
			return wrong;
		span_skip(span, n);
		if (span->len == 0)
			return "the source route has no end";
		if (span_starts(span, ':')) {
			span_skip(span, 1);
			return NULL;
		}
		span_skip(span, 1);
		if (!span_starts(span, '@'))
			return "the source route has a hop without @";
	}
	return NULL;
}

// Sets *ret_len to the length of the dot-string at the start.
static const char *dot_string_check(const struct span *span, size_t *ret_len)
{
	bool dot_may_follow = false;
	size_t n;

	for (n = 0; n < span->len && span->at[n] != '@'; n++) {
		char c = span->at[n];

		if (c == '.' ? !dot_may_follow : !is_atext(c))
			return c == '.' ? "the local part has an empty word"
					: "the local part has a character that needs quotes";
		dot_may_follow = c != '.';
	}
	if (n > 0 && !dot_may_follow)
		return "the local part has an empty word";
	*ret_len = n;
	return NULL;
}

// Sets *ret_len to the length of the quoted-string at the start, quotes included. A quoted pair is
// ASCII only (quoted-pairSMTP, which RFC 6531 leaves alone).
static const char *quoted_string_check(const struct span *span, size_t *ret_len)
{
	size_t n;

	for (n = 1; n < span->len && span->at[n] != '"'; n++) {
		if (span->at[n] == '\\' && ++n < span->len && (unsigned char)span->at[n] >= 0x80)
			return "the local part has a backslash before a character that is not "
			       "ASCII";
	}
	if (n >= span->len)
		return "the local part's quotes have no end";
	if (n == 1)
		return "the local part is empty";
	*ret_len = n + 1;
	return NULL;
}

// Moves the local part and its @ from span to addr.
static const char *local_take(struct span *span, struct addr *addr)
{
	const char *wrong;
	size_t len = 0;

	wrong = span_starts(span, '"') ? quoted_string_check(span, &len)
				       : dot_string_check(span, &len);
	if (wrong != NULL)
		return wrong;
	if (len == span->len)
		return "the address has no @";
	if (len == 0)
		return "the local part is empty";
	if (span->at[len] != '@')
		return "the local part goes on after its quotes";
	if (len > ADDR_LOCAL_MAX)
		return "the local part is longer than 64 octets";
	if (!text_is_printable(span->at, len))
		return "the local part is not printable UTF-8";
	memcpy(addr->local, span->at, len);
	addr->utf8 = !text_is_ascii(span->at, len);
	span_skip(span, len + 1);
	return NULL;
}

static const char *brackets_skip(struct span *span)
{
	if (!span_starts(span, '<'))
		return NULL;
	if (span->at[span->len - 1] != '>')
		return "the address has a bracket on one side only";
	span_skip(span, 1);
	span->len--;
	return NULL;
}

const char *addr_parse(const char *bytes, size_t len, struct addr *ret_addr)
{
	struct span span = {bytes, len};
	struct addr addr = {0};
	const char *wrong;
	size_t whole;

	wrong = brackets_skip(&span);
	if (wrong == NULL && span.len == 0)
		return "the null sender is no mailbox";
	if (wrong == NULL)
		wrong = route_skip(&span);
	whole = span.len;
	if (wrong == NULL)
		wrong = local_take(&span, &addr);
	if (wrong == NULL)
		wrong = domain_parse(span.at, span.len, &addr.domain);
	if (wrong == NULL && whole > ADDR_MAX)
		wrong = "the address is longer than 254 octets";
	if (wrong != NULL)
		return wrong;
	addr.utf8 = addr.utf8 || addr.domain.utf8;
	*ret_addr = addr;
	return NULL;
}

char *addr_text(char *dst, const struct addr *addr)
{
	size_t len = strlen(addr->local);

	memcpy(dst, addr->local, len);
	dst[len] = '@';
	memcpy(dst + len + 1, addr->domain.text, strlen(addr->domain.text) + 1);
	return dst;
}

static void local_unquote(char dst[ADDR_LOCAL_MAX + 1], const char *local)
{
	if (*local == '"') {
		for (local++; *local != '"'; local++) {
			if (*local == '\\')
				local++;
			*dst++ = *local;
		}
		*dst = '\0';
	} else {
		memcpy(dst, local, strlen(local) + 1);
	}
}

bool addr_equals(const struct addr *a, const struct addr *b)
{
	char local_a[ADDR_LOCAL_MAX + 1];
	char local_b[ADDR_LOCAL_MAX + 1];

	local_unquote(local_a, a->local);
	local_unquote(local_b, b->local);
	return strcmp(local_a, local_b) == 0 && domain_equals(&a->domain, &b->domain);
}

char *addr_local_plain(char *dst, const struct addr *addr)
{
	local_unquote(dst, addr->local);
	dst[strcspn(dst, "+")] = '\0';
	return dst;
}
