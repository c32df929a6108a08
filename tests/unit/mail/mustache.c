// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mustache: by the parts of its public specification, mistakes told with their line, and values
// that cannot act in text or HTML (RELIABILITY 9, 23, 24).
// (tests/consistency/mustache.py compares with another's.)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "base/text.h"
#include "mail/mustache.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct mustache_value ports[] = {{.name = "port", .text = "25"},
					      {.name = "open", .text = "yes"}};
static const struct mustache_value closed[] = {{.name = "port", .text = "465"},
					       {.name = "open", .text = ""}};
static const struct mustache_values port_items[] = {{ports, LEN(ports)}, {closed, LEN(closed)}};
static const struct mustache_value first[] = {
	{.name = "host", .text = "mx1"},
	{.name = "name", .text = "inner"},
	{.name = "ports", .items = port_items, .n_items = LEN(port_items)},
};
static const struct mustache_value second[] = {
	{.name = "host", .text = "mx2"},
	{.name = "name", .text = ""},
	{.name = "ports"},
};
static const struct mustache_values host_items[] = {{first, LEN(first)}, {second, LEN(second)}};

static const struct mustache_value list[] = {
	{.name = "name", .text = "Ann"},
	{.name = "empty", .text = ""},
	{.name = "bad", .text = "a\r\nBcc: x@y.test\x1b\\"},
	{.name = "some_lines", .text = "one\ntwo\r\nthree\x1b\rfour\n"},
	{.name = "lines", .text = "one\ntwo"},
	{.name = "tag", .text = "{{name}}"},
	{.name = "yes", .text = "1"},
	{.name = "markup", .text = "<a href=\"x\">&'</a>"},
	{.name = "bidi", .text = "a\xe2\x80\xae<b"},
	{.name = "phrase", .text = "a\\x1b <\x1b>", .is_rendered = true},
	{.name = "phrase_lines", .text = "a\\\n\\b", .is_rendered = true},
	{.name = "hosts", .items = host_items, .n_items = LEN(host_items)},
	{.name = "none"},
};

static const struct mustache_values values = {list, LEN(list)};

struct row {
	const char *template;
	const char *expect;
};

static void check_in(enum mustache_context context, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf out = buf_make(10000);
		const char *wrong = mustache_render(rows[i].template, context, &values, &out);

		if (wrong != NULL)
			fail_msg("%s: %s", rows[i].template, wrong);
		assert_string_equal(buf_string(&out), rows[i].expect);
	}
}

static void check(const struct row *rows, size_t n)
{
	check_in(MUSTACHE_TEXT, rows, n);
}

// ---- the specification, part by part -----------------------------------------------------------

static void test_spec_comments(void **state)
{
	static const struct row rows[] = {
		{"a{{! gone }}b", "ab"},
		{"a{{!\ngone\n}}b\n", "ab\n"},
		{"one\n{{! alone }}\ntwo\n", "one\ntwo\n"},
		{"one\n  {{! indented }}\ntwo\n", "one\ntwo\n"},
		{"|\r\n{{! with CRLF }}\r\n|", "|\r\n|"},
		{"  {{! first line }}\n!", "!"},
		{"!\n  {{! last line }}", "!\n"},
		{"one\n{{!\nlines\n}}\ntwo\n", "one\ntwo\n"},
		{"one\n \t{{!\n  lines\n}} \t\ntwo\n", "one\ntwo\n"},
		{"  12 {{! 34 }}\n", "  12 \n"},
		{"1 {{! blanks }} 2", "1  2"},
		{"({{! {{name }})", "()"},
		{"({{!name}})", "()"}, // no collision with a value
	};

	(void)state;
	check(rows, LEN(rows));
}

static void test_spec_interpolation(void **state)
{
	static const struct row rows[] = {
		{"", ""},
		{"plain\ntext", "plain\ntext"},
		{"{ } }} {x}", "{ } }} {x}"},
		{"Dear {{name}}!", "Dear Ann!"},
		{"[{{empty}}{{none}}]", "[]"},
		{"{{name}}\n", "Ann\n"},     // a value keeps its line
		{"  {{name}}\n", "  Ann\n"}, // and what is before it
		{"| {{name}} |", "| Ann |"},
		{"{{ name }}{{\tname}}{{\n name\n}}", "AnnAnnAnn"},
		{"{{empty}}\n", "\n"},
		{"{{tag}}", "{{name}}"}, // what a value holds is not a tag
	};

	(void)state;
	check(rows, LEN(rows));
}

