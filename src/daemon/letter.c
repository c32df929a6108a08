// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// From a row to a letter: who sends it to whom, then the values that its template may name, then
// the text. Nothing here is random and no clock is read, so a letter that is written again is the
// same letter.

#include "daemon/letter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "adapter/compose.h"
#include "adapter/report_json.h"
#include "base/file.h"
#include "daemon/bounce.h"
#include "daemon/daemon.h"
#include "daemon/finding.h"
#include "daemon/languages.h"
#include "daemon/signing.h"
#include "daemon/words.h"

#define CUT_MIN    32           // octets of a stranger's value that always stay
#define SAMPLE_MAX (256 * 1024) // of a template with something everywhere

static const char *sentence_of(int error)
{
	switch (error) {
	case -ENOENT:
		return "template not found";
	case -EINVAL:
		return "template malformed";
	case -EFBIG:
		return "message too large";
	case -EBADMSG:
		return "cannot be signed";
	}
	return "cannot be written";
}

static void file_of(char dst[4096], const struct config *config, const struct language *language,
		    const char *name)
{
	snprintf(dst, 4096, "%s/%s/%s", config->templates_directory, language->name, name);
}

static int compose_cut(struct letter *letter, struct compose *letterhead,
		       const struct words_input *input)
{
	int r = -EFBIG;

	for (size_t max = WORDS_CUT_MAX; r == -EFBIG && max >= CUT_MIN; max /= 2) {
		struct words_tree *tree = words_new(input, max);

		buf_clear(&letter->text);
		letterhead->words = words_values(tree);
		r = compose_message(letterhead, &letter->text, &letter->message.utf8);
		words_free(tree);
	}
	letterhead->words = NULL;
	return r;
}

// A requester must not stay without an answer because some server's words, escaped, fill it: then
// they are cut, shorter and shorter; and what is for machines goes, where all that is too little.
static int compose_bounded(struct letter *letter, struct compose *letterhead,
			   const struct words_input *input)
{
	int r = compose_cut(letter, letterhead, input);

	if (r == -EFBIG && letterhead->json != NULL) {
		letterhead->json = NULL;
		r = compose_cut(letter, letterhead, input);
	}
	return r;
}

// The part for machines, which goes where the HTML goes.
static int write_json(struct buf *out, const struct store_mail *mail, const struct finding *finding)
{
	char id[TOKEN_ID_SIZE];
	struct report_json report = {
		.kind = kind_row(mail->kind)->name,
		.id = id,
		.requester = mail->requester,
		.recipient = mail->recipient,
		.arrived = mail->arrived,
		.client_address = mail->client_address,
		.client_helo = mail->client_helo,
		.protocol = mail->client_protocol,
		.trace = finding->has_trace ? &finding->trace : NULL,
		.found = finding->found,
		.survey = mail->survey,
		.class = mail->class,
		.phase = finding->is_diagnosed ? phase_name(finding->diagnosis.phase) : NULL,
		.action = mail->action,
		.status = mail->status,
		.remote_mta = mail->remote_mta,
		.diagnostic = mail->diagnostic,
	};

	token_id_text(id, kind_request(mail->id));
	return report_json_write(&report, REPORT_JSON_MAX, out);
}

static void write_message_id(char dst[TOKEN_TEXT_SIZE + DOMAIN_MAX + 1],
			     const struct daemon *daemon, const struct store_mail *mail,
			     const char *domain)
{
	struct token token;

	seal_mint(daemon->seal, LETTER_ID_PURPOSE, domain, mail->id,
		  mail->created + daemon->config->token_lifetime, &token);
	token_text(dst, &token);
	snprintf(dst + TOKEN_TEXT_LEN, DOMAIN_MAX + 2, "@%s", domain);
}

// The letter's text, from the finding.
static int write_text(struct letter *letter, const struct daemon *daemon,
		      const struct config_site *site, const struct store_mail *mail,
		      const char *domain, const struct language *language,
		      const struct finding *finding)
{
	const struct kind_row *kind = kind_row(mail->kind);
	auto_buf struct buf json = buf_make(REPORT_JSON_MAX);
	char from[ADDR_TEXT_SIZE], message_id[TOKEN_TEXT_SIZE + DOMAIN_MAX + 1];
	char text[4096], html[4096];
	struct words_input input = {
		.site = site,
		.phrases = language->phrases,
		.mail = mail,
		.own_name = daemon->config->v6.hostname,
		.own_address = daemon->own_address,
		.survey = finding->survey,
		.found = finding->found,
		.diagnosis = finding->is_diagnosed ? &finding->diagnosis : NULL,
	};
	struct compose letterhead = {
		.template = text,
		.template_html = kind->html == NULL ? NULL : html,
		.from_name = site->title,
		.from = from,
		.to = mail->requester,
		.message_id = message_id,
		.in_reply_to = mail->message_id,
		.references = mail->references,
		.request_in_reply_to = mail->in_reply_to,
		.re_subject = mail->subject,
		.date = mail->created,
		.status_part = mail->status_part[0] == '\0' ? NULL : mail->status_part,
		.returned = mail->returned[0] == '\0' ? NULL : mail->returned,
		.max = (kind->html == NULL ? COMPOSE_MAX : COMPOSE_REPORT_MAX) -
		       signing_room(daemon->signing, site, domain),
	};

	file_of(text, daemon->config, language, kind->template);
	if (kind->html != NULL) {
		file_of(html, daemon->config, language, kind->html);
		if (write_json(&json, mail, finding) == 0)
			letterhead.json = buf_string(&json);
	}
	snprintf(from, sizeof(from), "%s@%s", site->contact, domain);
	write_message_id(message_id, daemon, mail, domain);
	return compose_bounded(letter, &letterhead, &input);
}

