// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Domain names and address literals, by the grammar of RFC 5321 section 4.1.2 and RFC 6531
// section 3.3.
//
// A U-label is taken as any printable UTF-8: whether IDNA would register it is the DNS's question,
// not ours. What could not be shown in a log or a report as it is (text_is_printable) is no domain.
#include "mail/domain.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

#define LABEL_MAX 63 // octets, RFC 1035 section 2.3.4

static const char ipv6_tag[] = "IPv6:";

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

static const char *label_check(const char *label, size_t len)
{
	if (len == 0)
		return "the domain has an empty label";
	if (len > LABEL_MAX)
		return "the domain has a label of more than 63 octets";
	if (label[0] == '-' || label[len - 1] == '-')
		return "the domain has a hyphen at a label's end";
	for (size_t i = 0; i < len; i++) {
		if (!is_label_char(label[i]))
			return "the domain has a character that no domain has";
	}
	return NULL;
}

static const char *name_check(const char *name, size_t len)
{
	const char *wrong = NULL;
	size_t start = 0;

	for (size_t i = 0; i <= len && wrong == NULL; i++) {
		if (i < len && name[i] != '.')
			continue;
		wrong = label_check(name + start, i - start);
		start = i + 1;
	}
	if (wrong == NULL && !text_is_printable(name, len))
		wrong = "the domain is not printable UTF-8";
	return wrong;
}

// text: the whole literal, NUL-terminated, of len octets.
static const char *literal_check(const char *text, size_t len)
{
	char inner[DOMAIN_MAX + 1];
	unsigned char address[16];
	int family = AF_INET;
	const char *start = inner;

	if (len < 2 || text[len - 1] != ']' || strlen(text) != len)
		return "the address literal has no end";
	memcpy(inner, text + 1, len - 2);
	inner[len - 2] = '\0';
	if (text_starts_nocase(inner, ipv6_tag)) {
		family = AF_INET6;
		start += sizeof(ipv6_tag) - 1;
	}
	if (inet_pton(family, start, address) != 1)
		return "the address literal holds no IP address";
	return NULL;
}

const char *domain_parse(const char *bytes, size_t len, struct domain *ret_domain)
{
	struct domain domain = {0};
	const char *wrong;

	if (len == 0)
		return "the domain is empty";
	if (len > DOMAIN_MAX)
		return "the domain is longer than 255 octets";
	memcpy(domain.text, bytes, len);
	domain.literal = bytes[0] == '[';
	domain.utf8 = !text_is_ascii(bytes, len);
	wrong = domain.literal ? literal_check(domain.text, len) : name_check(domain.text, len);
	if (wrong == NULL)
		*ret_domain = domain;
	return wrong;
}

bool domain_equals(const struct domain *a, const struct domain *b)
{
	return text_equals_nocase(a->text, b->text);
}

bool domain_is_below(const struct domain *a, const struct domain *b)
{
	size_t len = strlen(a->text);
	size_t base_len = strlen(b->text);

	if (len <= base_len || a->text[len - base_len - 1] != '.')
		return domain_equals(a, b);
	return text_ends_nocase(a->text, b->text);
}
