// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// dkim_sign: what stands in the field, that it verifies, that whatever changes on the way breaks it
// (RFC 6376, RFC 8463), and that the same text gives the same field. (That others verify it, too,
// is tests/system/dkim.py's.)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dkim.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "adapter/dkim_sign.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WHEN     INT64_C(1700000000) // the past, as the verifier has the true clock
#define ROOM     20000
#define HEAD                                                                                       \
	"From: \"The tester\" <human@six.test>\r\nTo: a@good.test\r\nSubject: Auto: six: \r\n "    \
	"folded\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <x@six.test>\r\n"          \
	"In-Reply-To: <m@good.test>\r\nReferences: <m@good.test>\r\nAuto-Submitted: "              \
	"auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
#define BODY "\r\nHello\r\n.\r\n\r\n  trailing \t \r\n\r\n"

static struct key *keys[2]; // by type
static char paths[2][200];
static struct buf record; // what the DNS says

static int make_keys(void **state)
{
	if (folder_make(state) < 0)
		return -1;
	for (int type = KEY_RSA; type <= KEY_ED25519; type++) {
		strcpy(paths[type], folder_file(type == KEY_RSA ? "rsa" : "ed25519"));
		keys[type] = key_make((enum key_type)type);
		if (key_store(keys[type], paths[type], "/nonexistent") < 0)
			return -1;
	}
	return 0;
}

static int drop_keys(void **state)
{
	key_free(keys[KEY_RSA]);
	key_free(keys[KEY_ED25519]);
	buf_free(&record);
	return folder_remove(state);
}

static struct buf buf_of(const char *string)
{
	struct buf buf = buf_make(ROOM);

	buf_adds(&buf, string);
	return buf;
}

static DKIM_CBSTAT on_lookup(DKIM *dkim, DKIM_SIGINFO *sig, u_char *dst, size_t size)
{
	(void)dkim;
	assert_string_equal(dkim_sig_getselector(sig), "sel.ector");
	assert_string_equal(dkim_sig_getdomain(sig), "six.test");
	assert_true(record.len < size);
	memcpy(dst, record.data, record.len + 1);
	return DKIM_CBSTAT_CONTINUE;
}

static DKIM_STAT verify(const struct buf *message)
{
	DKIM_LIB *library = dkim_init(NULL, NULL);
	DKIM_STAT status = DKIM_STAT_OK;
	DKIM *dkim;

	dkim_set_key_lookup(library, on_lookup);
	dkim = dkim_verify(library, (const u_char *)"test", NULL, &status);
	assert_non_null(dkim);
	status = dkim_chunk(dkim, (u_char *)message->data, message->len);
	if (status == DKIM_STAT_OK)
		status = dkim_chunk(dkim, NULL, 0);
	if (status == DKIM_STAT_OK)
		status = dkim_eom(dkim, NULL);
	dkim_free(dkim);
	dkim_close(library);
	return status;
}

static struct key *copy_of(enum key_type type)
{
	struct key *key = NULL;

	assert_null(key_open(paths[type], type, &key));
	return key;
}

static struct signer *make_signer(void)
{
	return signer_new(copy_of(KEY_RSA), "sel.ector", copy_of(KEY_ED25519), "sel.ector");
}

// Where the field after the first begins, or the end.
static const char *next_field(const char *fields)
{
	const char *second = strstr(fields, "\nDKIM-Signature: ");

	return second != NULL ? second + 1 : fields + strlen(fields);
}

// The field for text that is signed by that type of key; record is set for verify().
static struct buf sign(enum key_type type, const char *text)
{
	struct signer *signer = make_signer();
	struct buf plain = buf_of(text), fields = buf_make(ROOM);
	const char *second;

	buf_free(&record);
	record = buf_make(KEY_RECORD_MAX);
	key_record(keys[type], &record);
	assert_int_equal(signer_sign(signer, "six.test", WHEN, &plain, &fields), 0);
	assert_true(fields.len <= signer_room(signer, "six.test"));
	second = next_field(buf_string(&fields));
	if (type == KEY_RSA)
		fields.len = (size_t)(second - fields.data);
	else
		buf_shift(&fields, (size_t)(second - fields.data));
	fields.data[fields.len] = '\0';
	buf_free(&plain);
	signer_free(signer);
	return fields;
}

