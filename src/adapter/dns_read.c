// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Reads the DNS's answers, by c-ares' parsers.
//
// Those tell neither an MX record's TTL nor which name was an alias. So a second reader, outline(),
// walks over the records' heads: it believes no length, follows compression by ares_expand_name()
// alone, and what it cannot read it does not know, which costs no more than a place in the cache.
// Which records belong to the question is for the resolver to say, as for every stub: we believe
// what resolv.conf(5) points at.
#include "adapter/dns_read.h"

#include <ares.h>
#include <ares_nameser.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define ADDRESS_MAX 200 // address records that are looked at; c-ares wants to know
#define CHAIN_MAX   16  // CNAMEs that are followed
#define HEADER_SIZE 12
#define SOA_NUMBERS 20 // octets behind the two names of an SOA record

static void keep(struct dns_answer *answer, const char *text, size_t len)
{
	answer->n_all++;
	if (answer->n == DNS_VALUES_MAX)
		return;
	if (answer->values == NULL)
		answer->values = mem_new(DNS_VALUES_MAX, sizeof(*answer->values));
	answer->cut = answer->cut || len > DNS_VALUE_MAX;
	answer->values[answer->n++] = mem_strndup(text, len < DNS_VALUE_MAX ? len : DNS_VALUE_MAX);
}

static void keep_address(struct dns_answer *answer, int family, const void *address)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(family, address, text, sizeof(text)) != NULL)
		keep(answer, text, strlen(text));
}

static int read_a(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct ares_addrttl found[ADDRESS_MAX];
	int n = ADDRESS_MAX;
	const int status = ares_parse_a_reply(bytes, len, NULL, found, &n);

	for (int i = 0; status == ARES_SUCCESS && i < n; i++)
		keep_address(answer, AF_INET, &found[i].ipaddr);
	return status;
}

static int read_aaaa(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct ares_addr6ttl found[ADDRESS_MAX];
	int n = ADDRESS_MAX;
	const int status = ares_parse_aaaa_reply(bytes, len, NULL, found, &n);

	for (int i = 0; status == ARES_SUCCESS && i < n; i++)
		keep_address(answer, AF_INET6, &found[i].ip6addr);
	return status;
}

static int by_preference(const void *a, const void *b)
{
	const struct ares_mx_reply *const *x = a, *const *y = b;
	const int difference = (int)(*x)->priority - (int)(*y)->priority;

	return difference != 0 ? difference : strcmp((*x)->host, (*y)->host);
}

static int read_mx(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct ares_mx_reply *records = NULL;
	const int status = ares_parse_mx_reply(bytes, len, &records);
	auto_free const struct ares_mx_reply **sorted = NULL;
	size_t n = 0;

	for (const struct ares_mx_reply *at = records; at != NULL; at = at->next)
		n++;
	sorted = mem_new(n + 1, sizeof(*sorted));
	n = 0;
	for (const struct ares_mx_reply *at = records; at != NULL; at = at->next)
		sorted[n++] = at;
	qsort(sorted, n, sizeof(*sorted), by_preference);
	for (size_t i = 0; i < n; i++) {
		if (answer->n < DNS_VALUES_MAX)
			answer->preferences[answer->n] = sorted[i]->priority;
		keep(answer, sorted[i]->host, strlen(sorted[i]->host));
	}
	ares_free_data(records);
	return status;
}

// The names that c-ares leaves in a hostent, which is freed.
static void keep_names(struct hostent *host, struct dns_answer *answer)
{
	for (char **name = host != NULL ? host->h_aliases : NULL; name != NULL && *name != NULL;
	     name++)
		keep(answer, *name, strlen(*name));
	if (host != NULL)
		ares_free_hostent(host);
}

static int read_ptr(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct hostent *host = NULL;
	const int status = ares_parse_ptr_reply(bytes, len, NULL, 0, AF_INET, &host);

	keep_names(host, answer);
	return status;
}

static int read_ns(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct hostent *host = NULL;
	const int status = ares_parse_ns_reply(bytes, len, &host);

	keep_names(host, answer);
	return status;
}

// One record's strings, joined; returns the record that follows.
static const struct ares_txt_ext *keep_txt(const struct ares_txt_ext *piece,
					   struct dns_answer *answer)
{
	auto_buf struct buf text = buf_make(UINT16_MAX);