static void test_spec_sections(void **state)
{
	static const struct row rows[] = {
		{"\"{{#yes}}a{{/yes}}\"", "\"a\""},
		{"\"{{#empty}}a{{/empty}}\"", "\"\""},
		{"{{#none}}a{{/none}}b", "b"},
		{"{{#hosts}}{{host}} {{/hosts}}", "mx1 mx2 "},
		{"{{#hosts}}({{name}}){{/hosts}}{{name}}", "(inner)()Ann"}, // inner names first
		{"{{#hosts}}{{host}}{{tag}},{{/hosts}}", "mx1{{name}},mx2{{name}},"}, // then outer
		{"{{#hosts}}{{#ports}}{{host}}:{{port}} {{/ports}}{{/hosts}}", "mx1:25 mx1:465 "},
		{"{{#hosts}}{{host}}{{#ports}}{{#open}}!{{/open}}{{/ports}} {{/hosts}}",
		 "mx1! mx2 "},
		{"{{#hosts}}\n- {{host}}\n  {{#ports}}\n  {{port}}\n  {{/ports}}\n{{/hosts}}\n",
		 "- mx1\n  25\n  465\n- mx2\n"},
		{"{{#yes}}{{#hosts}}{{#yes}}{{host}}{{/yes}}{{/hosts}}{{/yes}}", "mx1mx2"},
		{"{{#hosts}}a{{#hosts}}b{{/hosts}}{{/hosts}}", "abbabb"}, // the same in itself
		{"{{#yes}}a{{/yes}}b{{#yes}}c{{/yes}}", "abc"},
		{"{{#yes}}a{{#yes}}b{{/yes}}c{{/yes}}", "abc"},
		{"{{#empty}}a{{#yes}}b{{/yes}}c{{/empty}}d", "d"},
		{"{{# yes }}a{{/\tyes}}", "a"},
		{" | {{#yes}}\t|\t{{/yes}} | \n", " | \t|\t | \n"},
		{" | {{#yes}} {{! x }}\n {{/yes}} | \n", " |  \n  | \n"},
		{" {{#yes}}a{{/yes}}\n {{#yes}}b{{/yes}}\n", " a\n b\n"},
		{"a\n{{#yes}}\nb\n{{/yes}}\nc\n", "a\nb\nc\n"},
		{"a\n  {{#yes}} \t\nb\n\t{{/yes}}", "a\nb\n"},
		{"|\r\n{{#yes}}\r\n{{/yes}}\r\n|", "|\r\n|"},
		{"  {{#yes}}\n#{{/yes}}\n/", "#\n/"},
		{"#{{#yes}}\n/\n  {{/yes}}", "#\n/\n"},
		{"{{#yes}} {{/yes}}\n", " \n"},
		// eight deep
		{"{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}x{{/yes}}{{/yes}}"
		 "{{/yes}}{{/yes}}{{/yes}}{{/yes}}{{/yes}}{{/yes}}",
		 "x"},
	};

	(void)state;
	check(rows, LEN(rows));
}

static void test_spec_inverted(void **state)
{
	static const struct row rows[] = {
		{"{{^yes}}a{{/yes}}b", "b"},
		{"{{^empty}}a{{/empty}}b", "ab"},
		{"{{^hosts}}a{{/hosts}}b", "b"},
		{"{{^none}}a{{/none}}{{#none}}b{{/none}}", "a"},
		{"{{^empty}}a{{^empty}}b{{/empty}}c{{/empty}}", "abc"},
		{"{{^empty}}{{#empty}}a{{/empty}}b{{/empty}}", "b"},
		{"{{#hosts}}{{host}}{{^ports}} none{{/ports}} {{/hosts}}", "mx1 mx2 none "},
		{"a\n{{^empty}}\nb\n{{/empty}}\nc\n", "a\nb\nc\n"},
		{"a\n{{^yes}}\nb\n{{/yes}}\nc\n", "a\nc\n"},
		{"|\r\n{{^empty}}\r\n{{/empty}}\r\n|", "|\r\n|"},
		{"  {{^empty}}\n^{{/empty}}\n/", "^\n/"},
		{"|{{^ empty }}={{/ empty }}|", "|=|"},
	};

	(void)state;
	check(rows, LEN(rows));
}

// ---- values ------------------------------------------------------------------------------------

