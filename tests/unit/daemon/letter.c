// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// letter: who writes what to whom (RFC 3834 section 3), the same from the same row, never large
// (A7), never more than its template's fields (fault 23).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/compose.h"
#include "base/text.h"
#include "mail/kind.h"
#include "unit/daemon/rows.h"

// The value of a header field, unfolded, in a static buffer; NULL for none. *ret_n: how many.
static const char *field_of(const char *text, const char *name, int *ret_n)
{
	static char value[4000];
	size_t len = 0;

	*ret_n = 0;
	for (const char *line = text; *line != '\r' && *line != '\0';
	     line = strstr(line, "\r\n") + 2) {
		size_t n = strlen(name);

		if (strncmp(line, name, n) != 0 || line[n] != ':')
			continue;
		++*ret_n;
		len = 0;
		for (const char *c = line + n + 2; *c != '\0'; c++) {
			if (strncmp(c, "\r\n", 2) == 0 && c[2] != ' ' && c[2] != '\t')
				break;
			if (*c != '\r' && *c != '\n')
				value[len++] = *c;
		}
		value[len] = '\0';
	}
	return *ret_n == 0 ? NULL : value;
}

static void expect_field(const char *text, const char *name, const char *want)
{
	int n = 0;
	const char *value = field_of(text, name, &n);

	if (want == NULL) {
		assert_int_equal(n, 0);
		return;
	}
	assert_int_equal(n, 1);
	assert_string_equal(value, want);
}

static void test_A10_to_A18_header(void **state)
{
	(void)state;
	for (enum kind kind = KIND_REPORT; kind <= LAST; kind++) {
		struct store_mail mail = row_of(kind);
		struct letter *letter = write_letter(&mail);
		const char *text = letter->message.text, *id, *subject;
		bool is_six = kind == KIND_SIX;
		char want[100];
		int n;

		// A10, RFC 3834 section 3.1.1: a human's address, with the service's name
		expect_field(text, "From",
			     is_six ? "\"The \\\"one\\\" tester\" <human@six.test>"
				    : "\"The \\\"one\\\" tester\" <human@dual.test>");
		expect_field(text, "Reply-To", NULL);    // A11
		expect_field(text, "To", "a@good.test"); // A12
		expect_field(text, "Cc", NULL);
		expect_field(text, "Bcc", NULL);
		expect_field(text, "Date", "Fri, 15 Jan 2027 08:00:00 +0000"); // A13
		subject = field_of(text, "Subject", &n);                       // A14
		assert_int_equal(n, 1);
		snprintf(want, sizeof(want), "Auto: %s", kind_row(kind)->name);
		assert_memory_equal(subject, want, strlen(want));
		expect_field(text, "In-Reply-To", "<m@good.test>"); // A15
		expect_field(text, "References", "<r1@good.test> <r2@good.test> <m@good.test>");
		expect_field(text, "Auto-Submitted", "auto-replied"); // A16, A20
		expect_field(text, "List-Id", NULL);                  // D12
		expect_field(text, "Disposition-Notification-To", NULL);
		id = field_of(text, "Message-ID", &n);
		assert_int_equal(n, 1);
		assert_string_equal(id + 1 + TOKEN_TEXT_LEN, is_six ? "@six.test>" : "@dual.test>");
		drop(letter);
	}
}

static void test_A18_C12_envelopes(void **state)
{
	(void)state;
	for (enum kind kind = KIND_REPORT; kind <= LAST; kind++) {
		struct store_mail mail = row_of(kind);
		struct letter *letter = write_letter(&mail);
		const struct smtp_message *message = &letter->message;
		char to[ADDR_TEXT_SIZE];

		assert_string_equal(addr_text(to, message->recipient), "a@good.test");
		assert_false(message->utf8);
		if (kind == KIND_SIX) {
			const char *want =
				house_token_address(house->seal, BOUNCE_PURPOSE, mail.id,
						    "six.test", NOW + house_config->token_lifetime);

			assert_string_equal(message->sender, want);
			assert_int_equal(strcspn(message->sender, "@"), 46); // D2: 64 at most
			assert_int_equal(strlen(message->envelope_id), TOKEN_TEXT_LEN);
			assert_memory_equal(message->envelope_id, want + 7, TOKEN_TEXT_LEN);
			assert_int_equal(message->notify, SMTP_NOTIFY_SUCCESS |
								  SMTP_NOTIFY_FAILURE |
								  SMTP_NOTIFY_DELAY);
		} else {
			assert_string_equal(message->sender, "");
			assert_int_equal(message->notify, SMTP_NOTIFY_NEVER);
			assert_null(message->envelope_id);
		}
		drop(letter);
	}
}

