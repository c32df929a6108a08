// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// adapter/diagnose_file: two files, one of which need not be there, and faults with their places.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/diagnose_file.h"
#include "unit/folder.h"

static char errors[1000];

static struct diagnose_table *read_files(const char *path, const char *local)
{
	FILE *out = fmemopen(errors, sizeof(errors), "w");
	struct diagnose_table *table;

	memset(errors, 0, sizeof(errors));
	table = diagnose_file_read(path, local, out);
	fclose(out);
	return table;
}

static void write_file(const char *name, const char *text)
{
	folder_write(name, text, strlen(text));
}

static const char *row_of(const struct diagnose_table *table, const char *words)
{
	const struct diagnose_input input = {.diagnostic = words};
	static struct diagnosis found;

	diagnose(table, &input, &found);
	return found.row;
}

static void test_own_rows_go_before(void **state)
{
	struct diagnose_table *table;

	(void)state;
	write_file("tab", "tls * * * * * one\ntls * * * * * two\n");
	write_file("local", "# mine\nrefused * * * * * one\n");
	table = read_files(folder_file("tab"), folder_file("local"));
	assert_non_null(table);
	assert_string_equal(errors, "");
	assert_string_equal(row_of(table, "one"), "local:2");
	diagnose_table_free(table);
	for (int i = 0; i <= 1; i++) { // none named, none there
		table = read_files(folder_file("tab"), i == 0 ? "" : folder_file("none"));
		assert_non_null(table);
		assert_string_equal(row_of(table, "one"), "tab:1");
		diagnose_table_free(table);
	}
}

static void test_faults(void **state)
{
	char wanted[300];

	(void)state;
	write_file("good", "tls * * * * * one\n");
	write_file("bad", "# x\n\ntls * * * * *\n");
	snprintf(wanted, sizeof(wanted), "%s:3: column 7, words: they are missing; * for any\n",
		 folder_file("bad"));
	assert_null(read_files(folder_file("bad"), ""));
	assert_string_equal(errors, wanted);
	assert_null(read_files(folder_file("good"), folder_file("bad")));
	assert_string_equal(errors, wanted);
	snprintf(wanted, sizeof(wanted), "%s: No such file or directory\n", folder_file("none"));
	assert_null(read_files(folder_file("none"), ""));
	assert_string_equal(errors, wanted);
	assert_null(read_files(folder_path, ""));
	assert_non_null(strstr(errors, ": Is a directory\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_rows_go_before),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
