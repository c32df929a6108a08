// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Mustache, in one pass from tag to tag: open sections stand on a small stack, and the close of a
// list's section goes back to behind its open tag while there are items. What is not shown is
// walked all the same, so that a template's mistake is found the first time it is rendered and not
// on the day when that section first applies.
#include "mail/mustache.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define ERROR_SIZE 160
#define QUOTE_MAX  60 // octets of the template in a sentence

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
	bool shown;   // it and all around it
	bool unasked; // it or one around it is of an empty list: names are not looked up
	const struct mustache_values *items; // names that hold here; NULL where it is no list
	size_t n_left;                       // items behind this one
	const char *body;                    // behind the open tag
	unsigned body_line;
};

// Where the template's own text stands as HTML.
enum place {
	PLACE_TEXT,
	PLACE_TAG,
	PLACE_DOUBLE_QUOTED,
	PLACE_SINGLE_QUOTED,
	PLACE_STYLE,
	PLACE_COMMENT,
};

struct render {
	const char *next; // what is still to be rendered
	unsigned line;    // of next, from 1
	const char *start;
	enum mustache_context context;
	enum place place;
	const struct mustache_values *values;
	struct buf *out;
	struct section sections[MUSTACHE_DEPTH_MAX];
	size_t depth;
	char *error; // ERROR_SIZE bytes, "" for none
};

static const struct mustache_value missing = {"", "", NULL, 0, false};

// what: a format with the text as its one %.*s.
static void fail(struct render *r, unsigned line, const char *what, const char *text, size_t len)
{
	size_t prefix = (size_t)snprintf(r->error, ERROR_SIZE, "line %u: ", line);
	size_t cut = text_utf8_cut(text, len, QUOTE_MAX);

	snprintf(r->error + prefix, ERROR_SIZE - prefix, what, (int)cut, text);
}

// What stands between the tag's braces, its first line.
static void fail_tag(struct render *r, unsigned line, const char *what, const struct tag *tag)
{
	size_t len = (size_t)(tag->end - tag->start) - 4;
	const char *end = memchr(tag->start + 2, '\n', len);

	fail(r, line, what, tag->start + 2, end != NULL ? (size_t)(end - tag->start) - 2 : len);
}

static bool is_shown(const struct render *r)
{
	return r->depth == 0 || r->sections[r->depth - 1].shown;
}

static bool is_unasked(const struct render *r)
{
	return r->depth > 0 && r->sections[r->depth - 1].unasked;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r';
}

// Moves on to where, counting lines.
static void advance(struct render *r, const char *where)
{
	for (; r->next < where; r->next++)
		r->line += *r->next == '\n';
}

// The first pair of that brace, or NULL. Never looks beyond it, as strstr(3) may.
static const char *find_braces(const char *text, char brace)
{
	for (; *text != '\0'; text++)
		if (text[0] == brace && text[1] == brace)
			return text;
	return NULL;
}

// Reads the tag whose braces open at start. False where they never close.
static bool tag_parse(const char *start, struct tag *ret_tag)
{
	struct tag tag = {.start = start};
	const char *end = find_braces(start + 2, '}');
	const char *at = start + 2;

	if (end == NULL)
		return false;
	tag.end = end + 2;
	if (at < end && strchr("#^/!{&>=", *at) != NULL)
		tag.kind = *at++;
	while (at < end && is_space(*at))
		at++;
	while (end > at && is_space(end[-1]))
		end--;
	tag.name = at;
	tag.name_len = (size_t)(end - at);
	*ret_tag = tag;
	return true;
}

// The line that the tag has for itself: from *ret_first to *ret_behind, its line end included.
// False where it shares it.
static bool tag_is_alone(const struct render *r, const struct tag *tag, const char **ret_first,
			 const char **ret_behind)
{
	const char *first = tag->start;
	const char *behind = tag->end;

	while (first > r->start && is_blank(first[-1]))
		first--;
	while (is_blank(*behind))
		behind++;
	behind += behind[0] == '\r' && behind[1] == '\n';
	if ((first > r->start && first[-1] != '\n') || (*behind != '\n' && *behind != '\0'))
		return false;
	*ret_first = first;
	*ret_behind = *behind == '\n' ? behind + 1 : behind;
	return true;
}

