// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What must be published. Nobody publishes twice what two sites share: a row that is there already
// is not made again, nor a second SPF record at one name.
#include "mail/records.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define TEXT_MAX     4096
#define REVERSE_SIZE 80

static const char *const whys[RECORD_ROLES] = {
	[RECORD_MX] = "who takes the domain's mail",
	[RECORD_MX_ALONE] = "who is told of this host's probes: no other host knows them",
	[RECORD_ADDRESS] = "where that host is",
	[RECORD_NO_A] = "an IPv4 address in its path would make the test worthless",
	[RECORD_NS_NO_A] = "the name servers of the IPv6-only domain, for who is strict",
	[RECORD_SPF] = "who may send in the domain's name (RFC 7208)",
	[RECORD_HELO_SPF] = "the same for the host's own name, which counts for MAIL FROM:<>",
	[RECORD_DKIM] = "the key that its mail is signed with (RFC 6376)",
	[RECORD_DMARC] = "what to do with mail in its name that neither proves (RFC 7489)",
	[RECORD_PTR] = "big receivers refuse IPv6 mail from an address without a name",
};

static struct record *find_row(struct records *records, enum record_role role, const char *name,
			       const char *value)
{
	for (size_t i = 0; i < records->n; i++)
		if (records->rows[i].role == role &&
		    text_equals_nocase(records->rows[i].name, name) &&
		    (value == NULL || text_equals_nocase(records->rows[i].value, value)))
			return &records->rows[i];
	return NULL;
}

static void add(struct records *records, enum record_role role, enum lookup_type type,
		const char *site, const char *name, const char *value, const char *addresses)
{
	if (find_row(records, role, name, value) != NULL)
		return;
	records->rows = mem_grow(records->rows, records->n + 1, sizeof(*records->rows));
	records->rows[records->n++] = (struct record){.role = role,
						      .type = type,
						      .site = mem_strdup(site),
						      .name = mem_strdup(name),
						      .value = mem_strdup(value),
						      .addresses = mem_strdup(addresses),
						      .why = whys[role]};
}

// ---- addresses

// The next word of *list that is an address of the world's, in inet_ntop's form.
static bool next_address(const char **list, char dst[INET6_ADDRSTRLEN])
{
	unsigned char address[sizeof(struct in6_addr)];

	while (**list != '\0') {
		size_t len = strcspn(*list, " \t");
		char word[INET6_ADDRSTRLEN] = "";
		int family;

		if (len < sizeof(word))
			memcpy(word, *list, len);
		*list += len + strspn(*list + len, " \t");
		family = strchr(word, ':') == NULL ? AF_INET : AF_INET6;
		if (inet_pton(family, word, address) == 1 &&
		    inet_ntop(family, address, dst, INET6_ADDRSTRLEN) != NULL &&
		    strncmp(dst, "127.", 4) != 0 && strcmp(dst, "::1") != 0)
			return true;
	}
	return false;
}

static bool is_v6(const char *address)
{
	return strchr(address, ':') != NULL;
}

// Appends the addresses that a host sends from: its first of each family, as postsix-setup has it.
static void add_senders(struct buf *out, const struct records_host *host)
{
	const char *list = host->listen;
	char address[INET6_ADDRSTRLEN];
	bool has[2] = {false, false};

	while (next_address(&list, address)) {
		bool *seen = &has[is_v6(address)];

		if (!*seen && strstr(buf_string(out), address) == NULL)
			buf_addf(out, "%s%s", out->len == 0 ? "" : " ", address);
		*seen = true;
	}
}

static void write_reverse(char dst[REVERSE_SIZE], const char *address)
{
	unsigned char bytes[sizeof(struct in6_addr)] = {0};
	char *end = dst;

	inet_pton(is_v6(address) ? AF_INET6 : AF_INET, address, bytes);
	if (!is_v6(address)) {
		snprintf(dst, REVERSE_SIZE, "%d.%d.%d.%d.in-addr.arpa", bytes[3], bytes[2],
			 bytes[1], bytes[0]);
		return;
	}
	for (size_t i = sizeof(bytes); i-- > 0; end += 4)
		snprintf(end, 5, "%x.%x.", bytes[i] & 15U, bytes[i] >> 4U);
	snprintf(end, REVERSE_SIZE - (size_t)(end - dst), "ip6.arpa");
}

// ---- rows

static void add_spf(struct records *records, const char *site, const char *name,
		    const char *addresses)
{
	auto_buf struct buf text = buf_make(TEXT_MAX);
	const char *list = addresses;
	char address[INET6_ADDRSTRLEN];

	buf_adds(&text, "v=spf1");
	while (next_address(&list, address))
		buf_addf(&text, " %s:%s", is_v6(address) ? "ip6" : "ip4", address);
	buf_adds(&text, " -all");
	add(records, RECORD_SPF, LOOKUP_TXT, site, name, buf_string(&text), addresses);
}

static void add_keys(struct records *records, const struct records_site *site,
		     const struct domain *domain)
{
	char name[2 * DOMAIN_MAX + 16];

	for (size_t i = 0; i < site->n_keys; i++) {
		snprintf(name, sizeof(name), "%s._domainkey.%s", site->keys[i].selector,
			 domain->text);
		add(records, RECORD_DKIM, LOOKUP_TXT, site->name, name, site->keys[i].text, "");
	}
}

