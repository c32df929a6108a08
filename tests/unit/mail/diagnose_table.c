// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/diagnose_table: rows as written, faults by line, and which row diagnose() finds.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mail/diagnose_table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct diagnose_table *read_table(const char *text)
{
	struct diagnose_table *table = diagnose_table_new();
	unsigned line = 0;
	const char *wrong = diagnose_table_read(table, "t", text, strlen(text), &line);

	if (wrong != NULL)
		print_message("t:%u: %s\n", line, wrong);
	assert_null(wrong);
	diagnose_table_finish(table);
	return table;
}

static void test_faults_name_their_line(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *wrong; // its beginning
	} rows[] = {
		{"# a\n\nx * * * * * *", 3, "column 1, class: there is no such class"},
		{"tls them * * * * *", 1, "column 2, voice: "},
		{"tls * mail,dinner * * * *", 1, "column 3, phase: "},
		{"tls * mail, * * * *", 1, "column 3, phase: "},
		{"tls * * 55 * * *", 1, "column 4, SMTP code: "},
		{"tls * * 5500 * * *", 1, "column 4, SMTP code: "},
		{"tls * * 350 * * *", 1, "column 4, SMTP code: "},
		{"tls * * 5y0 * * *", 1, "column 4, SMTP code: "},
		{"tls * * * 5.7 * *", 1, "column 5, status: "},
		{"tls * * * 5.7.1000 * *", 1, "column 5, status: "},
		{"tls * * * 5.7.1.2 * *", 1, "column 5, status: "},
		{"tls * * * 5..1 * *", 1, "column 5, status: "},
		{"tls * * * * GOOGLE.com/x *", 1, "column 6, provider: "},
		{"tls * * * * *", 1, "column 7, words: they are missing"},
		{"tls * * *", 1, "column 5, status: it is missing"},
		{"tls * * * * * a | | b", 1, "column 7, words: a phrase is empty"},
		{"tls * * * * * a ...", 1, "column 7, words: a phrase is empty"},
		{"tls * * * * * a...b...c...d...e...f...g...h...i", 1,
		 "column 7, words: too many phrases"},
		{"Otherwise", 1, "column 1, class: there is no such class"},
	};
	char text[DIAGNOSE_LINE_MAX + 100];
	unsigned line;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct diagnose_table *table = diagnose_table_new();
		const char *wrong;

		line = 0;
		wrong = diagnose_table_read(table, "t", rows[i].text, strlen(rows[i].text), &line);
		assert_non_null(wrong);
		if (strncmp(wrong, rows[i].wrong, strlen(rows[i].wrong)) != 0)
			print_message("%s: %s\n", rows[i].text, wrong);
		assert_memory_equal(wrong, rows[i].wrong, strlen(rows[i].wrong));
		assert_int_equal(line, rows[i].line);
		diagnose_table_free(table);
	}
	for (int with_nul = 0; with_nul <= 1; with_nul++) {
		struct diagnose_table *table = diagnose_table_new();

		memset(text, '#', sizeof(text));
		text[with_nul ? 7 : DIAGNOSE_LINE_MAX + 50] = '\0';
		text[0] = '\n';
		assert_non_null(
			diagnose_table_read(table, "t", text, with_nul ? 10 : strlen(text), &line));
		assert_int_equal(line, 2);
		diagnose_table_free(table);
	}
	assert_null(diagnose_table_free(NULL));
}

static void test_too_many_rows(void **state)
{
	struct diagnose_table *table = diagnose_table_new();
	static const char row[] = "tls * * * * * *\n";
	static char text[DIAGNOSE_ROWS_MAX * sizeof(row)];
	unsigned line = 0;
	size_t len = 0;

	(void)state;
	for (int i = 0; i <= DIAGNOSE_ROWS_MAX; i++, len += strlen(row))
		memcpy(text + len, row, strlen(row));
	assert_non_null(diagnose_table_read(table, "t", text, len, &line));
	assert_int_equal(line, DIAGNOSE_ROWS_MAX + 1);
	diagnose_table_free(table);
}

