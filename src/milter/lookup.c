// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One message's questions to the DNS.
//
// All are asked before any is waited for, so that one key whose server is silent costs neither the
// others their answer nor the message more than the deadline.
#include "milter/lookup.h"

#include <string.h>

#include "base/text.h"
#include "milter/mx.h"

// The client's names, while they are looked up.
struct confirm {
	struct dns *dns;
	const char *address;
	struct reverse *reverse;
	size_t n_names;
	struct forward {
		struct confirm *confirm;
		char name[DOMAIN_MAX + 1];
		enum auth_result result; // of this name: pass, fail, temperror
	} forward[LOOKUP_NAMES_MAX];
};

static bool has_value(const struct dns_answer *answer, const char *value)
{
	for (size_t i = 0; i < answer->n; i++) {
		if (strcmp(answer->values[i], value) == 0)
			return true;
	}
	return false;
}

static void on_forward(void *arg, struct dns_answer answer)
{
	struct forward *forward = arg;

	forward->result = AUTH_FAIL;
	if (answer.status == DNS_TEMPERROR)
		forward->result = AUTH_TEMPERROR;
	if (has_value(&answer, forward->confirm->address))
		forward->result = AUTH_PASS;
	dns_answer_free(&answer);
}

static void ask_forward(struct confirm *confirm, const char *name)
{
	struct forward *forward = &confirm->forward[confirm->n_names];
	const enum dns_type type = strchr(confirm->address, ':') != NULL ? DNS_AAAA : DNS_A;

	if (confirm->n_names == LOOKUP_NAMES_MAX || !authres_is_domain(name) ||
	    !text_copy(forward->name, sizeof(forward->name), name))
		return;
	confirm->n_names++;
	forward->confirm = confirm;
	dns_ask(confirm->dns, type, forward->name, on_forward, forward);
}

static void on_ptr(void *arg, struct dns_answer answer)
{
	struct confirm *confirm = arg;

	confirm->reverse->iprev = AUTH_PERMERROR;
	if (answer.status == DNS_TEMPERROR)
		confirm->reverse->iprev = AUTH_TEMPERROR;
	if (answer.status == DNS_FOUND)
		confirm->reverse->iprev = AUTH_FAIL;
	for (size_t i = 0; i < answer.n; i++)
		ask_forward(confirm, answer.values[i]);
	dns_answer_free(&answer);
}

// With all answers: the first name that leads back, else whether a name's answer is still open.
static void conclude(struct confirm *confirm)
{
	struct reverse *reverse = confirm->reverse;

	for (size_t i = 0; i < confirm->n_names; i++) {
		const struct forward *forward = &confirm->forward[i];

		if (i == 0 || (forward->result == AUTH_PASS && reverse->iprev != AUTH_PASS))
			memcpy(reverse->name, forward->name, sizeof(reverse->name));
		if (forward->result == AUTH_PASS ||
		    (forward->result == AUTH_TEMPERROR && reverse->iprev != AUTH_PASS))
			reverse->iprev = forward->result;
	}
}

static void on_txt(void *arg, struct dns_answer answer)
{
	struct lookup_key *key = arg;

	key->answer = answer;
}

void lookup_all(struct dns *dns, int64_t deadline, const struct lookup_wanted *wanted,
		struct lookup *ret_lookup)
{
	struct reverse *reverse = wanted->reverse;
	struct confirm confirm = {.dns = dns, .address = wanted->address, .reverse = reverse};
	struct mx mx;
	char question[DNS_REVERSE_SIZE];

	*ret_lookup = (struct lookup){.n_keys = wanted->n_keys};
	for (size_t i = 0; i < wanted->n_keys; i++) {
		ret_lookup->key[i].name = wanted->keys[i];
		dns_ask(dns, DNS_TXT, wanted->keys[i], on_txt, &ret_lookup->key[i]);
	}
	if (reverse != NULL) {
		*reverse = (struct reverse){.iprev = AUTH_PERMERROR};
		if (dns_reverse_name(question, wanted->address))
			dns_ask(dns, DNS_PTR, question, on_ptr, &confirm);
	}
	mx_ask(&mx, dns, wanted->domain, wanted->address);
	dns_run(dns, deadline);
	if (reverse != NULL)
		conclude(&confirm);
	ret_lookup->mx = mx.result;
}

static enum verify_key key_of(const struct dns_answer *answer, char record[VERIFY_RECORD_SIZE])
{
	if (answer->status == DNS_TEMPERROR)
		return VERIFY_KEY_TEMPERROR;
	if (answer->status != DNS_FOUND)
		return VERIFY_KEY_MISSING;
	if (answer->n_all > 1)
		return VERIFY_KEY_SEVERAL;
	if (answer->cut || !text_copy(record, VERIFY_RECORD_SIZE, answer->values[0]))
		return VERIFY_KEY_TOO_LONG;
	return VERIFY_KEY_FOUND;
}

enum verify_key lookup_key(void *arg, const char *name, char record[VERIFY_RECORD_SIZE])
{
	const struct lookup *lookup = arg;

	for (size_t i = 0; i < lookup->n_keys; i++) {
		if (text_equals_nocase(lookup->key[i].name, name))
			return key_of(&lookup->key[i].answer, record);
	}
	return VERIFY_KEY_TEMPERROR;
}

void lookup_free(struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->n_keys; i++)
		dns_answer_free(&lookup->key[i].answer);
	lookup->n_keys = 0;
}