// Invariant I2: what is sent once more after a crash is the same, and named the same.
static void test_I2_same_row_same_bytes(void **state)
{
	(void)state;
	for (enum kind kind = KIND_REPORT; kind <= LAST; kind++) {
		struct store_mail mail = row_of(kind);
		struct letter *first = write_letter(&mail), *second;

		house_clock += 86400;
		mail.attempts = 7;
		second = write_letter(&mail);
		assert_string_equal(first->message.text, second->message.text);
		assert_string_equal(first->message.sender, second->message.sender);
		drop(first);
		drop(second);
	}
}

// Other kinds and requests have other Message-IDs, all ours.
static void test_message_ids_differ(void **state)
{
	char ids[LAST + 1][TOKEN_TEXT_SIZE + 20];

	(void)state;
	for (enum kind kind = KIND_REPORT; kind <= LAST; kind++) {
		struct store_mail mail = row_of(kind);
		struct letter *letter = write_letter(&mail);
		struct token token;
		int n;

		snprintf(ids[kind], sizeof(ids[kind]), "%s",
			 field_of(letter->message.text, "Message-ID", &n));
		assert_null(token_parse(ids[kind] + 1, TOKEN_TEXT_LEN, &token));
		assert_true(token.id == mail.id);
		assert_int_equal(seal_check(house->seal, LETTER_ID_PURPOSE,
					    kind == KIND_SIX ? "six.test" : "dual.test", &token,
					    NOW),
				 SEAL_VALID);
		for (enum kind before = KIND_REPORT; before < kind; before++)
			assert_string_not_equal(ids[before], ids[kind]);
		drop(letter);
	}
}

// RFC 5322 section 3.6.4: In-Reply-To stands in for References only where it holds one id.
static void test_A15_threading(void **state)
{
	static const struct {
		const char *message_id, *references, *in_reply_to, *want_parent, *want_references;
	} rows[] = {
		{"<m@x>", "", "<i@x>", "<m@x>", "<i@x> <m@x>"},
		{"<m@x>", "", "<i@x> <j@x>", "<m@x>", "<m@x>"},
		{"<m@x>", "", "", "<m@x>", "<m@x>"},
		{"", "<r@x>", "", NULL, "<r@x>"},
		{"", "", "", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_mail mail = row_of(KIND_REPORT);
		struct letter *letter;

		mail.message_id = TEXT(rows[i].message_id);
		mail.references = TEXT(rows[i].references);
		mail.in_reply_to = TEXT(rows[i].in_reply_to);
		letter = write_letter(&mail);
		expect_field(letter->message.text, "In-Reply-To", rows[i].want_parent);
		if (i !=
		    3) // a request without a Message-ID: RFC 5322 has none at all; either is fine
			expect_field(letter->message.text, "References", rows[i].want_references);
		drop(letter);
	}
}

// ---- strangers' words ---------------------------------------------------------------------------

static const char *const hostile[] = {
	"\r\nBcc: victim@good.test\r\n\r\n<b>body</b>",
	"\nX-Injected: yes\n",
	"\rX-Injected: yes",
	"\x01\x02\x1b[31m\x7f\xff\xfe",
	"\xc2\x85X-Injected: yes\xe2\x80\xa8X-Injected: yes",
	"\xe2\x80\xae\xe2\x80\x8f\xf3\xa0\x80\x81",
	"=?utf-8?q?a=0D=0AX-Injected:_yes?=",
	"{{#is_ours}}{{requester}}{{nonsense",
	"--=-boundary\r\n.\r\n..\r\nMAIL FROM:<>",
	"\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
};

// Every text of the row that a stranger wrote becomes word, repeated to len octets.
static void fill(struct store_mail *mail, const char *word, size_t len, char *room)
{
	size_t n = 0;

	while (n + strlen(word) <= len) {
		memcpy(room + n, word, strlen(word));
		n += strlen(word);
	}
	room[n] = '\0';
	EACH_TEXT(text, mail)
	*text = room;
	mail->site = TEXT("one");
	mail->requester = TEXT("a@good.test");
	mail->class = TEXT("refused");
}

static void expect_template_fields_only(const char *text)
{
	static const char *const names[] = {"From",
					    "To",
					    "Subject",
					    "Date",
					    "Message-ID",
					    "In-Reply-To",
					    "References",
					    "Auto-Submitted",
					    "MIME-Version",
					    "Content-Type",
					    "Content-Transfer-Encoding",
					    "Message-Id"};

	for (const char *line = text; strncmp(line, "\r\n", 2) != 0;
	     line = strstr(line, "\r\n") + 2) {
		bool known = *line == ' ' || *line == '\t';

		for (size_t i = 0; i < COUNT(names) && !known; i++)
			known = strncmp(line, names[i], strlen(names[i])) == 0 &&
				line[strlen(names[i])] == ':';
		if (!known)
			fail_msg("a foreign field: %.60s", line);
	}
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c > '~' || (*c < ' ' && strchr("\r\n\t", *c) == NULL))
			fail_msg("octet %02x", (unsigned char)*c);
		if (*c == '\n')
			assert_true(c > text && c[-1] == '\r');
		if (*c == '\r')
			assert_true(c[1] == '\n');
	}
}

