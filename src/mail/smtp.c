// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The SMTP client's machine: one step is one awaited reply. smtp_reply.c reads, smtp_write.c
// writes, this file decides what follows what.
//
// What a newcomer would get wrong: with PIPELINING, MAIL, RCPT and DATA are written at once, so a
// refused RCPT may still be followed by a 354 to DATA. Then a lone dot ends it (RFC 2920
// section 3.1), never the text. EHLO only, no HELO: the peer is our own Postfix, and anything that
// does not know EHLO at that socket is not ours.
#include "mail/smtp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mail/smtp_reply.h"
#include "mail/smtp_write.h"

#define OUT_MAX (2 * SMTP_TEXT_MAX + 4096) // the text at its longest, and the commands before it

enum step {
	STEP_GREETING,
	STEP_EHLO,
	STEP_IDLE,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_DOT,
	STEP_RSET,
	STEP_QUIT,
};

static const char *const step_names[] = {
	[STEP_GREETING] = "greeting", [STEP_EHLO] = "EHLO", [STEP_IDLE] = "", [STEP_MAIL] = "MAIL",
	[STEP_RCPT] = "RCPT",         [STEP_DATA] = "DATA", [STEP_DOT] = ".", [STEP_RSET] = "RSET",
	[STEP_QUIT] = "QUIT",
};

struct smtp {
	const char *helo;
	struct smtp_reply reply;
	struct buf out;
	enum step step;
	unsigned offers;
	const struct smtp_message *message; // under way, or NULL
	bool failed;                        // result holds why the message under way cannot be sent
	bool eof;                           // the server closed the connection
	bool over;                          // nothing more is said in this session
	struct smtp_result result;
};

struct smtp *smtp_new(const char *helo)
{
	struct smtp *smtp = mem_new(1, sizeof(*smtp));

	smtp->helo = mem_strdup(helo);
	smtp->reply = smtp_reply_make();
	smtp->out = buf_make(OUT_MAX);
	return smtp;
}

struct smtp *smtp_free(struct smtp *smtp)
{
	if (smtp == NULL)
		return NULL;
	free((void *)smtp->helo);
	smtp_reply_free(&smtp->reply);
	buf_free(&smtp->out);
	free(smtp);
	return NULL;
}

struct buf *smtp_out(struct smtp *smtp)
{
	return &smtp->out;
}

const struct smtp_result *smtp_result(const struct smtp *smtp)
{
	return &smtp->result;
}

// The first failure is the message's fate; later ones are its consequences.
static void record(struct smtp *smtp, enum smtp_fate fate, int code, const char *reply)
{
	struct status status = {0};

	if (smtp->failed)
		return;
	smtp->failed = true;
	if (!status_parse(reply, &status))
		status.class = fate == SMTP_REFUSED ? 5 : 4;
	smtp->result = (struct smtp_result){.fate = fate, .code = code, .status = status};
	text_cut(smtp->result.command, sizeof(smtp->result.command), step_names[smtp->step]);
	text_cut(smtp->result.reply, sizeof(smtp->result.reply), reply);
}

// The session cannot go on, whatever the server would say. No code: it is not the server's verdict.
static void break_off(struct smtp *smtp, const char *why)
{
	record(smtp, SMTP_TRY_AGAIN, 0, why);
	smtp->over = true;
}

// True where the reply is of the wanted class. A 4xx or 5xx is recorded; anything else is not SMTP.
static bool accepted(struct smtp *smtp, int class)
{
	int given = smtp->reply.code / 100;

	if (given == class)
		return true;
	if (given == 5)
		record(smtp, SMTP_REFUSED, smtp->reply.code, smtp->reply.text);
	else if (given == 4)
		record(smtp, SMTP_TRY_AGAIN, smtp->reply.code, smtp->reply.text);
	else
		break_off(smtp, "the reply's code does not fit the command");
	return false;
}

static enum smtp_event finish(struct smtp *smtp, bool usable)
{
	smtp->result.usable = usable;
	smtp->message = NULL;
	smtp->step = STEP_IDLE;
	smtp->over = !usable;
	return SMTP_DONE;
}