static void test_verifies(void **state)
{
	static const char *const texts[] = {
		HEAD BODY, HEAD "\r\n", "From: a@six.test\r\n\r\nx\r\n",
		"From: a@six.test\r\nTo: \xc3\xa9@good.test\r\n\r\n.\r\n"};

	(void)state;
	for (int type = KEY_RSA; type <= KEY_ED25519; type++)
		for (size_t i = 0; i < COUNT(texts); i++) {
			struct buf message = sign((enum key_type)type, texts[i]);

			buf_adds(&message, texts[i]);
			if (verify(&message) != DKIM_STAT_OK)
				fail_msg("type %d, text %zu", type, i);
			buf_free(&message);
		}
}

// Copies text with one piece in another's place.
static void replace(struct buf *out, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	buf_add(out, text, (size_t)(at - text));
	buf_adds(out, to);
	buf_adds(out, at + strlen(from));
}

static void test_changes_break_it(void **state)
{
	static const struct {
		const char *from, *to;
		bool breaks;
	} rows[] = {
		{"Hello", "Hallo", true},
		{"  trailing \t \r\n\r\n", "  trailing\r\n", false}, // relaxed
		{"Subject: ", "subject:\t", false},
		{"\r\n\r\nHello", "\r\n\r\nHello\r\nmore", true},
		{"trailing \t \r\n\r\n", "trailing\r\n\r\nmore\r\n", true}, // no l=
		{"human@", "robot@", true},
		{"Auto: six", "Auto: sex", true},
		{"a@good.test\r\n", "b@good.test\r\n", true},
		{"22:13:20", "22:13:21", true},
		{"<x@six.test>", "<y@six.test>", true},
		{"In-Reply-To: <m@", "In-Reply-To: <n@", true},
		{"References: <m@", "References: <n@", true},
		{"auto-replied", "no", true},
		{"MIME-Version: 1.0", "MIME-Version: 1.1", true},
		{"text/plain", "text/html", true},
		// D9: oversigned fields that come once more
		{"From: ", "From: b@evil.test\r\nFrom: ", true},
		{"From: ", "Subject: another\r\nFrom: ", true},
		{"From: ", "To: another@good.test\r\nFrom: ", true},
		{"From: ", "Date: Sat, 16 Jan 2027 08:00:00 +0000\r\nFrom: ", true},
		{"From: ", "X-Spam: no\r\nFrom: ", false},
		{"From: ", "Received: from x by y; z\r\nFrom: ", false},
	};

	(void)state;
	for (int type = KEY_RSA; type <= KEY_ED25519; type++)
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct buf message = sign((enum key_type)type, HEAD BODY);
			DKIM_STAT status;

			replace(&message, HEAD BODY, rows[i].from, rows[i].to);
			status = verify(&message);
			if ((status != DKIM_STAT_OK) != rows[i].breaks)
				fail_msg("type %d, row %zu: %d", type, i, status);
			buf_free(&message);
		}
}

static void test_tags(void **state)
{
	static const char *const wanted[2][8] = {
		{"DKIM-Signature: v=1; ", "a=rsa-sha256;", "c=relaxed/relaxed;", "d=six.test;",
		 "s=sel.ector;", "t=1700000000;", "bh="},
		{"DKIM-Signature: v=1; ", "a=ed25519-sha256;", "c=relaxed/relaxed;", "d=six.test;",
		 "s=sel.ector;", "t=1700000000;", "bh="},
	};

	(void)state;
	for (int type = KEY_RSA; type <= KEY_ED25519; type++) {
		struct buf field = sign((enum key_type)type, HEAD BODY);
		const char *text = buf_string(&field);

		for (size_t i = 0; i < COUNT(wanted[0]) && wanted[type][i] != NULL; i++)
			if (strstr(text, wanted[type][i]) == NULL)
				fail_msg("no %s in %s", wanted[type][i], text);
		assert_null(strstr(text, "; l="));
		assert_null(strstr(text, "\tl="));
		assert_string_equal(text + field.len - 2, "\r\n");
		for (const char *line = text; *line != '\0'; line = strstr(line, "\r\n") + 2) {
			assert_true(strcspn(line, "\r") <= 78);
			assert_true(line == text || *line == '\t');
			assert_int_equal(line[strcspn(line, "\r\n")], '\r');
		}
		buf_free(&field);
	}
}

static void test_same_again(void **state)
{
	(void)state;
	for (int type = KEY_RSA; type <= KEY_ED25519; type++) {
		struct buf a = sign((enum key_type)type, HEAD BODY);
		struct buf b = sign((enum key_type)type, HEAD BODY);
		struct buf c = sign((enum key_type)type, HEAD "\r\nother\r\n");

		assert_string_equal(buf_string(&a), buf_string(&b));
		assert_string_not_equal(buf_string(&a), buf_string(&c));
		buf_free(&a);
		buf_free(&b);
		buf_free(&c);
	}
}