static const char *compose(struct letter *letter, const struct daemon *daemon,
			   const struct config_site *site, const struct store_mail *mail,
			   const char *domain)
{
	const struct language *language = languages_of(daemon->languages, site, mail->recipient);
	struct finding finding;
	int r;

	if (language == NULL)
		return "its language is no longer there";
	finding_make(&finding, daemon, site, mail);
	r = write_text(letter, daemon, site, mail, domain, language, &finding);
	finding_free(&finding);
	if (r == 0 && signing_sign(daemon->signing, site, domain, mail->created, &letter->text) < 0)
		r = -EBADMSG;
	return r < 0 ? sentence_of(r) : NULL;
}

// A probe goes out under its token, and every word about it is wanted, by this host; anything else
// from nobody, and none is.
static void address(struct letter *letter, const struct daemon *daemon,
		    const struct config_site *site, const struct store_mail *mail)
{
	const char *domain = site->token_domain.text;
	struct token token;

	letter->message.sender = "";
	letter->message.notify = SMTP_NOTIFY_NEVER;
	letter->message.recipient = &letter->recipient;
	if (!kind_row(mail->kind)->is_probe)
		return;
	seal_mint(daemon->seal, BOUNCE_PURPOSE, domain, mail->id,
		  mail->created + daemon->config->token_lifetime, &token);
	token_text(letter->envelope_id, &token);
	snprintf(letter->sender, sizeof(letter->sender), BOUNCE_PREFIX "%s@%s", letter->envelope_id,
		 domain);
	letter->message.sender = letter->sender;
	letter->message.envelope_id = letter->envelope_id;
	letter->message.notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;
}

static const struct config_site *find_site(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_sites; i++)
		if (strcmp(config->sites[i].name, name) == 0)
			return &config->sites[i];
	return NULL;
}

const char *letter_write(struct letter *letter, const struct daemon *daemon,
			 const struct store_mail *mail)
{
	const struct config_site *site = find_site(daemon->config, mail->site);
	const char *domain, *fault;

	letter->text = buf_make(COMPOSE_REPORT_MAX);
	if (site == NULL)
		return "its site is no longer configured";
	fault = addr_parse(mail->requester, strlen(mail->requester), &letter->recipient);
	if (fault != NULL)
		return fault;
	domain = kind_row(mail->kind)->over_v6 ? site->v6_domain.text : site->dual_domain.text;
	address(letter, daemon, site, mail);
	fault = compose(letter, daemon, site, mail, domain);
	letter->message.text = buf_string(&letter->text);
	letter->message.text_len = letter->text.len;
	return fault;
}

void letter_free(struct letter *letter)
{
	buf_free(&letter->text);
}

// A row without a word in it.
static void make_blank(struct store_mail *mail, enum kind kind)
{
	*mail = (struct store_mail){.id = kind_id(0, kind), .kind = kind};
	store_mail_blank(mail);
}

// What is wrong with the template when all it names is there, or nothing; NULL for nothing.
static const char *try(const struct buf *file, enum mustache_context context,
		       const struct words_input *input, bool is_full)
{
	auto_buf struct buf out = buf_make(SAMPLE_MAX);
	struct words_tree *tree = words_sample(input, is_full);
	const char *fault = mustache_render(buf_string(file), context, words_values(tree), &out);

	words_free(tree);
	return fault;
}

// Prints what is wrong with the file, if anything.
static bool check_template(const char *path, enum mustache_context context,
			   const struct words_input *input, FILE *errors)
{
	auto_buf struct buf file = buf_make(COMPOSE_REPORT_MAX);
	int r = file_read_at(AT_FDCWD, path, &file);
	const char *fault = r < 0 ? strerror(-r) : try(&file, context, input, true);

	if (fault == NULL)
		fault = try(&file, context, input, false);
	if (fault != NULL)
		fprintf(errors, "%s: %s\n", path, fault);
	return fault == NULL;
}

static bool check_kind(const struct config *config, const struct language *language, enum kind kind,
		       FILE *errors)
{
	const struct kind_row *row = kind_row(kind);
	struct store_mail mail;
	struct words_input input = {.site = &config->sites[0],
				    .phrases = language->phrases,
				    .mail = &mail,
				    .own_name = config->v6.hostname,
				    .own_address = ""};
	char path[4096];
	bool ok;

	make_blank(&mail, kind);
	file_of(path, config, language, row->template);
	ok = check_template(path, MUSTACHE_TEXT, &input, errors);
	if (row->html == NULL)
		return ok;
	file_of(path, config, language, row->html);
	return check_template(path, MUSTACHE_HTML, &input, errors) && ok;
}

bool letter_check_templates(const struct config *config, FILE *errors)
{
	struct languages *languages = languages_read(config, errors);
	bool ok = languages != NULL;

	for (const struct language *language = ok ? languages_first(languages) : NULL;
	     language != NULL; language = language->next)
		for (enum kind kind = KIND_REPORT; kind <= KIND_BOUNCE; kind++)
			ok = check_kind(config, language, kind, errors) && ok;
	languages_free(languages);
	return ok;
}