// A refused transaction is cancelled before the session carries another message.
static enum smtp_event reset(struct smtp *smtp)
{
	buf_adds(&smtp->out, "RSET\r\n");
	smtp->step = STEP_RSET;
	return SMTP_WAIT;
}

// What refuses us before there is a message refuses the session: worth trying again whatever the
// code is, because a 5xx here says something of our own set-up, nothing of a message.
static bool welcomed(struct smtp *smtp)
{
	if (smtp->reply.code / 100 == 2)
		return true;
	record(smtp, SMTP_TRY_AGAIN, smtp->reply.code, smtp->reply.text);
	smtp->over = true;
	return false;
}

static enum smtp_event on_greeting(struct smtp *smtp)
{
	if (welcomed(smtp)) {
		buf_addf(&smtp->out, "EHLO %s\r\n", smtp->helo);
		smtp->step = STEP_EHLO;
	}
	return SMTP_WAIT;
}

static enum smtp_event on_ehlo(struct smtp *smtp)
{
	if (!welcomed(smtp))
		return SMTP_WAIT;
	smtp->step = STEP_IDLE;
	return SMTP_READY;
}

static bool is_pipelined(const struct smtp *smtp)
{
	return smtp->offers & SMTP_OFFER_PIPELINING;
}

static enum smtp_event on_mail(struct smtp *smtp)
{
	(void)accepted(smtp, 2);
	if (smtp->failed && !is_pipelined(smtp))
		return reset(smtp);
	if (!is_pipelined(smtp))
		smtp_write_rcpt(&smtp->out, smtp->message, smtp->offers);
	smtp->step = STEP_RCPT;
	return SMTP_WAIT;
}

static enum smtp_event on_rcpt(struct smtp *smtp)
{
	bool after_refusal = smtp->failed;

	if (accepted(smtp, 2) && after_refusal) {
		// A recipient without a sender: a dot might deliver something to it. Hang up
		// instead.
		smtp->over = true;
		return SMTP_WAIT;
	}
	if (smtp->failed && !is_pipelined(smtp))
		return reset(smtp);
	if (!is_pipelined(smtp))
		buf_adds(&smtp->out, "DATA\r\n");
	smtp->step = STEP_DATA;
	return SMTP_WAIT;
}

static enum smtp_event on_data(struct smtp *smtp)
{
	if (!accepted(smtp, 3))
		return reset(smtp);
	if (smtp->failed)
		buf_adds(&smtp->out, ".\r\n");
	else
		smtp_write_text(&smtp->out, smtp->message->text, smtp->message->text_len);
	smtp->step = STEP_DOT;
	return SMTP_WAIT;
}

// Postfix says "250 2.0.0 Ok: queued as 4Xy…".
static void find_queue_id(struct smtp_result *result)
{
	static const char before[] = "queued as ";
	const char *id = strstr(result->reply, before);

	if (id == NULL)
		return;
	id += sizeof(before) - 1;
	snprintf(result->queue_id, sizeof(result->queue_id), "%.*s", (int)strcspn(id, " .,;"), id);
}

static enum smtp_event on_dot(struct smtp *smtp)
{
	struct smtp_result *result = &smtp->result;

	if (smtp->failed) // the lone dot's answer, whatever it is, ends the transaction
		return finish(smtp, true);
	if (!accepted(smtp, 2))
		return smtp->over ? SMTP_WAIT : finish(smtp, true);
	// From here on the message is the server's.
	*result = (struct smtp_result){.fate = SMTP_SENT, .code = smtp->reply.code};
	if (!status_parse(smtp->reply.text, &result->status))
		result->status.class = 2;
	text_cut(result->command, sizeof(result->command), step_names[STEP_DOT]);
	text_cut(result->reply, sizeof(result->reply), smtp->reply.text);
	find_queue_id(result);
	return finish(smtp, true);
}

static enum smtp_event on_rset(struct smtp *smtp)
{
	return finish(smtp, smtp->reply.code / 100 == 2);
}

static enum smtp_event on_unasked(struct smtp *smtp)
{
	smtp->over = true;
	return SMTP_WAIT;
}

