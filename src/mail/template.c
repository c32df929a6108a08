// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Text with holes. One pass from tag to tag; open sections stand on a small stack. Names inside a
// section that is not shown are checked as well, so that a template's mistake is found the first
// time it is rendered and not on the day when that section first applies.
#include "mail/template.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define ERROR_SIZE 160

// {{kind name}}; kind is 0 for a value.
struct tag {
	const char *start; // of its braces
	const char *end;   // behind them
	char kind;
	const char *name;
	size_t name_len;
};

struct section {
	struct tag tag;
	unsigned line;
	bool shown; // it and all around it
};

struct render {
	const char *next; // what is still to be rendered
	unsigned line;    // of next, from 1
	const char *start;
	const struct template_values *values;
	struct buf *out;
	struct section sections[TEMPLATE_DEPTH_MAX];
	size_t depth;
	char *error; // ERROR_SIZE bytes, "" for none
};

// what: a format with the tag's text as its one %.*s.
static void fail(struct render *r, unsigned line, const char *what, const char *tag, size_t len)
{
	size_t prefix = (size_t)snprintf(r->error, ERROR_SIZE, "line %u: ", line);

	snprintf(r->error + prefix, ERROR_SIZE - prefix, what, (int)(len < 60 ? len : 60), tag);
}

static bool is_shown(const struct render *r)
{
	return r->depth == 0 || r->sections[r->depth - 1].shown;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// Moves on to where, counting lines.
static void advance(struct render *r, const char *where)
{
	for (; r->next < where; r->next++)
		r->line += *r->next == '\n';
}

// What stands between the tag's braces.
static void fail_tag(struct render *r, unsigned line, const char *what, const struct tag *tag)
{
	fail(r, line, what, tag->start + 2, (size_t)(tag->end - tag->start) - 4);
}

// Reads the tag whose braces open at start. False where they never close.
static bool tag_parse(const char *start, struct tag *ret_tag)
{
	struct tag tag = {.start = start};
	const char *end = strstr(start + 2, "}}");
	const char *at = start + 2;

	if (end == NULL)
		return false;
	tag.end = end + 2;
	if (*at == '#' || *at == '^' || *at == '/' || *at == '!')
		tag.kind = *at++;
	while (is_blank(*at))
		at++;
	while (end > at && is_blank(end[-1]))
		end--;
	tag.name = at;
	tag.name_len = (size_t)(end - at);
	*ret_tag = tag;
	return true;
}

// The line that the tag has for itself: from *ret_first to *ret_behind, its newline included. False
// where it shares it.
static bool tag_is_alone(const struct render *r, const struct tag *tag, const char **ret_first,
			 const char **ret_behind)
{
	const char *first = tag->start;
	const char *behind = tag->end;

	while (first > r->start && is_blank(first[-1]))
		first--;
	while (is_blank(*behind))
		behind++;
	if ((first > r->start && first[-1] != '\n') || (*behind != '\n' && *behind != '\0'))
		return false;
	*ret_first = first;
	*ret_behind = *behind == '\n' ? behind + 1 : behind;
	return true;
}

// The value of the tag's name, or NULL and the error set.
static const struct template_value *value_find(struct render *r, const struct tag *tag)
{
	for (size_t i = 0; i < r->values->n; i++) {
		const struct template_value *value = &r->values->values[i];

		if (strlen(value->name) == tag->name_len &&
		    memcmp(value->name, tag->name, tag->name_len) == 0)
			return value;
	}
	fail_tag(r, r->line, "unknown name {{%.*s}}", tag);
	return NULL;
}

static void put_escaped(struct buf *out, const char *text, size_t len)
{
	size_t size = len * 4 + 8;
	auto_free char *escaped = mem_new(size, 1);

	buf_adds(out, text_escape(escaped, size, text, len));
}

// Escapes line by line, keeping the newlines; the CR of a CRLF goes.
static void put_lines(struct buf *out, const char *text)
{
	for (;;) {
		size_t len = strcspn(text, "\n");
		bool crlf = text[len] == '\n' && len > 0 && text[len - 1] == '\r';

		put_escaped(out, text, len - crlf);
		if (text[len] == '\0')
			return;
		buf_addc(out, '\n');
		text += len + 1;
	}
}

static void put_value(struct render *r, const struct tag *tag)
{
	const struct template_value *value = value_find(r, tag);

	if (value == NULL || value->value == NULL || !is_shown(r))
		return;
	if (text_ends_nocase(value->name, "_lines"))
		put_lines(r->out, value->value);
	else
		put_escaped(r->out, value->value, strlen(value->value));
}

static void section_open(struct render *r, const struct tag *tag)
{
	const struct template_value *value = value_find(r, tag);
	bool empty;

	if (value == NULL)
		return;
	if (r->depth == TEMPLATE_DEPTH_MAX) {
		fail_tag(r, r->line, "{{%.*s}} is nested too deeply", tag);
		return;
	}
	empty = value->value == NULL || value->value[0] == '\0';
	r->sections[r->depth] =
		(struct section){*tag, r->line, is_shown(r) && empty == (tag->kind == '^')};
	r->depth++;
}

static void section_close(struct render *r, const struct tag *tag)
{
	const struct tag *open = r->depth > 0 ? &r->sections[r->depth - 1].tag : NULL;

	if (open != NULL && open->name_len == tag->name_len &&
	    memcmp(open->name, tag->name, tag->name_len) == 0)
		r->depth--;
	else
		fail_tag(r, r->line, "{{%.*s}} closes what is not open", tag);
}

static void put_text(struct render *r, const char *end)
{
	if (is_shown(r))
		buf_add(r->out, r->next, (size_t)(end - r->next));
	advance(r, end);
}

// Renders the text up to the next tag, and the tag.
static void render_step(struct render *r)
{
	const char *open = strstr(r->next, "{{");
	const char *first = open;
	const char *behind;
	struct tag tag;

	if (open == NULL) {
		put_text(r, r->next + strlen(r->next));
		return;
	}
	if (!tag_parse(open, &tag)) {
		put_text(r, open);
		fail(r, r->line, "{{%.*s has no end", open + 2, strcspn(open + 2, "\n"));
		return;
	}
	behind = tag.end;
	if (tag.kind != 0)
		tag_is_alone(r, &tag, &first, &behind);
	put_text(r, first);
	if (tag.kind == 0)
		put_value(r, &tag);
	else if (tag.kind == '/')
		section_close(r, &tag);
	else if (tag.kind != '!')
		section_open(r, &tag);
	advance(r, behind);
}

const char *template_render(const char *template, const struct template_values *values,
			    struct buf *out)
{
	static char error[ERROR_SIZE];
	struct render r = {.next = template,
			   .line = 1,
			   .start = template,
			   .values = values,
			   .out = out,
			   .error = error};

	error[0] = '\0';
	while (*r.next != '\0' && error[0] == '\0')
		render_step(&r);
	if (error[0] == '\0' && r.depth > 0) {
		const struct section *section = &r.sections[r.depth - 1];

		fail_tag(&r, section->line, "{{%.*s}} is not closed", &section->tag);
	}
	return error[0] != '\0' ? error : NULL;
}
