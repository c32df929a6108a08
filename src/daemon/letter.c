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
#include "base/file.h"
#include "daemon/bounce.h"
#include "daemon/daemon.h"
#include "daemon/signing.h"
#include "daemon/words.h"

#define CUT_MIN 32 // octets of a stranger's value that always stay

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

// A requester must not stay without an answer because some server's words, escaped, fill it: then
// they are cut, shorter and shorter.
static int compose_bounded(struct letter *letter, const struct compose *letterhead,
			   struct words *words)
{
	int r = compose_message(letterhead, &letter->text, &letter->message.utf8);

	for (size_t max = WORDS_CUT_MAX; r == -EFBIG && max >= CUT_MIN; max /= 2) {
		words_cut(words, max);
		r = compose_message(letterhead, &letter->text, &letter->message.utf8);
	}
	return r;
}

static const char *compose(struct letter *letter, const struct daemon *daemon,
			   const struct config_site *site, const struct store_mail *mail,
			   const char *domain)
{
	const struct kind_row *kind = kind_row(mail->kind);
	struct words words;
	struct template_values values = {words.list, 0};
	char from[ADDR_TEXT_SIZE], message_id[TOKEN_TEXT_SIZE + DOMAIN_MAX + 1], path[4096];
	struct compose letterhead = {
		.template = path,
		.values = &values,
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
		.max = (mail->kind == KIND_REPORT ? COMPOSE_REPORT_MAX : COMPOSE_MAX) -
		       signing_room(daemon->signing, site, domain),
	};
	struct token token;
	int r;

	words_fill(&words, site, mail, daemon->config->v6.hostname);
	values.n = words.n;

	seal_mint(daemon->seal, LETTER_ID_PURPOSE, domain, mail->id,
		  mail->created + daemon->config->token_lifetime, &token);
	token_text(message_id, &token);
	snprintf(message_id + TOKEN_TEXT_LEN, sizeof(message_id) - TOKEN_TEXT_LEN, "@%s", domain);
	snprintf(from, sizeof(from), "%s@%s", site->contact, domain);
	snprintf(path, sizeof(path), "%s/%s/%s", daemon->config->templates_directory,
		 site->language, kind->template);
	r = compose_bounded(letter, &letterhead, &words);
	if (r == 0 && signing_sign(daemon->signing, site, domain, mail->created, &letter->text) < 0)
		r = -EBADMSG;
	return r < 0 ? sentence_of(r) : NULL;
}

// A probe goes out under its token, and every word about it is wanted; anything else from nobody,
// and none is.
static void address(struct letter *letter, const struct daemon *daemon,
		    const struct store_mail *mail, const char *domain)
{
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
	address(letter, daemon, mail, domain);
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

// Prints what is wrong with the template, if anything.
static bool check_template(const char *path, const struct config *config,
			   const struct config_site *site, enum kind kind, FILE *errors)
{
	auto_buf struct buf file = buf_make(COMPOSE_REPORT_MAX), out = buf_make(COMPOSE_REPORT_MAX);
	int r = file_read_at(AT_FDCWD, path, &file);
	const char *fault = r < 0 ? strerror(-r) : NULL;
	struct store_mail mail;
	struct words words;

	if (fault == NULL) {
		make_blank(&mail, kind);
		words_fill(&words, site, &mail, config->v6.hostname);
		fault = template_render(buf_string(&file),
					&(struct template_values){words.list, words.n}, &out);
	}
	if (fault != NULL)
		fprintf(errors, "%s: %s\n", path, fault);
	return fault == NULL;
}

bool letter_check_templates(const struct config *config, FILE *errors)
{
	char path[4096];
	bool ok = true;

	for (size_t i = 0; i < config->n_sites; i++)
		for (enum kind kind = KIND_REPORT; kind <= KIND_BOUNCE; kind++) {
			const struct config_site *site = &config->sites[i];

			snprintf(path, sizeof(path), "%s/%s/%s", config->templates_directory,
				 site->language, kind_row(kind)->template);
			ok = check_template(path, config, site, kind, errors) && ok;
		}
	return ok;
}
