// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// signing: which key signs which letter, in the name of the domain in its From; and that a letter
// with its signatures is the same from the same row and keeps its size (A7).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/compose.h"
#include "adapter/key.h"
#include "daemon/signing.h"
#include "mail/kind.h"
#include "unit/daemon/house.h"

#define TEXT(text) ((char *)(uintptr_t)(text))

static void use_key(const char *name, enum key_type type, char **option)
{
	struct key *key = key_make(type);

	assert_int_equal(key_store(key, folder_file(name), "/nonexistent"), 0);
	free(*option);
	*option = strdup(folder_file(name));
	key_free(key);
}

// A house whose first site signs twice, and whose second does not.
static int make(void **state)
{
	int status = -1;

	if (house_make(state) < 0)
		return -1;
	use_key("rsa", KEY_RSA, &house_config->sites[0].dkim_key_file);
	use_key("ed25519", KEY_ED25519, &house_config->sites[0].dkim_ed25519_key_file);
	house = daemon_new(house_config, stderr, &status);
	return house == NULL ? -1 : 0;
}

static struct store_mail row_of(enum kind kind, const char *site)
{
	struct store_mail mail = {.id = kind_id(UINT64_C(0x123456789abcde0), kind),
				  .kind = kind,
				  .created = NOW,
				  .attempts = 1,
				  .arrived = NOW - 5};

	store_mail_blank(&mail);
	mail.site = TEXT(site);
	mail.requester = TEXT("a@good.test");
	mail.recipient = TEXT("test@six.test");
	mail.message_id = TEXT("<m@good.test>");
	return mail;
}

// The n-th field DKIM-Signature of text, and no further; "" for none.
static const char *signature(const char *text, int n)
{
	static char field[2000];
	const char *end;

	for (;; n--) {
		if (strncmp(text, "DKIM-Signature: ", 16) != 0)
			return "";
		end = strstr(text, "\r\n");
		while (end[2] == '\t')
			end = strstr(end + 2, "\r\n");
		if (n == 0)
			break;
		text = end + 2;
	}
	snprintf(field, sizeof(field), "%.*s", (int)(end - text), text);
	return field;
}

static void test_each_kind_is_signed(void **state)
{
	(void)state;
	for (enum kind kind = KIND_REPORT; kind <= KIND_BOUNCE; kind++) {
		struct store_mail mail = row_of(kind, "one");
		struct letter letter = {.sender = ""};
		const char *domain = kind == KIND_SIX ? "d=six.test;" : "d=dual.test;";

		assert_null(letter_write(&letter, house, &mail));
		assert_non_null(strstr(signature(letter.message.text, 0), "a=rsa-sha256;"));
		assert_non_null(strstr(signature(letter.message.text, 0), domain));
		assert_non_null(strstr(signature(letter.message.text, 0), "s=postsix;"));
		assert_non_null(strstr(signature(letter.message.text, 0), "t=1800000000;"));
		assert_non_null(strstr(signature(letter.message.text, 1), "a=ed25519-sha256;"));
		assert_non_null(strstr(signature(letter.message.text, 1), domain));
		assert_non_null(strstr(signature(letter.message.text, 1), "s=postsix-ed25519;"));
		assert_string_equal(signature(letter.message.text, 2), "");
		assert_int_equal(letter.message.text_len, strlen(letter.message.text));
		letter_free(&letter);
	}
}

static void test_site_without_key(void **state)
{
	struct store_mail mail = row_of(KIND_SIX, "two");
	struct letter letter = {.sender = ""};

	(void)state;
	assert_null(letter_write(&letter, house, &mail));
	assert_string_equal(signature(letter.message.text, 0), "");
	assert_int_equal(signing_room(house->signing, &house_config->sites[1], "seis.test"), 0);
	letter_free(&letter);
}

static void test_same_again(void **state)
{
	struct store_mail mail = row_of(KIND_BOUNCE, "one");
	struct letter a = {.sender = ""}, b = {.sender = ""};

	(void)state;
	mail.status_part = TEXT("Action: failed\n");
	assert_null(letter_write(&a, house, &mail));
	house_clock += 1000;
	assert_null(letter_write(&b, house, &mail));
	house_clock = NOW;
	assert_string_equal(a.message.text, b.message.text);
	letter_free(&a);
	letter_free(&b);
}

// A stranger's words fill what a letter may have, the signatures included.
static void test_A7_size_with_signatures(void **state)
{
	static char large[20001];

	(void)state;
	for (size_t i = 0; i < sizeof(large) - 1; i++)
		large[i] = i % 70 == 69 ? '\n' : 'x';
	for (enum kind kind = KIND_REPORT; kind <= KIND_BOUNCE; kind++) {
		struct store_mail mail = row_of(kind, "one");
		struct letter letter = {.sender = ""};
		size_t max = kind_row(kind)->html != NULL ? COMPOSE_REPORT_MAX : COMPOSE_MAX;

		mail.status_part = mail.returned = large;
		assert_null(letter_write(&letter, house, &mail));
		assert_true(letter.message.text_len <= max);
		assert_true(letter.message.text_len > max - 1000); // it was filled
		assert_string_not_equal(signature(letter.message.text, 1), "");
		letter_free(&letter);
	}
}

// Every fault is named, and nothing starts (fault 34).
static void test_fault34_keys_of_a_site(void **state)
{
	char errors[1000] = "";
	FILE *out = fmemopen(errors, sizeof(errors), "w");
	struct config_site *site = &house_config->sites[1];
	char *none[] = {site->dkim_key_file, site->dkim_ed25519_key_file};
	int status = -1;

	(void)state;
	house = daemon_free(house);
	site->dkim_key_file = TEXT(strdup(folder_file("missing")));
	site->dkim_ed25519_key_file = TEXT(strdup(folder_file("rsa")));
	assert_null(daemon_new(house_config, out, &status));
	fclose(out);
	assert_int_equal(status, 78);
	assert_non_null(strstr(errors, "missing: No such file or directory ([site two] "
				       "dkim_key_file)\n"));
	assert_non_null(strstr(errors, "rsa: an Ed25519 key is wanted ([site two] "
				       "dkim_ed25519_key_file)\n"));
	free(site->dkim_key_file);
	free(site->dkim_ed25519_key_file);
	site->dkim_key_file = none[0];
	site->dkim_ed25519_key_file = none[1];
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_kind_is_signed, make, house_remove),
		cmocka_unit_test_setup_teardown(test_site_without_key, make, house_remove),
		cmocka_unit_test_setup_teardown(test_same_again, make, house_remove),
		cmocka_unit_test_setup_teardown(test_A7_size_with_signatures, make, house_remove),
		cmocka_unit_test_setup_teardown(test_fault34_keys_of_a_site, make, house_remove),
	};

	assert_null(signing_free(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
