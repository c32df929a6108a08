// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/header: fields in bounds, and one fixed reading of each malformed header (RFC 7103).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/header.h"

// All fields of a header as "name=value|name=value|"; NUL-free input only.
static const char *fields_of(const char *text, bool *ret_cut)
{
	static char all[4000];
	struct header header;
	size_t used = 0;

	all[0] = '\0';
	header_start(&header, text, strlen(text));
	while (header_next(&header))
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s=%s|", header.name,
					 buf_string(&header.value));
	if (ret_cut != NULL)
		*ret_cut = header.cut;
	header_free(&header);
	return all;
}

static const struct {
	const char *text;
	const char *want;
} rows[] = {
	{"", ""},
	{"\nSubject: body\n", ""},
	{"Subject: x\nFrom: y\n\nTo: body\n", "Subject=x|From=y|"},
	{"Subject:x", "Subject=x|"},
	{"Subject:\n", "Subject=|"},
	{"Subject: a\n b\n\tc\n", "Subject=a b\tc|"}, // RFC 5322 section 2.2.3
	{"Subject:\n a\n", "Subject=a|"},
	{"Subject: \t a \t \n", "Subject=a|"},
	{"Subject: a\n \n b\n\n", "Subject=a  b|"}, // a line of blanks continues (section 4.2)
	{"Subject: a:b: c\n", "Subject=a:b: c|"},
	// D10, RFC 7103 section 7
	{"Subject : a\nFrom\t:b\n", "Subject=a|From=b|"},
	{"Subject: a\nnonsense\nFrom: b\n", "Subject=a|From=b|"},
	{"nonsense\n Subject: no\nFrom: b\n", "From=b|"},
	{" Subject: no\nFrom: b\n", "From=b|"},
	{"From a@good.test Mon Nov 23 14:00:00 2026\nFrom: b\n", "From=b|"},
	{">From a@good.test Mon Nov 23 14:00:00 2026\nFrom: b\n", "From=b|"},
	{": no name\nFrom: b\n", "From=b|"},
	{"Na me: no\nFrom: b\n", "From=b|"},
	{"N\xc3\xa9: no\nFrom: b\n", "From=b|"},
	{"From: a\nfrom: b\nFROM: c\n", "From=a|from=b|FROM=c|"},
	{"To: (((\nSubject: \"\"\"\n", "To=(((|Subject=\"\"\"|"},
};

static void test_D10_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(fields_of(rows[i].text, NULL), rows[i].want);
}

// A header made of one line, repeated.
static char *repeated(const char *line, size_t n, const char *end)
{
	size_t len = strlen(line);
	char *text = malloc(n * len + strlen(end) + 1);

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, line, len);
	strcpy(text + n * len, end);
	return text;
}

static void test_28_limits(void **state)
{
	static const struct {
		const char *line;
		size_t n;
		const char *end;
		size_t fields;
		size_t len; // of the last value
		bool cut;
	} limits[] = {
		{"X: y\n", HEADER_FIELDS_MAX, "\nbody", HEADER_FIELDS_MAX, 1, false},
		{"X: y\n", HEADER_FIELDS_MAX + 1, "\nbody", HEADER_FIELDS_MAX, 1, true},
		{"X: "
		 "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
		 "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n",
		 900, "\nbody", HEADER_MAX / 153 + 1, 149, true},
		{"a", HEADER_NAME_MAX, ": v\n\nbody", 1, 1, false},
		{"a", HEADER_NAME_MAX + 1, ": v\n\nbody", 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		char *text = repeated(limits[i].line, limits[i].n, limits[i].end);
		struct header header;
		size_t fields = 0, len = 0;

		header_start(&header, text, strlen(text));
		while (header_next(&header)) {
			fields++;
			len = header.value.len;
		}
		assert_int_equal(fields, limits[i].fields);
		assert_int_equal(len, limits[i].len);
		assert_int_equal(header.cut, limits[i].cut);
		assert_string_equal(header_body(&header), "body"); // a limit moves no body
		header_free(&header);
		free(text);
	}
}

static void check_value(const char *start, const char *line, size_t n, size_t want, bool want_cut)
{
	char *lines = repeated(line, n, "\n\n");
	char *text = malloc(strlen(start) + strlen(lines) + 1);
	struct header header;

	assert_non_null(text);
	strcpy(text, start);
	strcat(text, lines);
	header_start(&header, text, strlen(text));
	assert_true(header_next(&header));
	assert_int_equal(header.value.len, want);
	assert_int_equal(header.cut, want_cut);
	assert_false(header_next(&header));
	header_free(&header);
	free(text);
	free(lines);
}

static void test_28_long_values(void **state)
{
	(void)state;
	check_value("S:", "x", HEADER_LINE_MAX, HEADER_LINE_MAX, false);
	check_value("S:", "x", HEADER_LINE_MAX + 1, HEADER_LINE_MAX, true);
	check_value("S:", "x", 100000, HEADER_LINE_MAX, true);
	check_value("S:x", "\n y", 8191, 1 + 2 * 8191, false);
	check_value("S:x", "\n y", 8192, HEADER_FIELD_MAX - 1, true); // trimmed after it was cut
	check_value("S:x", "\n y", 200000, HEADER_FIELD_MAX - 1, true);
}

static const struct {
	const char *bytes;
	size_t len;
	const char *canonical;
	size_t header; // its length in the bytes as they were
} ends[] = {
	{"", 0, "", 0},
	{"a", 1, "a", 1},
	{"a\nb\n\nc", 6, "a\nb\n\nc", 5},
	{"a\r\nb\r\n\r\nc", 9, "a\nb\n\nc", 8},
	{"a\rb\r\rc", 6, "a\nb\n\nc", 5},             // RFC 7103 section 6
	{"a\r\r\nb\r\r\n\r\nc", 11, "a\nb\n\nc", 10}, // no empty line in between
	{"a\0\n\0\n\0c", 7, "a\n\nc", 5},
	{"a\r\0\nb\n\nc", 8, "a\nb\n\nc", 7},
	{"\n\n", 2, "\n\n", 1},
	{"\r\nc", 3, "\nc", 2},
	{"\0\0", 2, "", 2},
};

static void test_25_line_ends(void **state)
{
	char bytes[32];
	struct header header;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t len;

		memcpy(bytes, ends[i].bytes, ends[i].len);
		assert_int_equal(header_length(bytes, ends[i].len), ends[i].header);
		len = header_canonicalise(bytes, ends[i].len);
		assert_int_equal(len, strlen(ends[i].canonical));
		assert_memory_equal(bytes, ends[i].canonical, len);
		// both ways the same body begins
		header_start(&header, bytes, len);
		assert_int_equal(header_length(bytes, len), header_body(&header) - bytes);
		header_free(&header);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D10_fields),
		cmocka_unit_test(test_28_limits),
		cmocka_unit_test(test_28_long_values),
		cmocka_unit_test(test_25_line_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
