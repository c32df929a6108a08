// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/multipart: parts by their boundary lines (RFC 2046 section 5.1.1).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/multipart.h"

static const struct {
	const char *body;
	const char *boundary;
	const char *want; // the parts, each in brackets
} rows[] = {
	{"", "b", ""},
	{"no part at all", "b", ""},
	{"--b\none\n--b\ntwo\n--b--\n", "b", "[one][two]"},
	{"preamble\n--b\none\n--b--\nepilogue\n--b\nthree\n", "b", "[one]"},
	{"--b\none\n\n--b--", "b", "[one\n]"}, // only the last line end is the boundary's
	{"--b\none", "b", "[one]"},            // never closed
	{"--b\n", "b", ""},
	{"--b", "b", ""},
	{"--b--\none", "b", ""},
	{"--b\n--b\n--b--\n", "b", "[][]"},
	{"--b \t\none\n--b-- \n", "b", "[one]"}, // blanks may follow
	{"--bb\nnot\n--b\none\n--bb--\n--b--\n", "b", "[one\n--bb--]"},
	{"-- b\n--b\none\n x--b\n --b\n--b--\n", "b", "[one\n x--b\n --b]"},
	{"--b\none\n--b-\ntwo\n--b--", "b", "[one\n--b-\ntwo]"},
	{"--a b\none\n--a b--\n", "a b", "[one]"},
	{"--\none\n----\n", "", ""}, // an empty boundary is none
	{"--B\none\n--B--\n", "b", ""},
};

static void test_C2_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct multipart multipart;
		char got[100] = "";
		const char *part;
		size_t len;

		multipart_start(&multipart, rows[i].body, strlen(rows[i].body), rows[i].boundary);
		while (multipart_next(&multipart, &part, &len))
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "[%.*s]", (int)len,
				 part);
		assert_string_equal(got, rows[i].want);
	}
}

static void test_27_long_boundary(void **state)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 2], body[3 * MULTIPART_BOUNDARY_MAX];
	struct multipart multipart;
	const char *part;
	size_t len;

	(void)state;
	for (size_t n = MULTIPART_BOUNDARY_MAX; n <= MULTIPART_BOUNDARY_MAX + 1; n++) {
		memset(boundary, 'b', n);
		boundary[n] = '\0';
		snprintf(body, sizeof(body), "--%s\none\n--%s--\n", boundary, boundary);
		multipart_start(&multipart, body, strlen(body), boundary);
		assert_int_equal(multipart_next(&multipart, &part, &len),
				 n == MULTIPART_BOUNDARY_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_C2_parts),
		cmocka_unit_test(test_27_long_boundary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