// A signer has no memory of the message before.
static void test_one_signer_many_messages(void **state)
{
	struct signer *signer = make_signer();
	struct buf text = buf_of(HEAD BODY), first = buf_make(ROOM), other = buf_make(ROOM);
	struct buf last = buf_make(ROOM);

	(void)state;
	assert_int_equal(signer_sign(signer, "six.test", WHEN, &text, &first), 0);
	assert_int_equal(signer_sign(signer, "dual.test", WHEN + 1, &text, &other), 0);
	assert_int_equal(signer_sign(signer, "six.test", WHEN, &text, &last), 0);
	assert_string_equal(buf_string(&first), buf_string(&last));
	assert_non_null(strstr(buf_string(&other), "d=dual.test;"));
	assert_non_null(strstr(buf_string(&other), "t=1700000001;"));
	buf_free(&text);
	buf_free(&first);
	buf_free(&other);
	buf_free(&last);
	signer_free(signer);
}

// Each signs with its own key, however many there are and whichever is gone.
static void test_many_signers(void **state)
{
	struct key *other = key_make(KEY_RSA);
	struct signer *signers[] = {make_signer(), signer_new(other, "sel.ector", NULL, ""),
				    make_signer()};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(signers); i++) {
		struct buf text = buf_of(HEAD BODY), message = buf_make(ROOM);
		size_t n = i % COUNT(signers);

		if (i == COUNT(signers))
			signers[2] = signer_free(signers[2]);
		if (signers[n] != NULL) {
			buf_free(&record);
			record = buf_make(KEY_RECORD_MAX);
			key_record(n == 1 ? other : keys[KEY_RSA], &record);
			assert_int_equal(signer_sign(signers[n], "six.test", WHEN, &text, &message),
					 0);
			// the RSA signature alone: the verifier would look at both
			message.len = (size_t)(next_field(buf_string(&message)) - message.data);
			buf_add(&message, text.data, text.len);
			assert_int_equal(verify(&message), DKIM_STAT_OK);
		}
		buf_free(&text);
		buf_free(&message);
	}
	signer_free(signers[0]);
	signer_free(signers[1]);
}

static void test_not_a_message(void **state)
{
	static const char *const texts[] = {"", "no line end", "From: a@six.test\r\n",
					    "no colon\r\n\r\nbody\r\n"};
	struct signer *signer = make_signer();

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct buf text = buf_of(texts[i]), field = buf_make(ROOM);

		if (signer_sign(signer, "six.test", WHEN, &text, &field) == 0)
			fail_msg("text %zu is signed", i);
		assert_int_equal(field.len, 0);
		buf_free(&text);
		buf_free(&field);
	}
	signer_free(signer);
}

// A7: the longest names there can be, every field that is signed.
static void test_A7_room(void **state)
{
	char domain[254], selector[200];
	struct buf text = buf_of("Reply-To: r\r\nCc: c\r\nSender: s\r\n"
				 "Content-Transfer-Encoding: 7bit\r\n" HEAD BODY);

	(void)state;
	memset(domain, 'd', sizeof(domain) - 1);
	memset(selector, 's', sizeof(selector) - 1);
	domain[sizeof(domain) - 1] = selector[sizeof(selector) - 1] = '\0';
	for (size_t i = 60; i < sizeof(domain) - 1; i += 61)
		domain[i] = '.';
	for (int longest = 0; longest < 2; longest++) {
		const char *name = longest ? domain : "a.b", *label = longest ? selector : "s";
		struct signer *signer =
			signer_new(copy_of(KEY_RSA), label, copy_of(KEY_ED25519), label);
		struct buf fields = buf_make(ROOM);

		assert_int_equal(signer_sign(signer, name, WHEN, &text, &fields), 0);
		if (fields.len > signer_room(signer, name))
			fail_msg("%zu octets in room for %zu", fields.len,
				 signer_room(signer, name));
		buf_free(&fields);
		signer_free(signer);
	}
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verifies),
		cmocka_unit_test(test_changes_break_it),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_one_signer_many_messages),
		cmocka_unit_test(test_many_signers),
		cmocka_unit_test(test_not_a_message),
		cmocka_unit_test(test_A7_room),
	};

	assert_null(signer_free(NULL));
	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