static bool tag_has_name(const struct tag *tag, const char *name, size_t len)
{
	return tag->name_len == len && memcmp(tag->name, name, len) == 0;
}

static const struct mustache_value *find_in(const struct mustache_values *values,
					    const struct tag *tag)
{
	for (size_t i = 0; i < values->n; i++)
		if (tag_has_name(tag, values->values[i].name, strlen(values->values[i].name)))
			return &values->values[i];
	return NULL;
}

// The value of the tag's name, the innermost; or an empty one, and the error set where it must be
// known.
static const struct mustache_value *value_find(struct render *r, const struct tag *tag)
{
	const struct mustache_value *value = NULL;

	for (size_t i = r->depth; value == NULL && i > 0; i--)
		if (r->sections[i - 1].items != NULL)
			value = find_in(r->sections[i - 1].items, tag);
	if (value == NULL)
		value = find_in(r->values, tag);
	if (value == NULL && !is_unasked(r))
		fail_tag(r, r->line, "unknown name {{%.*s}}", tag);
	return value != NULL ? value : &missing;
}

// ---- values ------------------------------------------------------------------------------------

static void put_html(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			buf_adds(out, "&amp;");
			break;
		case '<':
			buf_adds(out, "&lt;");
			break;
		case '>':
			buf_adds(out, "&gt;");
			break;
		case '"':
			buf_adds(out, "&quot;");
			break;
		case '\'':
			buf_adds(out, "&#39;");
			break;
		default:
			buf_addc(out, *text);
		}
}

static void put_escaped(struct render *r, const char *text, size_t len)
{
	size_t size = len * 4 + 8;
	auto_free char *escaped = mem_new(size, 1);

	text_escape(escaped, size, text, len);
	if (r->context == MUSTACHE_HTML)
		put_html(r->out, escaped);
	else
		buf_adds(r->out, escaped);
}

// As put_escaped, but for the backslashes: they are no part of any other character.
static void put_rendered(struct render *r, const char *text, size_t len)
{
	const char *end = text + len;

	for (;;) {
		const char *backslash = memchr(text, '\\', (size_t)(end - text));

		put_escaped(r, text, (size_t)((backslash != NULL ? backslash : end) - text));
		if (backslash == NULL)
			return;
		buf_addc(r->out, '\\');
		text = backslash + 1;
	}
}

static void put_line(struct render *r, const struct mustache_value *value, const char *text,
		     size_t len)
{
	if (value->is_rendered)
		put_rendered(r, text, len);
	else
		put_escaped(r, text, len);
}

// Escapes line by line, keeping the newlines; the CR of a CRLF goes.
static void put_lines(struct render *r, const struct mustache_value *value)
{
	const char *text = value->text;

	for (;;) {
		size_t len = strcspn(text, "\n");
		bool crlf = text[len] == '\n' && len > 0 && text[len - 1] == '\r';

		put_line(r, value, text, len - crlf);
		if (text[len] == '\0')
			return;
		buf_addc(r->out, '\n');
		text += len + 1;
	}
}

static void put_value(struct render *r, const struct tag *tag)
{
	const struct mustache_value *value = value_find(r, tag);

	if (r->place != PLACE_TEXT)
		fail_tag(r, r->line, "{{%.*s}} stands in a tag, a comment or a style", tag);
	else if (value->text == NULL && value->n_items > 0)
		fail_tag(r, r->line, "{{%.*s}} is a list", tag);
	if (value->text == NULL || !is_shown(r) || r->error[0] != '\0')
		return;
	if (text_ends_nocase(value->name, "_lines"))
		put_lines(r, value);
	else
		put_line(r, value, value->text, strlen(value->text));
}

// ---- sections ----------------------------------------------------------------------------------