static void test_23_values_cannot_act(void **state)
{
	static const struct row rows[] = {
		{"{{bad}}", "a\\x0d\\x0aBcc: x@y.test\\x1b\\\\"},
		{"{{some_lines}}", "one\ntwo\nthree\\x1b\\x0dfour\n"},
		{"{{lines}}", "one\\x0atwo"}, // "_lines", not "lines"
		{"{{bidi}}", "a\\xe2\\x80\\xae<b"},
		{"{{phrase}}", "a\\x1b <\\x1b>"}, // its own backslash stays, its control does not
		{"{{phrase_lines}}", "a\\\n\\b"},
	};

	(void)state;
	check(rows, LEN(rows));
}

static void test_24_markup_is_inert(void **state)
{
	static const struct row rows[] = {
		{"<td>{{markup}}</td>",
		 "<td>&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;</td>"},
		{"{{bidi}}", "a\\xe2\\x80\\xae&lt;b"},
		{"{{phrase}}", "a\\x1b &lt;\\x1b&gt;"},
		{"<pre>{{some_lines}}</pre>", "<pre>one\ntwo\nthree\\x1b\\x0dfour\n</pre>"},
		{"{{tag}}", "{{name}}"},
		{"<p class='{{#yes}}a{{/yes}}'>", "<p class='a'>"},
		{"<style>p > q {a}</style>{{name}}<!-- > -->{{name}}",
		 "<style>p > q {a}</style>Ann<!-- > -->Ann"},
		{"<p title=\"'>\" lang='\">'>{{name}}", "<p title=\"'>\" lang='\">'>Ann"},
	};

	(void)state;
	check_in(MUSTACHE_HTML, rows, LEN(rows));
}

// Longer than any fixed buffer: a value is never cut.
static void test_long_value(void **state)
{
	static char text[5001];
	const struct mustache_value value = {.name = "v", .text = text};
	const struct mustache_values one = {&value, 1};
	auto_buf struct buf out = buf_make(100000);

	(void)state;
	memset(text, '\x1b', sizeof(text) - 1);
	assert_null(mustache_render("{{v}}", MUSTACHE_HTML, &one, &out));
	assert_int_equal(out.len, 20000);
}

// ---- mistakes ----------------------------------------------------------------------------------

static void check_mistakes(enum mustache_context context, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf out = buf_make(10000);
		const char *wrong = mustache_render(rows[i].template, context, &values, &out);

		if (wrong == NULL)
			fail_msg("accepted: %s", rows[i].template);
		assert_string_equal(wrong, rows[i].expect);
	}
}

static void test_mistakes_with_their_line(void **state)
{
	static const struct row rows[] = {
		{"a\nb\n{{foo}}", "line 3: unknown name {{foo}}"},
		{"{{}}", "line 1: unknown name {{}}"},
		{"{{Name}}", "line 1: unknown name {{Name}}"},
		{"{{nam}}{{name}}", "line 1: unknown name {{nam}}"},
		{"{{name.x}}", "line 1: unknown name {{name.x}}"},
		{"{{#hosts}}{{.}}{{/hosts}}", "line 1: unknown name {{.}}"},
		{"{{{name}}}", "line 1: {{{name}}: no value goes in unescaped"},
		{"{{& name}}", "line 1: {{& name}}: no value goes in unescaped"},
		{"{{>name}}", "line 1: {{>name}}: there are no partials"},
		{"{{=<% %>=}}", "line 1: {{=<% %>=}}: delimiters cannot be changed"},
		{"\n{{#foo}}{{/foo}}", "line 2: unknown name {{#foo}}"},
		{"{{host}}", "line 1: unknown name {{host}}"}, // outside its list
		{"{{#hosts}}\n{{/hosts}}\n{{host}}", "line 3: unknown name {{host}}"},
		{"{{#hosts}}\n\n{{foo}}{{/hosts}}", "line 3: unknown name {{foo}}"},
		{"{{hosts}}", "line 1: {{hosts}} is a list"},
		// though not shown
		{"{{#empty}}\n{{foo}}{{/empty}}", "line 2: unknown name {{foo}}"},
		{"{{#empty}}{{#hosts}}\n{{foo}}{{/hosts}}{{/empty}}",
		 "line 2: unknown name {{foo}}"},
		{"{{^none}}{{foo}}{{/none}}", "line 1: unknown name {{foo}}"},
		{"{{#empty}}{{hosts}}{{/empty}}", "line 1: {{hosts}} is a list"},
		// the second of two items is walked from the same line
		{"{{#hosts}}\n{{#name}}{{/name}}\n{{/hosts}}\n{{foo}}",
		 "line 4: unknown name {{foo}}"},
		{"\n\n\n\n{{#yes}}\n\n", "line 5: {{#yes}} is not closed"},
		{"{{#yes}}\n{{^name}}\n", "line 2: {{^name}} is not closed"},
		{"{{/yes}}", "line 1: {{/yes}} closes what is not open"},
		{"{{#yes}}\n{{/name}}", "line 2: {{/name}} closes what is not open"},
		{"{{#yes}}{{/ye}}", "line 1: {{/ye}} closes what is not open"},
		{"{{#yes}}{{#name}}{{/yes}}{{/name}}", "line 1: {{/yes}} closes what is not open"},
		{"{{! two\nlines }}\n{{foo}}", "line 3: unknown name {{foo}}"},
		{"a\nb {{name\nc", "line 2: {{name has no end"},
		{"{{", "line 1: {{ has no end"},
		{"{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}\n{{#yes}}",
		 "line 2: {{#yes}} is nested too deeply"},
		{"{{xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}"
		 "}",
		 "line 1: unknown name "
		 "{{xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}}"},
	};

	(void)state;
	check_mistakes(MUSTACHE_TEXT, rows, LEN(rows));
}

