// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Everything that a stranger wrote passes text_escape or the JSON escaper: neither a terminal nor a
// parser sees a control character of theirs.

#include "cli/explain_print.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "mail/wrap.h"

#define WORDS_MAX  600 // octets shown of what a server said
#define ADVICE_MAX 4000

static const char *const advice[] = {"happened", "means", "who", "send"};

#define ADVICES (sizeof(advice) / sizeof(advice[0]))

// What the phrases may name of a recipient.
static struct phrase_facts facts_of(const struct explained_recipient *recipient)
{
	const char *at = strrchr(recipient->address, '@');

	return (struct phrase_facts){.address = recipient->address,
				     .domain = at != NULL ? at + 1 : "",
				     .host_address = recipient->host_address,
				     .is_v6 = recipient->is_v6,
				     .answer = recipient->diagnosis.remote_spoke ? recipient->words
										 : ""};
}

static void add_advice(const struct phrases *phrases, const struct explained_recipient *recipient,
		       const char *key, struct buf *out)
{
	const char *class = class_name(recipient->diagnosis.class);
	struct phrase_facts facts = facts_of(recipient);
	char host[WORDS_MAX * 4 + 1];

	facts.host = text_escape(host, sizeof(host), recipient->host, strlen(recipient->host));
	if (strcmp(key, "who") == 0)
		phrases_say(phrases, "mender", phrases_get(phrases, "explain", class, "who"),
			    "text", &facts, out);
	else
		phrases_say(phrases, "explain", class, key, &facts, out);
}

static const char *kind_of(const struct explained *explained)
{
	return !explained->is_mail ? "no mail" : explained->is_bounce ? "bounce" : "no bounce";
}

// ---- for people
// ------------------------------------------------------------------------------------

static void add_escaped(struct buf *out, const char *text, size_t max)
{
	char line[WORDS_MAX * 4 + 1];
	size_t len = strlen(text);

	len = text_utf8_cut(text, len, len < max ? len : max);
	buf_adds(out, text_escape(line, sizeof(line), text, len));
}

// What was said, with its line ends as blanks.
static void add_words(struct buf *out, const char *words)
{
	char line[WORDS_MAX + 1];
	size_t used = 0;

	for (; *words != '\0' && used < WORDS_MAX; words++) {
		const bool is_blank = strchr(" \t\r\n", *words) != NULL;

		if (!is_blank || (used > 0 && line[used - 1] != ' '))
			line[used++] = is_blank ? ' ' : *words;
	}
	line[used] = '\0';
	add_escaped(out, line, WORDS_MAX);
}

static void add_wrapped(struct buf *out, const struct buf *line)
{
	wrap_text(out, buf_string(line), line->len);
}

static void print_finding(const struct explained_recipient *recipient, struct buf *out)
{
	auto_buf struct buf line = buf_make(8 * WORDS_MAX);
	const struct diagnosis *found = &recipient->diagnosis;
	char status[STATUS_TEXT_SIZE];

	add_escaped(&line, *recipient->address == '\0' ? "(nobody is named)" : recipient->address,
		    WORDS_MAX);
	buf_addf(&line, ": %s",
		 recipient->is_classed                     ? class_name(found->class)
		 : recipient->action == DSN_ACTION_UNKNOWN ? "no failure"
							   : dsn_action_name(recipient->action));
	add_wrapped(out, &line);
	if (!recipient->is_classed)
		return;
	buf_clear(&line);
	buf_addf(&line, "Evidence: %s, phase %s",
		 found->remote_spoke ? "a server's answer" : "the reporter's words",
		 phase_name(found->phase));
	if (found->code != 0)
		buf_addf(&line, ", code %d", found->code);
	if (found->status.class != 0)
		buf_addf(&line, ", status %s", status_text(status, found->status));
	buf_addf(&line, ", %s", *found->row != '\0' ? found->row : "no row fits");
	add_wrapped(out, &line);
	if (*recipient->words == '\0')
		return;
	buf_clear(&line);
	buf_adds(&line, "Words: ");
	add_words(&line, recipient->words);
	add_wrapped(out, &line);
}

static void print_advice(const struct phrases *phrases, const struct explained_recipient *recipient,
			 struct buf *out)
{
	for (size_t i = 0; i < ADVICES; i++) {
		auto_buf struct buf line = buf_make(ADVICE_MAX), text = buf_make(ADVICE_MAX);

		add_advice(phrases, recipient, advice[i], &text);
		if (text.len == 0)
			continue;
		phrases_say(phrases, "title", advice[i], "text", &(struct phrase_facts){0}, &line);
		buf_addf(&line, ": %s", buf_string(&text));
		add_wrapped(out, &line);
	}
}

