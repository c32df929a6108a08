// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// letter: whatever strangers wrote, in each place and as much as a row holds, there is an answer,
// signed twice, by the templates that are shipped (A7). A search at random, always the same one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/compose.h"
#include "adapter/key.h"
#include "adapter/survey_json.h"
#include "base/text.h"
#include "mail/diagnose.h"
#include "unit/daemon/house.h"

#define LETTERS    120
#define TEXT_SIZE  4001
#define NAME       "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz"
#define TEXT(text) ((char *)(uintptr_t)(text))

static uint64_t state_of_chance;

static size_t chance(size_t n)
{
	state_of_chance ^= state_of_chance << 13;
	state_of_chance ^= state_of_chance >> 7;
	state_of_chance ^= state_of_chance << 17;
	return (size_t)(state_of_chance >> 11) % n;
}

static const char *atom(void)
{
	static const char *const atoms[] = {"\"",
					    "&",
					    "<",
					    "'",
					    "=",
					    "\\",
					    "\x1b",
					    "\xff",
					    "\xc3\xa9",
					    "\xe2\x82\xac",
					    "\xf0\x9f\x92\xa9",
					    "\xe2\x80\xae",
					    "a",
					    "b ",
					    "\n",
					    "www.x.test ",
					    "{{requester}}"};

	return atoms[chance(COUNT(atoms))];
}

// At most max octets, of one kind, two, or any.
static char *text_at_random(char dst[TEXT_SIZE], size_t max)
{
	const char *pair[] = {atom(), atom()};
	size_t kinds = chance(3), len = 0;

	for (dst[0] = '\0';;) {
		const char *next = kinds == 2 ? atom() : pair[chance(kinds + 1)];

		if (len + strlen(next) > max)
			return dst;
		len += strlen(strcpy(dst + len, next));
	}
}

static void escaped(char *dst, size_t size)
{
	char text[TEXT_SIZE];

	text_at_random(text, size);
	text_escape(dst, size, text, strlen(text));
}

static void write_survey(struct buf *json)
{
	static struct survey survey;

	survey = (struct survey){.mx = SURVEY_MX_LISTED, .tried_reach = true};
	survey.n_hosts = 1 + chance(SURVEY_HOSTS_MAX);
	survey.n_hosts_all = 300;
	for (size_t i = 0; i < survey.n_hosts; i++) {
		struct survey_host *host = &survey.hosts[i];

		escaped(host->name, sizeof(host->name));
		host->is_cname = chance(2) == 0;
		host->has_v6 = SURVEY_YES;
		host->ns_v6 = SURVEY_NO;
		host->n_v6 = SURVEY_ADDRESSES_MAX;
		for (size_t k = 0; k < host->n_v6; k++) {
			struct survey_address *address = &host->v6[k];

			snprintf(address->text, sizeof(address->text),
				 "%s:1111:1111:1111:1111:1111:%zu:111%zu",
				 (const char *[]){"fd00", "fe80", "2002", "2001", "2a00"}[k % 5], i,
				 k);
			address->kind = survey_kind_of(address->text);
			address->reach = (enum survey_reach)chance(SURVEY_REACHES);
			address->step = SURVEY_STEP_BANNER;
			address->code = 421;
			escaped(address->banner, sizeof(address->banner));
		}
	}
	assert_int_equal(survey_json_write(&survey, json), 0);
}

static void fill_row(struct store_mail *mail, char texts[][TEXT_SIZE])
{
	size_t n = 0;

	mail->client_helo = text_at_random(texts[n++], 1000);
	mail->client_hostname = text_at_random(texts[n++], 1000);
	mail->client_protocol = text_at_random(texts[n++], 1000);
	mail->subject = text_at_random(texts[n++], 2000);
	mail->status = text_at_random(texts[n++], 1000);
	mail->final_recipient = text_at_random(texts[n++], 1000);
	mail->remote_mta = text_at_random(texts[n++], 1000);
	mail->reporting_mta = text_at_random(texts[n++], 1000);
	mail->diagnostic = text_at_random(texts[n++], 1000);
	mail->last_attempt = text_at_random(texts[n++], 1000);
	mail->will_retry_until = text_at_random(texts[n++], 1000);
	mail->status_part = text_at_random(texts[n++], 4000);
	mail->returned = text_at_random(texts[n++], 4000);
}