static void write_hostile(enum kind kind, const char *word, size_t len)
{
	static char room[8000];
	struct store_mail mail = row_of(kind);
	struct letter *letter;

	fill(&mail, word, len, room);
	letter = write_letter(&mail);
	assert_true(letter->message.text_len <=
		    (kind_row(kind)->html != NULL ? COMPOSE_REPORT_MAX : COMPOSE_MAX));
	expect_template_fields_only(letter->message.text);
	assert_string_equal(letter->message.sender[0] == '\0' ? "six" : kind_row(kind)->name,
			    "six");
	drop(letter);
}

// FACTS_VALUE_MAX, DSN_FIELD_MAX and FACTS_TEXT_MAX are 2000, 1000 and 4000: all at 4000 is worse.
static void test_A7_9_23_24_hostile_rows(void **state)
{
	static const size_t lengths[] = {80, 1000, 4000};

	(void)state;
	for (enum kind kind = KIND_REPORT; kind <= LAST; kind++)
		for (size_t i = 0; i < COUNT(hostile); i++)
			for (size_t j = 0; j < COUNT(lengths); j++)
				write_hostile(kind, hostile[i], lengths[j]);
}

// The same for the templates that are installed, where they are at hand.
static void test_A7_shipped_templates(void **state)
{
	char path[200];

	(void)state;
	if (access("templates/en/six.txt", R_OK) < 0)
		skip();
	strcat(getcwd(path, 180), "/templates");
	free(house_config->templates_directory);
	house_config->templates_directory = strdup(path);
	assert_true(letter_check_templates(house_config, stderr));
	for (enum kind kind = KIND_REPORT; kind <= LAST; kind++) {
		struct store_mail mail = row_of(kind);

		drop(write_letter(&mail));
		for (size_t i = 0; i < COUNT(hostile); i++)
			write_hostile(kind, hostile[i], 1000);
	}
}

// ---- words of its own ---------------------------------------------------------------------------

static void test_D7_30_addresses_byte_for_byte(void **state)
{
	static const struct {
		const char *requester;
		bool utf8;
	} rows[] = {
		{"\"a b\"@good.test", false},
		{"a+b=c@good.test", false},
		{"A.b@GOOD.test", false},
		{"u@[IPv6:2001:db8::1]", false},
		{"\xc5\xa1\xc3\xa9@good.test", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_mail mail = row_of(KIND_SIX);
		struct letter *letter;
		char to[ADDR_TEXT_SIZE];

		mail.requester = TEXT(rows[i].requester);
		letter = write_letter(&mail);
		expect_field(letter->message.text, "To", rows[i].requester);
		assert_string_equal(addr_text(to, letter->message.recipient), rows[i].requester);
		assert_int_equal(letter->message.utf8, rows[i].utf8);
		drop(letter);
	}
}

static void test_what_cannot_be_written(void **state)
{
	struct store_mail gone = row_of(KIND_SIX), nobody = row_of(KIND_SIX),
			  six = row_of(KIND_SIX);
	char *errors = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&errors, &size);
	struct letter letter = {0};

	(void)state;
	gone.site = TEXT("three");
	assert_string_equal(letter_write(&letter, house, &gone),
			    "its site is no longer configured");
	letter_free(&letter);
	nobody.requester = TEXT("nobody");
	assert_non_null(letter_write(&letter, house, &nobody));
	letter_free(&letter);

	assert_true(letter_check_templates(house_config, out));
	house_write_template("six.txt", "Subject: six\n\n{{no_such_name}}\n");
	assert_string_equal(letter_write(&letter, house, &six), "template malformed");
	letter_free(&letter);
	assert_false(letter_check_templates(house_config, out));
	unlink(folder_file("templates/en/six.txt"));
	assert_string_equal(letter_write(&letter, house, &six), "template not found");
	letter_free(&letter);
	letter_free(&letter);
	assert_false(letter_check_templates(house_config, out));
	fclose(out);
	assert_non_null(strstr(errors, "/templates/en/six.txt: line 3: unknown name "));
	assert_non_null(strstr(errors, "/templates/en/six.txt: No such file or directory\n"));
	free(errors);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_make_daemon, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_A10_to_A18_header),      TEST(test_A18_C12_envelopes),
		TEST(test_I2_same_row_same_bytes), TEST(test_message_ids_differ),
		TEST(test_A15_threading),          TEST(test_A7_9_23_24_hostile_rows),
		TEST(test_A7_shipped_templates),   TEST(test_D7_30_addresses_byte_for_byte),
		TEST(test_what_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