static void add_no_a(struct records *records, const char *site, const char *domain)
{
	add(records, RECORD_NO_A, LOOKUP_A, site, domain, "", "");
	add(records, RECORD_NS_NO_A, LOOKUP_A, site, domain, "", "");
}

static void add_domain(struct records *records, const struct records_site *site,
		       const struct domain *domain, const char *host, const char *senders)
{
	char name[DOMAIN_MAX + 16];

	add(records, RECORD_MX, LOOKUP_MX, site->name, domain->text, host, "");
	if (domain == site->v6_domain)
		add_no_a(records, site->name, domain->text);
	add_spf(records, site->name, domain->text, senders);
	add_keys(records, site, domain);
	snprintf(name, sizeof(name), "_dmarc.%s", domain->text);
	add(records, RECORD_DMARC, LOOKUP_TXT, site->name, name, "v=DMARC1; p=reject", "");
}

// Nothing is From there, and so neither signed nor judged by DMARC; only v6 sends under it.
static void add_token_domain(struct records *records, const struct records_site *site,
			     const struct records_host *v6)
{
	auto_buf struct buf senders = buf_make(TEXT_MAX);
	const char *domain = site->token_domain->text;

	add_senders(&senders, v6);
	add(records, RECORD_MX_ALONE, LOOKUP_MX, site->name, domain, v6->name, "");
	add_no_a(records, site->name, domain);
	add_spf(records, site->name, domain, buf_string(&senders));
}

static void add_site(struct records *records, const struct records_site *site,
		     const struct records_host *dual, const struct records_host *v6,
		     const char *senders)
{
	size_t first = records->n;

	add_domain(records, site, site->v6_domain, v6->name, senders);
	add_domain(records, site, site->dual_domain, dual->name, senders);
	if (site->token_domain == NULL)
		return;
	for (size_t i = first; i < records->n; i++)
		records->rows[i].is_common = true;
	add_token_domain(records, site, v6);
}

// All addresses that lead to that name.
static void add_listeners(struct buf *out, const char *name, const struct records_host *host)
{
	const char *list = host->listen;
	char address[INET6_ADDRSTRLEN];

	while (text_equals_nocase(host->name, name) && next_address(&list, address))
		buf_addf(out, "%s%s", out->len == 0 ? "" : " ", address);
}

static void add_host(struct records *records, const struct records_host *host,
		     const struct records_host *other)
{
	auto_buf struct buf senders = buf_make(TEXT_MAX), listeners = buf_make(TEXT_MAX);
	const char *list = host->listen;
	char address[INET6_ADDRSTRLEN], reverse[REVERSE_SIZE];

	add_listeners(&listeners, host->name, host);
	add_listeners(&listeners, host->name, other);
	while (next_address(&list, address))
		add(records, RECORD_ADDRESS, is_v6(address) ? LOOKUP_AAAA : LOOKUP_A, "",
		    host->name, address, buf_string(&listeners));
	add_senders(&senders, host);
	if (find_row(records, RECORD_SPF, host->name, NULL) == NULL)
		add(records, RECORD_HELO_SPF, LOOKUP_TXT, "", host->name, "v=spf1 a -all",
		    buf_string(&senders));
	for (list = buf_string(&senders); next_address(&list, address);) {
		write_reverse(reverse, address);
		// one address, one name: where both hosts share it, the first one's
		if (find_row(records, RECORD_PTR, reverse, NULL) == NULL)
			add(records, RECORD_PTR, LOOKUP_PTR, "", reverse, host->name, address);
	}
}

struct records *records_make(const struct records_site *sites, size_t n_sites,
			     const struct records_host *dual, const struct records_host *v6)
{
	struct records *records = mem_new(1, sizeof(*records));
	auto_buf struct buf senders = buf_make(TEXT_MAX);

	add_senders(&senders, dual);
	add_senders(&senders, v6);
	for (size_t i = 0; i < n_sites; i++)
		add_site(records, &sites[i], dual, v6, buf_string(&senders));
	add_host(records, v6, dual);
	add_host(records, dual, v6);
	return records;
}

struct records *records_free(struct records *records)
{
	if (records == NULL)
		return NULL;
	for (size_t i = 0; i < records->n; i++) {
		free(records->rows[i].site);
		free(records->rows[i].name);
		free(records->rows[i].value);
		free(records->rows[i].addresses);
	}
	free(records->rows);
	free(records);
	return NULL;
}

const char *record_role_name(enum record_role role)
{
	static const char *const names[RECORD_ROLES] = {
		[RECORD_MX] = "mx",
		[RECORD_MX_ALONE] = "mx-alone",
		[RECORD_ADDRESS] = "address",
		[RECORD_NO_A] = "no-a",
		[RECORD_NS_NO_A] = "ns-no-a",
		[RECORD_SPF] = "spf",
		[RECORD_HELO_SPF] = "helo-spf",
		[RECORD_DKIM] = "dkim",
		[RECORD_DMARC] = "dmarc",
		[RECORD_PTR] = "ptr",
	};

	return names[role];
}
