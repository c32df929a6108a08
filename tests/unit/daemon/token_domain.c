// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A host's own token domain: the probe's envelope sender is there, all else of it where it was;
// what comes there is about a probe, or for the postmaster, and what was sent before is still ours.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/key.h"
#include "daemon/diary.h"
#include "daemon/policy.h"
#include "daemon/request.h"
#include "unit/daemon/rows.h"

#define LIFETIME INT64_C(604800)

static void use(const char *domain)
{
	assert_null(domain_parse(domain, strlen(domain), &house_config->sites[0].token_domain));
}

// Signed by RSA alone.
static int make(void **state)
{
	struct key *key = key_make(KEY_RSA);
	int status = -1;

	if (house_make(state) < 0 || key_store(key, folder_file("rsa"), "/nonexistent") < 0)
		return -1;
	key_free(key);
	free(house_config->sites[0].dkim_key_file);
	house_config->sites[0].dkim_key_file = strdup(folder_file("rsa"));
	house = daemon_new(house_config, stderr, &status);
	if (house == NULL)
		return -1;
	use("a.six.test");
	return 0;
}

static void test_letter(void **state)
{
	(void)state;
	for (enum kind kind = KIND_REPORT; kind <= LAST; kind++) {
		struct store_mail mail = row_of(kind);
		struct letter *letter = write_letter(&mail);
		const char *domain = kind == KIND_SIX ? "six.test" : "dual.test";
		char want[100];

		assert_string_equal(
			letter->message.sender,
			kind == KIND_SIX ? house_token_address(house->seal, BOUNCE_PURPOSE, mail.id,
							       "a.six.test", NOW + LIFETIME)
					 : "");
		// From, Message-ID and signature: what DMARC looks at, and what all hosts know
		snprintf(want, sizeof(want), "<human@%s>\r\n", domain);
		assert_non_null(strstr(letter->message.text, want));
		snprintf(want, sizeof(want), "@%s>\r\n", domain);
		assert_non_null(strstr(strstr(letter->message.text, "\r\nMessage-ID:"), want));
		snprintf(want, sizeof(want), " d=%s;", domain);
		assert_non_null(strstr(letter->message.text, want));
		assert_null(strstr(letter->message.text, "a.six.test"));
		drop(letter);
	}
}

static void add_probe(uint64_t request)
{
	char entry[20];
	struct store_request row = {
		.id = request, .entry = entry, .decision = "answer", .requester = "a@good.test"};

	snprintf(entry, sizeof(entry), "r%llx", (unsigned long long)request);
	assert_int_equal(store_add_request(house->store, &row), 0);
	assert_int_equal(store_add_mail(house->store, request, KIND_SIX, NOW, NOW, 0), 0);
}

// What was made of a notification that the probe failed: minted for one domain, sent to another.
static const char *decide(uint64_t request, const char *minted, const char *sent)
{
	static char decision[100];
	static unsigned serial;
	char address[200], name[20], sql[100];
	struct entry entry;

	snprintf(address, sizeof(address), "%s",
		 house_token_address(house->seal, BOUNCE_PURPOSE, kind_id(request, KIND_SIX),
				     minted, NOW + LIFETIME));
	snprintf(strchr(address, '@'), 100, "@%s", sent);
	entry = house_bounce(address, DSN_ACTION_FAILED, "a@good.test");
	snprintf(name, sizeof(name), "d%u", ++serial);
	assert_int_equal(bounce_record(house, name, &entry), 0);
	diary_forget(house->diary);
	snprintf(sql, sizeof(sql), "SELECT decision FROM dsn WHERE entry = '%s'", name);
	snprintf(decision, sizeof(decision), "%s", house_ask(sql));
	decision[strcspn(decision, "\n")] = '\0';
	return decision;
}

