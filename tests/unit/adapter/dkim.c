// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// dkim: signatures, made here with keys made here, and each way in which they do not hold
// (RELIABILITY D6, D9, 28, 29). No DNS.
#include "unit/signer.h"

#include <time.h>

static struct verifier *verifier;
static EVP_PKEY *rsa, *ed25519;

static struct verify_result check_message(const char *const *signatures, size_t n,
					  const char *header, const char *text,
					  struct server *server)
{
	struct verify *verify = verify_new(verifier);
	struct verify_result result;

	assert_non_null(verify);
	for (size_t i = 0; i < n; i++)
		verify_header(verify, "DKIM-Signature", signatures[i]);
	feed_fields(verify, header);
	verify_end_of_header(verify);
	for (size_t i = 0; i < strlen(text); i += 3) // as chunks may come
		verify_body(verify, text + i, strlen(text + i) < 3 ? strlen(text + i) : 3);
	assert_int_equal(verify_finish(verify, on_key, server, &result), 0);
	verify_free(verify);
	assert_int_equal(result.n + result.n_more, n);
	return result;
}

// One signature, one key.
static struct verify_signature check_one(const char *signature, enum verify_key state,
					 const char *record)
{
	const struct served key = {"s._domainkey.good.test", state, record};
	struct server server = {&key, 1, 0};

	return check_message(&signature, 1, fields, body, &server).signature[0];
}

static void assert_outcome(struct verify_signature seen, enum auth_result result,
			   const char *reason)
{
	if (seen.result != result || strcmp(seen.reason, reason) != 0)
		fail_msg("got %s (%s), want %s (%s)", auth_result_name(seen.result), seen.reason,
			 auth_result_name(result), reason);
}

static void test_passes(void **state)
{
	char record[1100];
	EVP_PKEY *keys[] = {rsa, ed25519, make_key(4096)};

	(void)state;
	for (size_t i = 0; i < LEN(keys); i++) {
		auto_free char *signature = sign((struct how){.key = keys[i]});
		const struct verify_signature seen =
			check_one(signature, VERIFY_KEY_FOUND, record_of(keys[i], record));

		assert_outcome(seen, AUTH_PASS, "");
		assert_string_equal(seen.domain, "good.test");
		assert_string_equal(seen.selector, "s");
		assert_memory_equal(strstr(signature, "b=") != NULL ? seen.start : "", seen.start,
				    8);
		assert_int_equal(strlen(seen.start), AUTHRES_B_LEN);
	}
	EVP_PKEY_free(keys[2]);
}

static void test_no_signature(void **state)
{
	struct server server = {0};
	struct verify_result result = check_message(NULL, 0, fields, body, &server);

	(void)state;
	assert_int_equal(result.n, 0);
	assert_int_equal(server.n_asked, 0);
}

static void test_D6_changed_message(void **state)
{
	auto_free char *signature = sign((struct how){.key = rsa});
	const char *list[] = {signature};
	char record[1100];
	const struct served key = {"s._domainkey.good.test", VERIFY_KEY_FOUND,
				   record_of(rsa, record)};
	struct server server = {&key, 1, 0};

	(void)state;
	assert_outcome(check_message(list, 1, fields, "Hello!\r\n\r\n", &server).signature[0],
		       AUTH_FAIL, "body has changed");
	assert_outcome(check_message(list, 1,
				     "From: b@good.test\r\nTo: test@six.test\r\nSubject: a b\r\n",
				     body, &server)
			       .signature[0],
		       AUTH_FAIL, "signature does not fit");
}

