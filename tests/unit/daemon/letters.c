// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Every letter in every language, out of every scene, by the code and the templates that are
// shipped: it fits, its text has at most 76 columns, and nothing leaks. With LETTERS=FOLDER the
// messages are written there, LANGUAGE-KIND-SCENE.eml, to be looked at.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adapter/compose.h"
#include "adapter/report_json.h"
#include "base/file.h"
#include "unit/daemon/letters.h"

#define ROOM       3000 // for two signatures
#define CUT_LEAST  64   // octets of a value that even the worst scene keeps
#define JSON_WORST REPORT_JSON_MAX

static const char *const languages[] = {"en", "cs"};
#define LETTERS (sizeof(languages) / sizeof(*languages) * SCENES * KIND_BOUNCE)

static struct config_site site = {.title = TEXT("Six Test"), .contact = TEXT("help")};

static const char *templates(void)
{
	const char *folder = getenv("TEMPLATES");

	return folder == NULL ? "templates" : folder;
}

struct letter_of {
	const char *language;
	struct scene scene;
	struct phrases *phrases;
	struct words_input input;
	struct buf message;
	size_t max; // at which it fitted
};

static void put_json(struct buf *json)
{
	for (size_t i = 0; i < JSON_WORST - 2; i++)
		buf_addc(json, i % 70 == 69 ? '\n' : 'j');
}

// That a template is well formed, or what is wrong with it.
static void try_template(const struct words_input *input, const char *path)
{
	auto_buf struct buf file = buf_make(20000), out = buf_make(100000);
	struct words_tree *tree = words_new(input, WORDS_CUT_MAX);
	const char *fault;

	assert_int_equal(file_read_at(AT_FDCWD, path, &file), 0);
	fault = mustache_render(buf_string(&file),
				strstr(path, ".html") != NULL ? MUSTACHE_HTML : MUSTACHE_TEXT,
				words_values(tree), &out);
	if (fault != NULL)
		fail_msg("%s: %s", path, fault);
	words_free(tree);
}

// As daemon/letter.c does, with the longest JSON that there may be.
static void write_letter(struct letter_of *letter)
{
	const struct store_mail *mail = &letter->scene.mail;
	const char *name = kind_row(mail->kind)->name;
	const bool is_rich = mail->kind == KIND_REPORT || mail->kind == KIND_BOUNCE;
	auto_buf struct buf json = buf_make(JSON_WORST);
	char text[400], html[400];
	struct compose compose = {
		.template = text,
		.template_html = is_rich ? html : NULL,
		.from_name = site.title,
		.from = "help@dual.test",
		.to = "jan@good.test",
		.message_id = "abc@dual.test",
		.in_reply_to = mail->message_id,
		.re_subject = mail->subject,
		.date = mail->created,
		.status_part = mail->status_part,
		.returned = mail->returned,
		.max = (is_rich ? COMPOSE_REPORT_MAX : COMPOSE_MAX) - ROOM,
	};
	int r = -EFBIG;

	put_json(&json);
	compose.json = is_rich ? buf_string(&json) : NULL;
	snprintf(text, sizeof(text), "%s/%s/%s.txt", templates(), letter->language, name);
	snprintf(html, sizeof(html), "%s/%s/%s.html", templates(), letter->language, name);
	try_template(&letter->input, text);
	if (is_rich)
		try_template(&letter->input, html);
	for (letter->max = 2 * WORDS_CUT_MAX; r == -EFBIG && letter->max > CUT_LEAST;) {
		struct words_tree *tree;
		bool utf8;

		letter->max /= 2;
		tree = words_new(&letter->input, letter->max);
		buf_clear(&letter->message);
		compose.words = words_values(tree);
		r = compose_message(&compose, &letter->message, &utf8);
		words_free(tree);
	}
	if (r != 0)
		fail_msg("%s %s %s: %s", letter->language, name, letter->scene.name, strerror(-r));
}

static struct letter_of *make_letter(size_t i)
{
	struct letter_of *letter = calloc(1, sizeof(*letter));
	enum kind kind = (enum kind)(KIND_REPORT + i % KIND_BOUNCE);

	letter->language = languages[i / KIND_BOUNCE / SCENES];
	letter->phrases = phrases_read(templates(), letter->language, stderr);
	assert_non_null(letter->phrases);
	scene_make(&letter->scene, i / KIND_BOUNCE % SCENES, kind);
	letter->input = (struct words_input){
		.site = &site,
		.phrases = letter->phrases,
		.mail = &letter->scene.mail,
		.own_name = "mx.six.test",
		.own_address = "2001:db8:25::6",
		.survey = letter->scene.has_survey ? &letter->scene.survey : NULL,
		.found = letter->scene.found,
		.diagnosis = letter->scene.has_diagnosis ? &letter->scene.diagnosis : NULL,
	};
	letter->message = buf_make(100000);
	write_letter(letter);
	return letter;
}