// Of probes from before the option was set, and after it was taken away.
static void test_18_bounces(void **state)
{
	(void)state;
	for (uint64_t request = 0x1000; request <= 0x3000; request += 0x1000)
		add_probe(request);
	assert_string_equal(decide(0x1000, "a.six.test", "six.test"), "forged-token");
	assert_string_equal(decide(0x1000, "six.test", "a.six.test"), "forged-token");
	assert_string_equal(decide(0x1000, "b.six.test", "a.six.test"), "forged-token");
	assert_string_equal(decide(0x1000, "a.six.test", "A.Six.Test"), "used");
	assert_string_equal(decide(0x2000, "six.test", "six.test"), "used");
	use("b.six.test");
	assert_string_equal(decide(0x3000, "a.six.test", "a.six.test"), "used");
}

static void expect(const char *sender, const char *recipient, const char *reason)
{
	struct policy_question question = {sender, recipient, "2001:db8:100::25"};
	struct policy_answer answer;

	policy_decide(house, &question, &answer);
	print_message("<%s> to <%s>: %s\n", sender, recipient, answer.action);
	assert_string_equal(answer.reason == NULL ? "yes" : answer.reason, reason);
	if (strcmp(reason, "no-such-recipient") == 0)
		assert_string_equal(answer.action,
				    "550 5.1.1 nobody has this address; to test, write to "
				    "test@six.test; a person reads human@six.test");
}

static const char *token_address(const char *domain)
{
	return house_token_address(house->seal, BOUNCE_PURPOSE, 0x1002, domain, NOW + LIFETIME);
}

static void test_18_policy(void **state)
{
	(void)state;
	expect("", token_address("a.six.test"), "yes");
	expect("", token_address("A.SIX.test"), "yes");
	expect("", token_address("six.test"), "yes");
	expect("", token_address("b.six.test"), "no-such-recipient");
	expect("", "bounce+x@a.six.test", "bad-token");
	expect("a@good.test", "postmaster@a.six.test", "yes");
	expect("", "PostMaster@a.six.test", "yes");
	expect("a@good.test", "abuse@A.six.test", "yes");
	expect("", "abuse@a.six.test", "null-sender");
	expect("a@good.test", "test@a.six.test", "no-such-recipient");
	expect("a@good.test", "test+x@a.six.test", "no-such-recipient");
	expect("a@good.test", "human@a.six.test", "no-such-recipient");
	expect("a@good.test", "hostmaster@a.six.test", "no-such-recipient");
	expect("a@good.test", "bounce@a.six.test", "no-such-recipient");
	expect("a@good.test", "hostmaster@six.test", "yes");
	expect("bounce+x@a.six.test", "test@six.test", "own-domain");
	expect("bounce+x@b.six.test", "test@six.test", "own-domain"); // another host's
}

static void test_requests(void **state)
{
	static const struct {
		const char *sender, *recipient, *decision;
	} rows[] = {
		{"bounce+x@a.six.test", "test@six.test", "own-domain 0\n"},
		{"bounce+x@b.six.test", "test@six.test", "own-domain 0\n"},
		{"a@good.test", "test@a.six.test", "no-such-recipient 0\n"},
		{"a@good.test", "test@six.test", "answer 2\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry entry = house_entry(rows[i].sender, rows[i].recipient);
		char name[20], sql[200];

		snprintf(name, sizeof(name), "r%zu", i);
		assert_int_equal(request_record(house, name, &entry), 0);
		diary_forget(house->diary);
		snprintf(sql, sizeof(sql),
			 "SELECT decision || ' ' || (SELECT count(*) FROM message WHERE request ="
			 " request.id) FROM request WHERE entry = '%s'",
			 name);
		assert_string_equal(house_ask(sql), rows[i].decision);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_letter, make, house_remove),
		cmocka_unit_test_setup_teardown(test_18_bounces, make, house_remove),
		cmocka_unit_test_setup_teardown(test_18_policy, make, house_remove),
		cmocka_unit_test_setup_teardown(test_requests, make, house_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
