// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// template: the subset of Mustache, its mistakes told with their line, and values that cannot act
// (RELIABILITY 23, 24).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mail/template.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct template_value list[] = {
	{"name", "Ann"},
	{"empty", ""},
	{"null", NULL},
	{"bad", "a\r\nBcc: x@y.test\x1b\\"},
	{"some_lines", "one\ntwo\r\nthree\x1b\rfour\n"},
	{"lines", "one\ntwo"},
	{"tag", "{{name}}"},
	{"yes", "1"},
};

static const struct template_values values = {list, LEN(list)};

struct row {
	const char *template;
	const char *expect;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf out = buf_make(10000);
		const char *wrong = template_render(rows[i].template, &values, &out);

		if (wrong != NULL)
			fail_msg("%s: %s", rows[i].template, wrong);
		assert_string_equal(buf_string(&out), rows[i].expect);
	}
}

static const struct row value_rows[] = {
	{"", ""},
	{"plain\ntext", "plain\ntext"},
	{"{ } }} {x}", "{ } }} {x}"},
	{"Dear {{name}}!", "Dear Ann!"},
	{"{{ name }}{{\tname}}", "AnnAnn"},
	{"[{{empty}}{{null}}]", "[]"},
	{"{{name}}\n", "Ann\n"}, // a value keeps its line
	{"{{empty}}\n", "\n"},
	{"{{tag}}", "{{name}}"}, // what a value holds is not a tag
	{"a{{! gone }}b", "ab"},
	{"a\n {{! gone\nwith lines }} \nb", "a\nb"},
};

static void test_values(void **state)
{
	(void)state;
	check(value_rows, LEN(value_rows));
}

static const struct row section_rows[] = {
	{"{{#yes}}a{{/yes}}b", "ab"},
	{"{{^yes}}a{{/yes}}b", "b"},
	{"{{#empty}}a{{/empty}}b", "b"},
	{"{{^empty}}a{{/empty}}b", "ab"},
	{"{{#null}}a{{/null}}{{^null}}b{{/null}}", "b"},
	{"{{# yes }}a{{/\tyes}}", "a"},
	{"{{#yes}}{{#name}}a{{/name}}{{^name}}b{{/name}}{{/yes}}", "a"},
	{"{{#empty}}{{#yes}}a{{/yes}}{{^yes}}b{{/yes}}c{{name}}{{/empty}}d", "d"},
	{"{{^empty}}{{#empty}}a{{/empty}}b{{/empty}}", "b"},
	{"{{#yes}}{{#yes}}a{{/yes}}b{{/yes}}", "ab"},
	// a tag alone on its line takes the line with it
	{"a\n{{#yes}}\nb\n{{/yes}}\nc\n", "a\nb\nc\n"},
	{"a\n{{#empty}}\nb\n{{/empty}}\nc\n", "a\nc\n"},
	{"a\n  {{#yes}} \t\nb\n\t{{/yes}}", "a\nb\n"},
	{"{{#yes}}\n{{/yes}}\n", ""},
	{"{{#yes}} {{/yes}}\n", " \n"},
	{"a {{#yes}}\nb{{/yes}}\n", "a \nb\n"},
	{"{{#yes}}b\n{{/yes}} c", "b\n c"},
	// eight deep
	{"{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}x{{/yes}}{{/yes}}{{/yes}}"
	 "{{/yes}}{{/yes}}{{/yes}}{{/yes}}{{/yes}}",
	 "x"},
};

static void test_sections(void **state)
{
	(void)state;
	check(section_rows, LEN(section_rows));
}

static const struct row escape_rows[] = {
	{"{{bad}}", "a\\x0d\\x0aBcc: x@y.test\\x1b\\\\"},
	{"{{some_lines}}", "one\ntwo\nthree\\x1b\\x0dfour\n"},
	{"{{lines}}", "one\\x0atwo"}, // "_lines", not "lines"
};

static void test_23_values_cannot_act(void **state)
{
	(void)state;
	check(escape_rows, LEN(escape_rows));
}

// Longer than any fixed buffer: a value is never cut.
static void test_long_value(void **state)
{
	static char text[5001];
	const struct template_value value = {"v", text};
	const struct template_values one = {&value, 1};
	auto_buf struct buf out = buf_make(100000);

	(void)state;
	memset(text, '\x1b', sizeof(text) - 1);
	assert_null(template_render("{{v}}", &one, &out));
	assert_int_equal(out.len, 20000);
}

static void test_wrong_with_its_line(void **state)
{
	static const struct row rows[] = {
		{"a\nb\n{{foo}}", "line 3: unknown name {{foo}}"},
		{"{{}}", "line 1: unknown name {{}}"},
		{"{{Name}}", "line 1: unknown name {{Name}}"},
		{"{{nam}}", "line 1: unknown name {{nam}}"},
		{"{{names}}", "line 1: unknown name {{names}}"},
		{"{{{name}}}", "line 1: unknown name {{{name}}"},
		{"{{>name}}", "line 1: unknown name {{>name}}"},
		{"\n{{#foo}}{{/foo}}", "line 2: unknown name {{#foo}}"},
		{"{{#empty}}\n{{foo}}{{/empty}}",
		 "line 2: unknown name {{foo}}"}, // though not shown
		{"\n\n\n\n{{#yes}}\n\n", "line 5: {{#yes}} is not closed"},
		{"{{#yes}}\n{{^name}}\n", "line 2: {{^name}} is not closed"},
		{"{{/yes}}", "line 1: {{/yes}} closes what is not open"},
		{"{{#yes}}\n{{/name}}", "line 2: {{/name}} closes what is not open"},
		{"{{#yes}}{{/not}}", "line 1: {{/not}} closes what is not open"},
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
	for (size_t i = 0; i < LEN(rows); i++) {
		auto_buf struct buf out = buf_make(10000);
		const char *wrong = template_render(rows[i].template, &values, &out);

		if (wrong == NULL)
			fail_msg("accepted: %s", rows[i].template);
		assert_string_equal(wrong, rows[i].expect);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_23_values_cannot_act),
		cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_wrong_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
