// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// From a row to a letter: who sends it to whom, then the values that its template may name, then
// the text. Nothing here is random and no clock is read, so a letter that is written again is the
// same letter.

#include "daemon/letter.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adapter/compose.h"
#include "base/text.h"
#include "daemon/bounce.h"
#include "daemon/daemon.h"
#include "daemon/signing.h"
#include "mail/diagnose.h"

#define VALUES_MAX 48
#define CUT_MAX    512 // octets of a stranger's value, once the whole is too large
#define CUT_MIN    32

// The template's values, and the texts that are made for it.
struct values {
	struct template_value list[VALUES_MAX];
	size_t n;
	size_t n_own; // the first ones are ours, all others may be a stranger's words
	char cut[VALUES_MAX][CUT_MAX + 1];
	char id[TOKEN_ID_SIZE];
	char date[40];
	char tester[ADDR_TEXT_SIZE];
	char contact[ADDR_TEXT_SIZE];
	char final_recipient[DSN_FIELD_MAX + 1];
	char remote_mta[DSN_FIELD_MAX + 1];
};

static void add_value(struct values *values, const char *name, const char *value)
{
	values->list[values->n++] = (struct template_value){name, value};
}

static void add_flag(struct values *values, const char *name, bool is_so)
{
	add_value(values, name, is_so ? "yes" : "");
}