static void free_letter(struct letter_of *letter)
{
	phrases_free(letter->phrases);
	buf_free(&letter->message);
	free(letter);
}

static int hex(char digit)
{
	return digit <= '9' ? digit - '0' : digit - 'A' + 10;
}

// The content of the first part of that type, decoded, its line ends LF; "" where there is none.
static char *part_of(const struct letter_of *letter, const char *type)
{
	char head[60];
	const char *p, *end;
	bool is_quoted;
	char *text = calloc(1, letter->message.len + 1), *out = text;

	snprintf(head, sizeof(head), "Content-Type: %s", type);
	p = strstr(buf_string(&letter->message), head);
	if (p == NULL)
		return text;
	end = strstr(p, "\r\n--=-");
	end = end == NULL ? p + strlen(p) : end;
	is_quoted = strstr(p, "quoted-printable") != NULL && strstr(p, "quoted-printable") < end;
	for (p = strstr(p, "\r\n\r\n") + 4; p < end; p++) {
		if (is_quoted && strncmp(p, "=\r\n", 3) == 0)
			p += 2;
		else if (is_quoted && *p == '=' && ++p)
			*out++ = (char)(hex(p[0]) * 16 + hex(p[1])), p++;
		else if (*p != '\r')
			*out++ = *p;
	}
	return text;
}

static size_t columns(const char *line)
{
	size_t n = 0;

	for (; *line != '\n' && *line != '\0'; line++)
		n += ((unsigned char)*line & 0xc0) != 0x80;
	return n;
}

static void check_text(const struct letter_of *letter, const char *text)
{
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
		if (columns(line) > 76)
			fail_msg("%s %s: more than 76 columns: %s", letter->language,
				 letter->scene.name, line);
		if (strchr(line, '\n') == NULL)
			break;
	}
	assert_null(strstr(text, "\n\n\n")); // no gap where a section is left out
	assert_null(strstr(text, " \n\n"));
	assert_null(strstr(text, "received"));
	assert_non_null(strstr(text, "\n-- \nSix Test ("));
	assert_null(strstr(text, "{{#"));
	assert_null(strstr(text, "{{/"));
	assert_null(strchr(text, '\x1b'));
	assert_null(strstr(text, "\\\\x")); // escaped once
	if (strcmp(letter->scene.name, "hostile") != 0) {
		assert_null(strstr(text, "{{"));
		assert_null(strstr(text, "<b"));
		assert_null(strstr(text, "&#"));
		assert_null(strstr(text, "&l"));
	}
}

static void check_html(const struct letter_of *letter, const char *html)
{
	char start[60];

	snprintf(start, sizeof(start), "<!DOCTYPE html>\n<html lang=\"%s\">\n", letter->language);
	assert_int_equal(strncmp(html, start, strlen(start)), 0);
	assert_non_null(strstr(html, "</html>\n"));
	assert_null(strstr(html, "<img"));
	assert_null(strstr(html, "<b>x"));
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "http"));
	assert_null(strstr(html, "href"));
	assert_null(strstr(html, "src=\""));
	assert_null(strstr(html, "{{#"));
}

static void keep(const struct letter_of *letter)
{
	const char *folder = getenv("LETTERS");
	char path[400];
	FILE *file;

	if (folder == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s-%s-%s.eml", folder, letter->language,
		 kind_row(letter->scene.mail.kind)->name, letter->scene.name);
	file = fopen(path, "w");
	assert_non_null(file);
	fwrite(letter->message.data, 1, letter->message.len, file);
	fclose(file);
}

static void test_A7_9_23_24_every_letter(void **state)
{
	(void)state;
	for (size_t i = 0; i < LETTERS; i++) {
		struct letter_of *letter = make_letter(i);
		char *text = part_of(letter, "text/plain");
		char *html = part_of(letter, "text/html");
		const enum kind kind = letter->scene.mail.kind;
		const bool is_rich = kind == KIND_REPORT || kind == KIND_BOUNCE;

		keep(letter);
		check_text(letter, text);
		assert_int_equal(*html != '\0', is_rich);
		if (is_rich)
			check_html(letter, html);
		free(text);
		free(html);
		free_letter(letter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A7_9_23_24_every_letter),
	};

	text_cut(site.v6_domain.text, sizeof(site.v6_domain.text), "six.test");
	text_cut(site.dual_domain.text, sizeof(site.dual_domain.text), "dual.test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