	do {
		buf_add(&text, piece->txt, piece->length);
		piece = piece->next;
	} while (piece != NULL && !piece->record_start);
	keep(answer, buf_string(&text), strlen(buf_string(&text)));
	return piece;
}

static int read_txt(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct ares_txt_ext *records = NULL;
	const int status = ares_parse_txt_reply_ext(bytes, len, &records);

	for (const struct ares_txt_ext *at = records; at != NULL;)
		at = keep_txt(at, answer);
	ares_free_data(records);
	return status;
}

static const struct {
	int type;
	int (*read)(const unsigned char *bytes, int len, struct dns_answer *answer);
} types[DNS_TYPES] = {
	[DNS_A] = {ns_t_a, read_a},       [DNS_AAAA] = {ns_t_aaaa, read_aaaa},
	[DNS_MX] = {ns_t_mx, read_mx},    [DNS_PTR] = {ns_t_ptr, read_ptr},
	[DNS_TXT] = {ns_t_txt, read_txt}, [DNS_NS] = {ns_t_ns, read_ns},
};

int dns_wire_type(enum dns_type type)
{
	return types[type].type;
}

// ---- the records' heads
// --------------------------------------------------------------------------

struct outline {
	const unsigned char *bytes;
	int len;
	int at;
	bool is_alias; // the name asked for is one
	bool is_loop;
	bool has_soa;
	uint32_t ttl;               // least of the records seen
	char *chain[CHAIN_MAX + 1]; // the name asked for, and where its CNAMEs lead
	size_t n_chain;
};

struct record {
	char *name;
	uint16_t type;
	int data;     // where its data is,
	int data_len; // which is whole
};

static uint16_t get16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const unsigned char *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

// The name there, and *at moved behind it; NULL where there is none. ares_free_string() frees it.
static char *take_name(const struct outline *outline, int *at)
{
	char *name = NULL;
	long size = 0;

	if (*at >= outline->len || ares_expand_name(outline->bytes + *at, outline->bytes,
						    outline->len, &name, &size) != ARES_SUCCESS)
		return NULL;
	*at += (int)size;
	return name;
}

// RFC 2181 section 8: a TTL with its top bit set is none.
static void lower_ttl(struct outline *outline, uint32_t ttl)
{
	if (ttl > INT32_MAX)
		ttl = 0;
	if (ttl < outline->ttl)
		outline->ttl = ttl;
}

// The next record's head; its TTL counts where the caller says so. False where it is not whole; the
// name is the caller's otherwise.
static bool take_record(struct outline *outline, struct record *ret_record, uint32_t *ret_ttl)
{
	const unsigned char *head;
	char *name = take_name(outline, &outline->at);

	if (name == NULL)
		return false;
	head = outline->bytes + outline->at;
	if (outline->len - outline->at < 10 ||
	    outline->len - outline->at - 10 < (int)get16(head + 8)) {
		ares_free_string(name);
		return false;
	}
	*ret_record = (struct record){name, get16(head), outline->at + 10, get16(head + 8)};
	*ret_ttl = get32(head + 4);
	outline->at = ret_record->data + ret_record->data_len;
	return true;
}

static bool is_in_chain(const struct outline *outline, const char *name)
{
	for (size_t i = 0; i < outline->n_chain; i++) {
		if (text_equals_nocase(outline->chain[i], name))
			return true;
	}
	return false;
}

// A CNAME at the chain's end makes it longer by a name, or closes it.
static void follow(struct outline *outline, const struct record *record)
{
	int at = record->data;
	char *target;

	if (record->type != ns_t_cname ||
	    !text_equals_nocase(outline->chain[outline->n_chain - 1], record->name))
		return;
	outline->is_alias = true;
	target = take_name(outline, &at);
	if (target != NULL && !is_in_chain(outline, target) && outline->n_chain <= CHAIN_MAX) {
		outline->chain[outline->n_chain++] = target;
		return;
	}
	outline->is_loop = target != NULL;
	ares_free_string(target);
}

static bool take_answers(struct outline *outline, int n)
{
	struct record record;
	uint32_t ttl;

	for (int i = 0; i < n; i++) {
		if (!take_record(outline, &record, &ttl))
			return false;
		lower_ttl(outline, ttl);
		follow(outline, &record);
		ares_free_string(record.name);
	}
	return true;
}