static void test_D6_keys(void **state)
{
	static const struct {
		enum verify_key state;
		const char *record;
		enum auth_result result;
		const char *reason;
	} rows[] = {
		{VERIFY_KEY_MISSING, "", AUTH_PERMERROR, "no key"},
		{VERIFY_KEY_TEMPERROR, "", AUTH_TEMPERROR, "no answer from DNS"},
		{VERIFY_KEY_SEVERAL, "", AUTH_PERMERROR, "several keys"},
		{VERIFY_KEY_TOO_LONG, "", AUTH_POLICY, "key record too long"},
		{VERIFY_KEY_FOUND, "", AUTH_PERMERROR, "key cannot be read"},
		{VERIFY_KEY_FOUND, "v=DKIM1; p=", AUTH_PERMERROR, "key revoked"},
		{VERIFY_KEY_FOUND, "v=DKIM2; p=AAAA", AUTH_PERMERROR, "key of another version"},
		{VERIFY_KEY_FOUND, "k=dsa; p=AAAA", AUTH_PERMERROR, "key of an unknown type"},
		{VERIFY_KEY_FOUND, "h=sha1; p=AAAA", AUTH_PERMERROR, "key for other hashes"},
		{VERIFY_KEY_FOUND, "s=tlsrpt; p=AAAA", AUTH_PERMERROR, "key not for mail"},
		{VERIFY_KEY_FOUND, "p=AAAA", AUTH_PERMERROR, "key cannot be read"},
		{VERIFY_KEY_FOUND, "p=!!!!", AUTH_PERMERROR, "key cannot be read"},
		{VERIFY_KEY_FOUND, "v=spf1 -all", AUTH_PERMERROR, "key of another version"},
		{VERIFY_KEY_FOUND, "\xc3\xa9", AUTH_PERMERROR, "key cannot be read"},
	};
	auto_free char *signature = sign((struct how){.key = rsa});

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		assert_outcome(check_one(signature, rows[i].state, rows[i].record), rows[i].result,
			       rows[i].reason);
}

// RFC 8601 section 2.7.1: a signature with syntax errors, or one that nobody could process, is
// neutral; its key is not even asked for.
static void test_D6_syntax(void **state)
{
	static const char *const signatures[] = {
		"",
		" ",
		" ;;;",
		" nonsense",
		" v=1",
		" v=2; a=rsa-sha256; d=good.test; s=s; h=from; bh=AAAA; b=AAAABBBB",
		" v=1; a=rsa-md5; d=good.test; s=s; h=from; bh=AAAA; b=AAAABBBB",
		" v=1; d=good.test; s=s; h=from; bh=AAAA; b=AAAABBBB",
		" v=1; a=rsa-sha256; d=good.test; s=s; bh=AAAA; b=AAAABBBB",
		" v=1; a=rsa-sha256; d=good.test; s=s; h=from; b=AAAABBBB",
		" v=1; a=rsa-sha256; d=good.test; s=s; h=from; bh=AAAA",
		" v=1; a=rsa-sha256; d=good.test; s=s; h=from; bh=AAAA; b=",
		" v=1; a=rsa-sha256; d=good.test; h=from; bh=AAAA; b=AAAABBBB",
		" v=1; a=rsa-sha256; c=odd/odd; d=good.test; s=s; h=from; bh=AAAA; b=AAAABBBB",
		" v=1; a=rsa-sha256; d=good.test; s=s; h=from; bh=AAAA; b=AAAABBBB; l=-1",
	};
	struct server server = {0};

	(void)state;
	for (size_t i = 0; i < LEN(signatures); i++) {
		const char *list[] = {signatures[i]};
		struct verify_result result = check_message(list, 1, fields, body, &server);

		assert_int_equal(result.n, 1);
		assert_outcome(result.signature[0], AUTH_NEUTRAL, "malformed signature");
	}
	assert_int_equal(server.n_asked, 0);
}

static void test_D9_weak(void **state)
{
	EVP_PKEY *small = make_key(768);
	auto_free char *of_small = sign((struct how){.key = small});
	auto_free char *of_part = sign((struct how){.key = rsa, .length = 6});
	auto_free char *of_sha1 = sign((struct how){.key = rsa});
	char record[1100];

	(void)state;
	assert_outcome(check_one(of_small, VERIFY_KEY_FOUND, record_of(small, record)), AUTH_POLICY,
		       "key below 1024 bits");
	assert_non_null(strstr(of_part, "l=6"));
	assert_outcome(check_one(of_part, VERIFY_KEY_FOUND, record_of(rsa, record)), AUTH_POLICY,
		       "l= leaves a body open");
	strcpy(strstr(of_sha1, "a=rsa-sha256") + 5, "-sha1  ");
	of_sha1[strlen(of_sha1)] = ';'; // where the longer name ended
	assert_outcome(check_one(of_sha1, VERIFY_KEY_FOUND, record_of(rsa, record)), AUTH_POLICY,
		       "rsa-sha1");
	EVP_PKEY_free(small);
}