static struct store_mail row_of(enum kind kind)
{
	struct store_mail mail = {.kind = kind};

	store_mail_blank(&mail);
	mail.id = kind_id(UINT64_C(0x123456789abcde0), kind);
	mail.created = NOW;
	mail.arrived = NOW - 5;
	mail.was_accepted = true;
	mail.site = TEXT("one");
	mail.requester = TEXT("&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&@"
			      "abcdefghijkl.abcdefghijkl.abcdefghijkl.abcdefghijkl.abcdefghijkl."
			      "abcdefghijkl.abcdefghijkl.abcdefghijkl.abcdefghijkl.good.test");
	mail.recipient = chance(4) == 0 ? TEXT("test@six.test") : TEXT("test+cs@six.test");
	mail.message_id = TEXT("<" NAME "@" NAME ".test>");
	mail.references = TEXT("<1" NAME "@x.test> <2" NAME "@x.test> <3" NAME "@" NAME
			       ".test> <4" NAME "@" NAME ".test> <5" NAME "@" NAME ".test>");
	mail.trace =
		TEXT("v=1; instance=v6; client=2001:db8:100::25; family=6; fcrdns=fail; ptr=" NAME
		     "; helo=x; tls=TLSv1.3; cipher=TLS_AES_256_GCM_SHA384; time=1800000000; "
		     "mx=pass/good.test; dkim=pass/" NAME ",fail/" NAME ",fail/" NAME);
	mail.client_address = TEXT("2001:db8:1234:5678:9abc:def0:1234:5678");
	if (kind == KIND_DELAY || kind == KIND_BOUNCE) {
		mail.action = kind == KIND_DELAY ? TEXT("delayed") : TEXT("failed");
		mail.class = TEXT(class_name((enum class)chance(CLASSES)));
	}
	return mail;
}

static void test_A7_there_is_always_an_answer(void **state)
{
	static char texts[13][TEXT_SIZE];

	(void)state;
	state_of_chance = 4711;
	for (int i = 0; i < LETTERS; i++) {
		const enum kind kind =
			i % 8 != 0 ? KIND_BOUNCE : (enum kind)(KIND_REPORT + i / 8 % KIND_BOUNCE);
		struct store_mail mail = row_of(kind);
		auto_buf struct buf survey = buf_make(SURVEY_JSON_MAX);
		struct letter letter = {.text = buf_make(0)};
		const char *fault;

		fill_row(&mail, texts);
		write_survey(&survey);
		mail.survey = TEXT(buf_string(&survey));
		fault = letter_write(&letter, house, &mail);
		if (fault != NULL)
			fail_msg("letter %d, %s to %s: %s", i, kind_row(kind)->name, mail.recipient,
				 fault);
		assert_true(letter.message.text_len <=
			    (kind_row(kind)->html != NULL ? COMPOSE_REPORT_MAX : COMPOSE_MAX));
		letter_free(&letter);
	}
}

static void use_key(const char *name, enum key_type type, char **option)
{
	struct key *key = key_make(type);

	assert_int_equal(key_store(key, folder_file(name), "/nonexistent"), 0);
	free(*option);
	*option = strdup(folder_file(name));
	key_free(key);
}

// A house with the shipped templates, and both keys.
static int make(void **state)
{
	int status = -1;

	if (house_make(state) < 0)
		return -1;
	free(house_config->templates_directory);
	house_config->templates_directory = strdup("templates");
	use_key("rsa", KEY_RSA, &house_config->sites[0].dkim_key_file);
	use_key("ed25519", KEY_ED25519, &house_config->sites[0].dkim_ed25519_key_file);
	house = daemon_new(house_config, stderr, &status);
	return house == NULL ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_A7_there_is_always_an_answer, make,
						house_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