// RFC 2308 section 5: the lesser of the SOA record's TTL and its last number.
static bool take_soa(struct outline *outline, int n)
{
	struct record record;
	uint32_t ttl;

	for (int i = 0; i < n && !outline->has_soa; i++) {
		if (!take_record(outline, &record, &ttl))
			return false;
		ares_free_string(record.name);
		if (record.type != ns_t_soa || record.data_len < SOA_NUMBERS + 2)
			continue;
		outline->has_soa = true;
		lower_ttl(outline, ttl);
		lower_ttl(outline, get32(outline->bytes + outline->at - 4));
	}
	return outline->has_soa;
}

// Whether the whole of it could be read, so that the TTL is one.
static bool walk(struct outline *outline, bool is_found)
{
	const unsigned char *bytes = outline->bytes;

	outline->at = HEADER_SIZE;
	if (outline->len < HEADER_SIZE || get16(bytes + 4) != 1)
		return false;
	outline->chain[0] = take_name(outline, &outline->at);
	if (outline->chain[0] == NULL)
		return false;
	outline->n_chain = 1;
	outline->at += 4; // type and class
	return take_answers(outline, get16(bytes + 6)) &&
	       (is_found || take_soa(outline, get16(bytes + 8)));
}

// What the heads say, into the answer.
static void outline(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct outline heads = {.bytes = bytes, .len = len, .ttl = UINT32_MAX};
	const bool is_whole = walk(&heads, answer->status == DNS_FOUND);

	answer->is_alias = heads.is_alias;
	answer->ttl = is_whole ? heads.ttl : 0;
	answer->is_loop = heads.is_loop;
	for (size_t i = 0; i < heads.n_chain; i++)
		ares_free_string(heads.chain[i]);
}

// ---- the whole
// -----------------------------------------------------------------------------------

static enum dns_status status_of(int ares_status)
{
	switch (ares_status) {
	case ARES_SUCCESS:
		return DNS_FOUND;
	case ARES_ENODATA:
		return DNS_NO_DATA;
	case ARES_ENOTFOUND:
		return DNS_NO_NAME;
	case ARES_EBADRESP:
	case ARES_EBADNAME:
	case ARES_EBADQUERY:
	case ARES_EBADSTR:
		return DNS_MALFORMED;
	default:
		return DNS_TEMPERROR;
	}
}

void dns_read_end(enum dns_type type, int status, const unsigned char *bytes, size_t len,
		  struct dns_answer *ret_answer)
{
	struct dns_answer answer = {0};

	if (status == ARES_SUCCESS)
		status = len <= UINT16_MAX ? types[type].read(bytes, (int)len, &answer)
					   : ARES_EBADRESP;
	answer.status = status_of(status);
	if (answer.status == DNS_FOUND && answer.n == 0)
		answer.status = DNS_NO_DATA;
	if (bytes != NULL && len <= UINT16_MAX && answer.status <= DNS_NO_NAME)
		outline(bytes, (int)len, &answer);
	if (answer.status != DNS_FOUND)
		dns_answer_free(&answer);
	*ret_answer = answer;
}

void dns_read(enum dns_type type, const void *message, size_t len, struct dns_answer *ret_answer)
{
	dns_read_end(type, ARES_SUCCESS, message, len, ret_answer);
}

bool dns_reverse_name(char *dst, const char *address)
{
	unsigned char bytes[16];
	size_t n = 0;

	dst[0] = '\0';
	if (inet_pton(AF_INET, address, bytes) == 1)
		snprintf(dst, DNS_REVERSE_SIZE, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2],
			 bytes[1], bytes[0]);
	else if (inet_pton(AF_INET6, address, bytes) == 1) {
		for (int i = 15; i >= 0; i--)
			n += (size_t)snprintf(dst + n, DNS_REVERSE_SIZE - n, "%x.%x.",
					      bytes[i] & 15U, bytes[i] >> 4U);
		snprintf(dst + n, DNS_REVERSE_SIZE - n, "ip6.arpa");
	}
	return dst[0] != '\0';
}

void dns_answer_free(struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->n; i++)
		free(answer->values[i]);
	free(answer->values);
	answer->values = NULL;
	answer->n = 0;
}

struct dns_answer dns_answer_copy(const struct dns_answer *answer)
{
	struct dns_answer copy = *answer;

	if (answer->values == NULL)
		return copy;
	copy.values = mem_new(answer->n, sizeof(*copy.values));
	for (size_t i = 0; i < answer->n; i++)
		copy.values[i] = mem_strdup(answer->values[i]);
	return copy;
}