static void test_times(void **state)
{
	const uint64_t now = (uint64_t)time(NULL);
	auto_free char *old = sign((struct how){.key = rsa, .time = now - 90000, .ttl = 3600});
	auto_free char *early = sign((struct how){.key = rsa, .time = now + 90000});
	char record[1100];

	(void)state;
	record_of(rsa, record);
	assert_outcome(check_one(old, VERIFY_KEY_FOUND, record), AUTH_PERMERROR,
		       "signature expired");
	assert_outcome(check_one(early, VERIFY_KEY_FOUND, record), AUTH_PERMERROR,
		       "signature from the future");
}

// RFC 6376 section 8.15: a second From, which readers may show, is not what was signed.
static void test_D9_second_from(void **state)
{
	auto_free char *signature = sign((struct how){.key = rsa});
	const char *list[] = {signature};
	char record[1100];
	const struct served key = {"s._domainkey.good.test", VERIFY_KEY_FOUND,
				   record_of(rsa, record)};
	struct server server = {&key, 1, 0};
	char header[200];

	(void)state;
	snprintf(header, sizeof(header), "From: evil@good.test\r\n%s", fields);
	assert_outcome(check_message(list, 1, header, body, &server).signature[0], AUTH_POLICY,
		       "not exactly one From");
	assert_outcome(check_message(list, 1, "To: a@b.test\r\n", body, &server).signature[0],
		       AUTH_POLICY, "not exactly one From");
	assert_int_equal(server.n_asked, 0);
}

static void test_D9_too_many(void **state)
{
	auto_free char *signature = sign((struct how){.key = rsa});
	const char *list[500];
	char record[1100];
	const struct served key = {"s._domainkey.good.test", VERIFY_KEY_FOUND,
				   record_of(rsa, record)};
	struct server server = {&key, 1, 0};
	struct verify_result result;

	(void)state;
	for (size_t i = 0; i < LEN(list); i++)
		list[i] = signature;
	result = check_message(list, LEN(list), fields, body, &server);
	assert_int_equal(result.n, VERIFY_SIGNATURES_MAX);
	assert_int_equal(result.n_more, LEN(list) - VERIFY_SIGNATURES_MAX);
	assert_true(server.n_asked <= VERIFY_SIGNATURES_MAX);
	for (size_t i = 0; i < result.n; i++)
		assert_outcome(result.signature[i], AUTH_PASS, "");
}

// One bad signature spoils none of the others, wherever it stands.
static void test_each_by_itself(void **state)
{
	auto_free char *good = sign((struct how){.key = rsa, .selector = "good"});
	auto_free char *silent = sign((struct how){.key = rsa, .selector = "silent"});
	auto_free char *edward = sign((struct how){.key = ed25519, .selector = "ed"});
	const char *list[] = {silent, " nonsense", good, " v=1; d=good.test; s=x", edward};
	static const enum auth_result want[] = {AUTH_TEMPERROR, AUTH_NEUTRAL, AUTH_PASS,
						AUTH_NEUTRAL, AUTH_PASS};
	char record[1100], record_ed[200];
	const struct served keys[] = {
		{"good._domainkey.good.test", VERIFY_KEY_FOUND, record_of(rsa, record)},
		{"silent._domainkey.good.test", VERIFY_KEY_TEMPERROR, ""},
		{"ed._domainkey.good.test", VERIFY_KEY_FOUND, record_of(ed25519, record_ed)},
	};
	struct server server = {keys, LEN(keys), 0};
	struct verify_result result = check_message(list, LEN(list), fields, body, &server);

	(void)state;
	for (size_t i = 0; i < LEN(list); i++)
		assert_int_equal(result.signature[i].result, want[i]);
	assert_string_equal(result.signature[4].selector, "ed");
	assert_string_equal(result.signature[1].domain, "");
}