static void write_time(char dst[40], int64_t when)
{
	time_t clock = (time_t)when;
	struct tm tm;

	if (gmtime_r(&clock, &tm) == NULL || strftime(dst, 40, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		dst[0] = '\0';
}

// What follows the type in "dns; mx.example".
static const char *after_type(const char *field)
{
	const char *semicolon = strchr(field, ';');

	if (semicolon == NULL)
		return field;
	return semicolon + 1 + strspn(semicolon + 1, " \t");
}

static void add_request(struct values *values, const struct store_mail *mail)
{
	bool over_v6 = strchr(mail->client_address, ':') != NULL;

	write_time(values->date, mail->arrived);
	add_value(values, "requester", mail->requester);
	add_value(values, "recipient", mail->recipient);
	add_value(values, "request_date", values->date);
	add_value(values, "request_subject", mail->subject);
	add_value(values, "client_address", mail->client_address);
	add_value(values, "client_family", over_v6 ? "IPv6" : "IPv4");
	add_value(values, "client_name",
		  strcmp(mail->client_hostname, "unknown") == 0 ? "" : mail->client_hostname);
	add_value(values, "client_helo", mail->client_helo);
	add_value(values, "client_protocol", mail->client_protocol);
	add_flag(values, "is_v6_request", over_v6);
}

// Whose words the diagnostic is: the server's that answered ours; else, where another than ours
// reports, that one's (RFC 3464 section 2.3.6); else "", our own.
static const char *speaker(const struct store_mail *mail, const char *own_name)
{
	const char *reporter = after_type(mail->reporting_mta);

	if (mail->remote_mta[0] != '\0')
		return after_type(mail->remote_mta);
	return text_equals_nocase(reporter, own_name) ? "" : reporter;
}

static void add_notification(struct values *values, const struct store_mail *mail,
			     const char *own_name)
{
	dsn_address(values->final_recipient, sizeof(values->final_recipient),
		    mail->final_recipient);
	text_cut(values->remote_mta, sizeof(values->remote_mta), speaker(mail, own_name));
	add_value(values, "action", mail->action);
	add_value(values, "status", mail->status);
	add_value(values, "final_recipient", mail->final_recipient);
	add_value(values, "final_address", values->final_recipient);
	add_value(values, "remote_mta", values->remote_mta);
	add_value(values, "diagnostic_lines", mail->diagnostic);
	add_value(values, "tried_at", mail->last_attempt);
	add_value(values, "give_up_at", mail->will_retry_until);
}

// At most one of these flags is set; the template's words hang on them.
static void add_problem(struct values *values, const struct store_mail *mail)
{
	enum class class = CLASS_OTHER;
	bool is_ours = mail->kind == KIND_BOUNCE && mail->action[0] == '\0';
	bool is_known = class_find(mail->class, &class);
	enum problem problem = class_problem(class);

	is_known = is_known && !is_ours;
	add_flag(values, "is_ours", is_ours);
	add_flag(values, "is_ipv6_problem", is_known && problem == PROBLEM_IPV6);
	add_flag(values, "is_address_problem", is_known && problem == PROBLEM_ADDRESS);
	add_flag(values, "is_mailbox_problem", is_known && problem == PROBLEM_MAILBOX);
	add_flag(values, "is_sender_problem", is_known && problem == PROBLEM_SENDER);
	add_flag(values, "is_policy_problem", is_known && problem == PROBLEM_POLICY);
	add_flag(values, "is_other_problem", !is_ours && (!is_known || problem == PROBLEM_OTHER));
	add_flag(values, "was_accepted", mail->was_accepted);
	add_value(values, "class", mail->class);
}

static void add_site(struct values *values, const struct config_site *site, uint64_t id)
{
	snprintf(values->tester, sizeof(values->tester), "test@%s", site->v6_domain.text);
	snprintf(values->contact, sizeof(values->contact), "%s@%s", site->contact,
		 site->dual_domain.text);
	token_id_text(values->id, kind_request(id));
	add_value(values, "site_name", site->title);
	add_value(values, "v6_domain", site->v6_domain.text);
	add_value(values, "dual_domain", site->dual_domain.text);
	add_value(values, "tester", values->tester);
	add_value(values, "contact", values->contact);
	add_value(values, "token_id", values->id);
	values->n_own = values->n;
}

static void cut_values(struct values *values, size_t max)
{
	for (size_t i = values->n_own; i < values->n; i++)
		if (strlen(values->list[i].value) > max) {
			// (what is cut again lies in its place already)
			size_t len = text_utf8_cut(values->list[i].value,
						   strlen(values->list[i].value), max);

			memmove(values->cut[i], values->list[i].value, len);
			values->cut[i][len] = '\0';
			values->list[i].value = values->cut[i];
		}
}

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
			   struct values *values)
{
	int r = compose_message(letterhead, &letter->text, &letter->message.utf8);

	for (size_t max = CUT_MAX; r == -EFBIG && max >= CUT_MIN; max /= 2) {
		cut_values(values, max);
		r = compose_message(letterhead, &letter->text, &letter->message.utf8);
	}
	return r;
}

static const char *compose(struct letter *letter, const struct daemon *daemon,
			   const struct config_site *site, const struct store_mail *mail,
			   const char *domain)
{
	const struct kind_row *kind = kind_row(mail->kind);
	struct values values = {.n = 0};
	struct template_values template_values = {values.list, 0};
	char from[ADDR_TEXT_SIZE], message_id[TOKEN_TEXT_SIZE + DOMAIN_MAX + 1], path[4096];
	struct compose letterhead = {
		.template = path,
		.values = &template_values,
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

	add_site(&values, site, mail->id);
	add_request(&values, mail);
	add_notification(&values, mail, daemon->config->v6.hostname);
	add_problem(&values, mail);
	template_values.n = values.n;

	seal_mint(daemon->seal, LETTER_ID_PURPOSE, domain, mail->id,
		  mail->created + daemon->config->token_lifetime, &token);
	token_text(message_id, &token);
	snprintf(message_id + TOKEN_TEXT_LEN, sizeof(message_id) - TOKEN_TEXT_LEN, "@%s", domain);
	snprintf(from, sizeof(from), "%s@%s", site->contact, domain);
	snprintf(path, sizeof(path), "%s/%s/%s", daemon->config->templates_directory,
		 site->language, kind->template);
	r = compose_bounded(letter, &letterhead, &values);
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

bool letter_check_templates(const struct config *config, FILE *errors)
{
	char path[4096];
	bool ok = true;

	for (size_t i = 0; i < config->n_sites; i++)
		for (enum kind kind = KIND_REPORT; kind <= KIND_BOUNCE; kind++) {
			snprintf(path, sizeof(path), "%s/%s/%s", config->templates_directory,
				 config->sites[i].language, kind_row(kind)->template);
			if (access(path, R_OK) < 0) {
				fprintf(errors, "%s: %s\n", path, strerror(errno));
				ok = false;
			}
		}
	return ok;
}