// behind: where its body begins.
static void section_open(struct render *r, const struct tag *tag, const char *behind)
{
	const struct mustache_value *value = value_find(r, tag);
	bool is_list = value->text == NULL;
	bool empty = is_list ? value->n_items == 0 : value->text[0] == '\0';
	struct section *section;

	if (r->depth == MUSTACHE_DEPTH_MAX) {
		fail_tag(r, r->line, "{{%.*s}} is nested too deeply", tag);
		return;
	}
	section = &r->sections[r->depth];
	*section = (struct section){.tag = *tag,
				    .line = r->line,
				    .shown = is_shown(r) && empty == (tag->kind == '^'),
				    .unasked = is_unasked(r),
				    .body = behind};
	if (is_list && tag->kind == '#') {
		section->unasked = section->unasked || empty;
		section->items = empty ? NULL : value->items;
		section->n_left = section->shown ? value->n_items - 1 : 0;
	}
	r->depth++;
	advance(r, behind);
	section->body_line = r->line;
}

static void section_close(struct render *r, const struct tag *tag, const char *behind)
{
	struct section *section = r->depth > 0 ? &r->sections[r->depth - 1] : NULL;

	if (section == NULL || !tag_has_name(tag, section->tag.name, section->tag.name_len)) {
		fail_tag(r, r->line, "{{%.*s}} closes what is not open", tag);
	} else if (section->n_left > 0) {
		section->n_left--;
		section->items++;
		r->next = section->body;
		r->line = section->body_line;
	} else {
		r->depth--;
		advance(r, behind);
	}
}

// ---- the template ------------------------------------------------------------------------------

// The place behind one character of the template, at text, and what follows it there.
static enum place place_next(enum place place, const char *text)
{
	switch (place) {
	case PLACE_TEXT:
		if (text_starts_nocase(text, "<style") || text_starts_nocase(text, "<script"))
			return PLACE_STYLE;
		if (strncmp(text, "<!--", 4) == 0)
			return PLACE_COMMENT;
		return *text == '<' ? PLACE_TAG : place;
	case PLACE_TAG:
		if (*text == '"' || *text == '\'')
			return *text == '"' ? PLACE_DOUBLE_QUOTED : PLACE_SINGLE_QUOTED;
		return *text == '>' ? PLACE_TEXT : place;
	case PLACE_DOUBLE_QUOTED:
		return *text == '"' ? PLACE_TAG : place;
	case PLACE_SINGLE_QUOTED:
		return *text == '\'' ? PLACE_TAG : place;
	case PLACE_STYLE:
		return text[0] == '<' && text[1] == '/' ? PLACE_TAG : place;
	case PLACE_COMMENT:
		return strncmp(text, "-->", 3) == 0 ? PLACE_TAG : place;
	}
	return place;
}

static void put_text(struct render *r, const char *end)
{
	if (is_shown(r))
		buf_add(r->out, r->next, (size_t)(end - r->next));
	for (const char *p = r->next; r->context == MUSTACHE_HTML && p < end; p++)
		r->place = place_next(r->place, p);
	advance(r, end);
}

static void do_tag(struct render *r, const struct tag *tag, const char *behind)
{
	switch (tag->kind) {
	case '#':
	case '^':
		section_open(r, tag, behind);
		return;
	case '/':
		section_close(r, tag, behind);
		return;
	case '{':
	case '&':
		fail_tag(r, r->line, "{{%.*s}}: no value goes in unescaped", tag);
		return;
	case '>':
		fail_tag(r, r->line, "{{%.*s}}: there are no partials", tag);
		return;
	case '=':
		fail_tag(r, r->line, "{{%.*s}}: delimiters cannot be changed", tag);
		return;
	case 0:
		put_value(r, tag);
		break;
	}
	advance(r, behind);
}

// Renders the text up to the next tag, and the tag.
static void render_step(struct render *r)
{
	const char *open = find_braces(r->next, '{');
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
	do_tag(r, &tag, behind);
	if (buf_failed(r->out) && r->error[0] == '\0')
		fail_tag(r, r->line, "{{%.*s}}: the text has become too long", &tag);
}

const char *mustache_render(const char *template, enum mustache_context context,
			    const struct mustache_values *values, struct buf *out)
{
	static char error[ERROR_SIZE];
	struct render r = {.next = template,
			   .line = 1,
			   .start = template,
			   .context = context,
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