static void test_fault_29_names(void **state)
{
	static const char *const domains[] = {
		"good.test(.evil.test", "good.test;x", "[192.0.2.1]", "gr\xc3\xbcn.test", "a..test",
		"\"good.test\"",        "good.test.",  ".",           "-a.test"};
	struct server server = {0};

	(void)state;
	for (size_t i = 0; i < 2 * LEN(domains); i++) {
		char signature[400];
		const char *list[] = {signature}, *bad = domains[i / 2];
		struct verify_result result;

		snprintf(signature, sizeof(signature),
			 " v=1; a=rsa-sha256; c=relaxed/simple; d=%s; s=%s; h=from; bh=AAAA; "
			 "b=AAAABBBBCCCC",
			 i % 2 == 0 ? bad : "good.test", i % 2 == 0 ? "s" : bad);
		result = check_message(list, 1, fields, body, &server);
		assert_int_equal(result.signature[0].result, AUTH_NEUTRAL);
		assert_string_equal(result.signature[0].domain[0] != '\0'
					    ? result.signature[0].domain
					    : "good.test",
				    "good.test");
	}
	assert_int_equal(server.n_asked, 0);
}

static void test_fault_28_29_sizes(void **state)
{
	auto_free char *signature = sign((struct how){.key = rsa});
	const char *list[] = {signature};
	struct server server = {0};
	auto_buf struct buf header = buf_make(1024 * 1024), list_of_h = buf_make(100000);
	const char *hard[1];

	(void)state;
	buf_adds(&header, fields);
	for (size_t i = 0; i < VERIFY_FIELDS_MAX; i++)
		buf_adds(&header, "X: y\r\n");
	assert_outcome(check_message(list, 1, header.data, body, &server).signature[0], AUTH_POLICY,
		       "header too large");
	buf_clear(&header);
	buf_adds(&header, fields);
	for (size_t i = 0; i < 20; i++)
		buf_addf(&header, "X: %016000d\r\n", 1);
	assert_outcome(check_message(list, 1, header.data, body, &server).signature[0], AUTH_POLICY,
		       "header too large");
	buf_adds(&list_of_h,
		 " v=1; a=rsa-sha256; d=good.test; s=s; bh=AAAA; b=AAAABBBBCCCC; h=from");
	for (size_t i = 0; i < 3000; i++)
		buf_adds(&list_of_h, ":to");
	hard[0] = list_of_h.data;
	assert_outcome(check_message(hard, 1, fields, body, &server).signature[0], AUTH_POLICY,
		       "signature too long");
}

static void test_wants_each_key_once(void **state)
{
	auto_free char *one = sign((struct how){.key = rsa});
	auto_free char *two = sign((struct how){.key = rsa, .selector = "two"});
	const char *names[VERIFY_SIGNATURES_MAX];
	struct verify *verify = verify_new(verifier);

	(void)state;
	verify_header(verify, "DKIM-signature", one);
	verify_header(verify, "dkim-signature", one);
	verify_header(verify, "DKIM-Signature", two);
	feed_fields(verify, fields);
	assert_int_equal(verify_wants(verify, names), 0);
	verify_end_of_header(verify);
	assert_int_equal(verify_wants(verify, names), 2);
	assert_string_equal(names[0], "s._domainkey.good.test");
	assert_string_equal(names[1], "two._domainkey.good.test");
	verify_free(verify);
}

static int set_up(void **state)
{
	(void)state;
	verifier = verifier_new();
	rsa = make_key(2048);
	ed25519 = make_key(0);
	return verifier != NULL && rsa != NULL && ed25519 != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	verifier = verifier_free(verifier);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed25519);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_no_signature),
		cmocka_unit_test(test_D6_changed_message),
		cmocka_unit_test(test_D6_keys),
		cmocka_unit_test(test_D6_syntax),
		cmocka_unit_test(test_D9_weak),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_D9_second_from),
		cmocka_unit_test(test_D9_too_many),
		cmocka_unit_test(test_each_by_itself),
		cmocka_unit_test(test_fault_29_names),
		cmocka_unit_test(test_fault_28_29_sizes),
		cmocka_unit_test(test_wants_each_key_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