// A name inside a list that is empty now is not looked for, as its items would bring it.
static void test_empty_list_asks_nothing(void **state)
{
	static const struct row rows[] = {
		{"{{#none}}{{foo}}{{#bar}}{{baz}}{{/bar}}{{/none}}a", "a"},
		{"{{#hosts}}{{#ports}}{{port}}{{/ports}}{{/hosts}}", "25465"},
	};

	(void)state;
	check(rows, LEN(rows));
}

static void test_24_no_value_in_a_tag(void **state)
{
	static const struct row rows[] = {
		{"<a href=\"{{name}}\">", "line 1: {{name}} stands in a tag, a comment or a style"},
		{"<a\nhref={{name}}>", "line 2: {{name}} stands in a tag, a comment or a style"},
		{"<p title='>{{name}}'>", "line 1: {{name}} stands in a tag, a comment or a style"},
		{"<{{name}}>", "line 1: {{name}} stands in a tag, a comment or a style"},
		{"<STYLE>a > b {{name}}</style>",
		 "line 1: {{name}} stands in a tag, a comment or a style"},
		{"<script>{{name}}</script>",
		 "line 1: {{name}} stands in a tag, a comment or a style"},
		{"<!-- > {{name}} -->", "line 1: {{name}} stands in a tag, a comment or a style"},
		{"<!-- --><b {{#empty}}{{name}}{{/empty}}>",
		 "line 1: {{name}} stands in a tag, a comment or a style"},
	};

	(void)state;
	check_mistakes(MUSTACHE_HTML, rows, LEN(rows));
}

static void test_ends_where_it_is_full(void **state)
{
	auto_buf struct buf out = buf_make(20);

	(void)state;
	assert_string_equal(
		mustache_render("{{name}}\n{{markup}}\n{{foo}}", MUSTACHE_HTML, &values, &out),
		"line 2: {{markup}}: the text has become too long");
	assert_true(buf_failed(&out));
}

// Twice the template takes twice the time, not four times: 1 MB of tags, blanks and open braces.
static void test_linear(void **state)
{
	static const char *const pieces[] = {"{{yes}}",
					     " {{!x}} ",
					     "{ x",
					     "} ",
					     "{{#yes}}{{/yes}}",
					     "{{#hosts}}{{host}}{{/hosts}}",
					     "<",
					     " \t \n"};

	(void)state;
	for (size_t i = 0; i < LEN(pieces); i++) {
		auto_buf struct buf template = buf_make(1 << 21), out = buf_make(1 << 23);
		clock_t start = clock();

		while (template.len < 1 << 20)
			buf_adds(&template, pieces[i]);
		assert_null(mustache_render(buf_string(&template), MUSTACHE_TEXT, &values, &out));
		assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec_comments),
		cmocka_unit_test(test_spec_interpolation),
		cmocka_unit_test(test_spec_sections),
		cmocka_unit_test(test_spec_inverted),
		cmocka_unit_test(test_23_values_cannot_act),
		cmocka_unit_test(test_24_markup_is_inert),
		cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_mistakes_with_their_line),
		cmocka_unit_test(test_empty_list_asks_nothing),
		cmocka_unit_test(test_24_no_value_in_a_tag),
		cmocka_unit_test(test_ends_where_it_is_full),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