static enum smtp_event on_reply(struct smtp *smtp)
{
	if (smtp->reply.code ==
	    421) { // RFC 5321 section 3.8: the server is closing, whatever we asked
		record(smtp, SMTP_TRY_AGAIN, 421, smtp->reply.text);
		return on_unasked(smtp);
	}
	switch (smtp->step) {
	case STEP_GREETING:
		return on_greeting(smtp);
	case STEP_EHLO:
		return on_ehlo(smtp);
	case STEP_MAIL:
		return on_mail(smtp);
	case STEP_RCPT:
		return on_rcpt(smtp);
	case STEP_DATA:
		return on_data(smtp);
	case STEP_DOT:
		return on_dot(smtp);
	case STEP_RSET:
		return on_rset(smtp);
	case STEP_IDLE:
	case STEP_QUIT:
		break;
	}
	return on_unasked(smtp);
}

static enum smtp_event step_on(struct smtp *smtp)
{
	switch (smtp_reply_next(&smtp->reply)) {
	case SMTP_READ_LINE:
		if (smtp->step == STEP_EHLO)
			smtp->offers |= smtp_offer_parse(smtp->reply.text);
		break;
	case SMTP_READ_REPLY:
		if (smtp->step == STEP_EHLO)
			smtp->offers |= smtp_offer_parse(smtp->reply.text);
		return on_reply(smtp);
	case SMTP_READ_BROKEN:
		break_off(smtp, "what the server says is not SMTP");
		break;
	case SMTP_READ_MORE:
		if (smtp->eof)
			break_off(smtp, "the connection was closed");
		break;
	}
	return SMTP_WAIT;
}

enum smtp_event smtp_push(struct smtp *smtp, const char *data, size_t len)
{
	enum smtp_event event = SMTP_WAIT;
	size_t before;

	if (data != NULL && len > 0)
		smtp_reply_push(&smtp->reply, data, len);
	else if (data != NULL)
		smtp->eof = true;
	do {
		before = smtp->reply.in.len;
		if (!smtp->over)
			event = step_on(smtp);
	} while (event == SMTP_WAIT && !smtp->over && smtp->reply.in.len < before);
	if (event == SMTP_WAIT && smtp->over)
		event = smtp->message != NULL ? finish(smtp, false) : SMTP_CLOSED;
	return event;
}

// Refused without a word to the server; the session is as good as before.
static enum smtp_event refuse_here(struct smtp *smtp, const char *why)
{
	record(smtp, SMTP_REFUSED, 0, why);
	return finish(smtp, true);
}

// The sender goes between angle brackets on a line of ours; it is our own making, but a slip must
// not cost a line.
static bool sender_fits(const char *sender)
{
	for (const char *p = sender; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '<' || *p == '>')
			return false;
	}
	return strlen(sender) <= ADDR_MAX;
}

enum smtp_event smtp_send(struct smtp *smtp, const struct smtp_message *message)
{
	assert(smtp->step == STEP_IDLE && !smtp->over);
	smtp->failed = false;
	smtp->message = message;
	smtp->step = STEP_MAIL;
	if (!sender_fits(message->sender))
		return refuse_here(smtp, "5.1.7 the sender is no address");
	if (message->text_len > SMTP_TEXT_MAX)
		return refuse_here(smtp, "5.3.4 the message is too large");
	if (smtp_needs_utf8(message) && !(smtp->offers & SMTP_OFFER_SMTPUTF8))
		return refuse_here(smtp, "5.6.7 the server does not offer SMTPUTF8");
	smtp_write_mail(&smtp->out, message, smtp->offers);
	if (is_pipelined(smtp)) {
		smtp_write_rcpt(&smtp->out, message, smtp->offers);
		buf_adds(&smtp->out, "DATA\r\n");
	}
	return SMTP_WAIT;
}

enum smtp_event smtp_give_up(struct smtp *smtp, const char *why)
{
	break_off(smtp, why);
	return smtp_push(smtp, NULL, 0);
}

void smtp_quit(struct smtp *smtp)
{
	if (smtp->over)
		return;
	buf_adds(&smtp->out, "QUIT\r\n");
	smtp->step = STEP_QUIT;
}