// The row that is found for an answer, in a table where each tries one column.
static void test_each_column_counts(void **state)
{
	static const char text[] = "# 1\n"
				   "tls reporter * * * * alpha\n"             // 2
				   "tls remote * * * * beta\n"                // 3
				   "  tls\tremote mail,data * * * gamma \r\n" // 4
				   "tls * * 45x * * delta\n"                  // 5
				   "tls * * * 5.7.25 * epsilon\n"             // 6
				   "tls * * * x.9.x * epsilon\n"              // 7
				   "tls * * * * Big.Test,huge.test zeta\n"    // 8
				   "tls * * * * * one two | three ... four\n" // 9
				   "otherwise\n"                              // 10
				   "tls * * 554 * * *\n"                      // 11
				   "tls * * * * * last\n"                     // 12
				   "tls * * * x.8.x * *";                     // 13
	static const struct {
		const char *row, *diagnostic, *remote_mta, *reporting_mta, *text;
	} rows[] = {
		{"t:2", "X-Postfix; alpha", "", "", ""},
		{"", "smtp; 550 alpha", "", "", ""},
		{"t:3", "smtp; 550 beta", "", "", ""},
		{"t:3", "beta", "dns; mx.x.test", "", ""},
		{"", "X-Postfix; beta", "dns; mx.x.test", "", ""},
		{"t:4", "smtp; 550 gamma", "", "", "(in reply to MAIL FROM command)"},
		{"t:4", "smtp; 550 gamma", "", "", "(in reply to DATA command)"},
		{"", "smtp; 550 gamma", "", "", "(in reply to RCPT TO command)"},
		{"", "smtp; 550 gamma", "", "", ""},
		{"t:5", "smtp; 451 delta", "", "", ""},
		{"", "smtp; 441 delta", "", "", ""},
		{"", "smtp; delta", "", "", ""},
		{"t:6", "smtp; 550 5.7.25 epsilon", "", "", ""},
		{"", "smtp; 550 4.7.25 epsilon", "", "", ""},
		{"t:7", "smtp; 450 4.9.3 epsilon", "", "", ""},
		{"", "smtp; 450 epsilon", "", "", ""},
		{"t:8", "smtp; 550 zeta", "dns; mx.big.test", "", ""},
		{"t:8", "smtp; 550 zeta", "dns; HUGE.test", "", ""},
		{"", "smtp; 550 zeta", "dns; mxbig.test", "", ""},
		{"", "smtp; 550 zeta", "dns; big.test.x.test", "", ""},
		{"t:8", "smtp; 550 zeta", "", "dns; out.huge.test", ""},
		{"t:8", "X-Postfix; zeta", "dns; mx.x.test", "dns; big.test", ""},
		{"t:8", "X-Postfix; host mx.big.test[192.0.2.1] said: 550 zeta", "", "", ""},
		{"t:9", "one  TWO", "", "", ""},
		{"t:9", "three, then four", "", "", ""},
		{"", "four, then three", "", "", ""},
		{"", "threefour", "", "", ""}, // no word begins there
		// the text after the diagnostic, the last resort after both
		{"t:9", "smtp; 554 no", "", "", "one two"},
		{"t:11", "smtp; 554 no", "", "", "last"},
		{"t:12", "smtp; 550 no", "", "", "last"},
		{"t:12", "", "", "", "last"},
		{"t:12", "smtp;  ", "", "", "last"}, // says nothing
		{"t:13", "smtp; 550 5.8.1 no", "", "", ""},
		{"", "smtp; 550 no", "", "", "550 5.8.1"}, // the text's status was not the answer's
	};
	struct diagnose_table *table = read_table(text);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct diagnose_input input = {.diagnostic = rows[i].diagnostic,
						     .remote_mta = rows[i].remote_mta,
						     .reporting_mta = rows[i].reporting_mta,
						     .text = rows[i].text};
		struct diagnosis found;

		diagnose(table, &input, &found);
		if (strcmp(found.row, rows[i].row) != 0)
			print_message("%s\n", rows[i].diagnostic);
		assert_string_equal(found.row, rows[i].row);
		assert_int_equal(found.class, *found.row == '\0' ? CLASS_OTHER : CLASS_TLS);
	}
	diagnose_table_free(table);
}

// A file of one's own goes before, and its last resort before the other's.
static void test_two_files(void **state)
{
	static const char first[] = "tls * * * * * one\notherwise\ncontent * * * * * two";
	static const char second[] = "refused * * * * * one\nprotocol * * * * * two\notherwise\n"
				     "timeout * * * * * *";
	static const struct {
		const char *words, *row;
	} rows[] = {{"one", "a:1"}, {"two", "b:2"}, {"three", "b:4"}};
	struct diagnose_table *table = diagnose_table_new();
	unsigned line;

	(void)state;
	assert_null(diagnose_table_read(table, "a", first, strlen(first), &line));
	assert_null(diagnose_table_read(table, "b", second, strlen(second), &line));
	diagnose_table_finish(table);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct diagnose_input input = {.diagnostic = rows[i].words};
		struct diagnosis found;

		diagnose(table, &input, &found);
		assert_string_equal(found.row, rows[i].row);
	}
	diagnose_table_free(table);
}

// Nothing is known at all: an honest class, and no NULL anywhere.
static void test_an_empty_table(void **state)
{
	static const struct diagnose_input nothing;
	struct diagnose_table *table = read_table("");
	struct diagnosis found;

	(void)state;
	diagnose(table, &nothing, &found);
	assert_int_equal(found.class, CLASS_OTHER);
	assert_int_equal(found.phase, PHASE_UNKNOWN);
	assert_string_equal(found.row, "");
	assert_false(found.remote_spoke);
	assert_int_equal(found.code, 0);
	diagnose_table_free(table);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults_name_their_line), cmocka_unit_test(test_too_many_rows),
		cmocka_unit_test(test_each_column_counts),     cmocka_unit_test(test_two_files),
		cmocka_unit_test(test_an_empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