// Of recipients that failed alike, the first one's advice is enough.
static bool is_news(const struct explained *explained, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (explained->recipients[i].is_classed &&
		    explained->recipients[i].diagnosis.class ==
			    explained->recipients[at].diagnosis.class
		    && strcmp(explained->recipients[i].host, explained->recipients[at].host) == 0)
			return false;
	return explained->recipients[at].is_classed;
}

void explain_print_text(const struct explain_source *source, const struct explained *explained,
			const struct phrases *phrases, struct buf *out)
{
	buf_adds(out, "== ");
	add_escaped(out, source->name, WORDS_MAX);
	if (source->number > 1)
		buf_addf(out, ", message %u", source->number);
	if (!explained->is_bounce || !explained->is_mail)
		buf_addf(out, ": %s", kind_of(explained));
	buf_adds(out, "\n\n");
	if (!explained->is_bounce || !explained->is_mail)
		return;
	for (size_t i = 0; i < explained->n_recipients; i++) {
		print_finding(&explained->recipients[i], out);
		if (phrases != NULL && is_news(explained, i))
			print_advice(phrases, &explained->recipients[i], out);
		buf_addc(out, '\n');
	}
}

// ---- for machines
// ----------------------------------------------------------------------------------

// The character at text, or U+FFFD for a byte that begins none; its length to *ret_len.
static uint32_t read_character(const char *text, size_t *ret_len)
{
	const unsigned char *u = (const unsigned char *)text;
	const size_t len = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t character = len == 1 ? u[0] : u[0] & (0x7fU >> len);

	*ret_len = strnlen(text, len);
	if (*ret_len < len || !text_is_utf8(text, len)) {
		*ret_len = 1;
		return 0xfffd;
	}
	for (size_t i = 1; i < len; i++)
		character = character << 6 | (u[i] & 0x3f);
	return character;
}

// A JSON string in ASCII (RFC 8259 section 7): nothing in it can act on a terminal.
static void add_json(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	while (*text != '\0') {
		const size_t plain = strcspn(text, "\"\\");
		size_t len = 0;
		uint32_t character;

		while (len < plain && text[len] >= ' ' && text[len] < 0x7f)
			len++;
		buf_add(out, text, len);
		text += len;
		if (*text == '\0')
			break;
		character = read_character(text, &len);
		text += len;
		if (character > 0xffff)
			buf_addf(out, "\\u%04x\\u%04x", 0xd800 + ((character - 0x10000) >> 10),
				 0xdc00 + ((character - 0x10000) & 0x3ff));
		else if (character == '"' || character == '\\')
			buf_addf(out, "\\%c", (int)character);
		else
			buf_addf(out, "\\u%04x", character);
	}
	buf_addc(out, '"');
}

static void add_member(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, ",\"%s\":", name);
	add_json(out, value);
}

static void add_finding(const struct explained_recipient *recipient, struct buf *out)
{
	const struct diagnosis *found = &recipient->diagnosis;

	add_member(out, "class", class_name(found->class));
	add_member(out, "phase", phase_name(found->phase));
	buf_addf(out, ",\"remote_spoke\":%s,\"code\":%d", found->remote_spoke ? "true" : "false",
		 found->code);
	add_member(out, "row", found->row);
	add_member(out, "host", recipient->host);
	add_member(out, "words", recipient->words);
}

static void add_all_advice(const struct phrases *phrases,
			   const struct explained_recipient *recipient, struct buf *out)
{
	buf_adds(out, ",\"advice\":{");
	for (size_t i = 0; i < ADVICES; i++) {
		auto_buf struct buf text = buf_make(ADVICE_MAX);

		add_advice(phrases, recipient, advice[i], &text);
		buf_addf(out, "%s\"%s\":", i > 0 ? "," : "", advice[i]);
		add_json(out, buf_string(&text));
	}
	buf_addc(out, '}');
}

static void begin_object(const struct explain_source *source, const struct explained *explained,
			 struct buf *out)
{
	buf_adds(out, "{\"v\":1");
	add_member(out, "file", source->name);
	buf_addf(out, ",\"message\":%u", source->number);
	add_member(out, "kind", kind_of(explained));
}

void explain_print_json(const struct explain_source *source, const struct explained *explained,
			const struct phrases *phrases, struct buf *out)
{
	if (!explained->is_bounce || !explained->is_mail) {
		begin_object(source, explained, out);
		buf_adds(out, "}\n");
		return;
	}
	for (size_t i = 0; i < explained->n_recipients; i++) {
		const struct explained_recipient *recipient = &explained->recipients[i];
		char status[STATUS_TEXT_SIZE];

		begin_object(source, explained, out);
		add_member(out, "recipient", recipient->address);
		add_member(out, "action", dsn_action_name(recipient->action));
		add_member(out, "status", status_text(status, recipient->diagnosis.status));
		if (recipient->is_classed)
			add_finding(recipient, out);
		if (recipient->is_classed && phrases != NULL)
			add_all_advice(phrases, recipient, out);
		buf_adds(out, "}\n");
	}
}
