// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// dkim on other implementations' vectors, where they are at hand beside the repository (RELIABILITY
// D9). No DNS.
#include "unit/signer.h"

#include <fcntl.h>

#include "base/file.h"

static struct verifier *verifier;
// ---- other implementations' vectors
// -----------------------------------------------------------------------------

static struct served vector_keys[20];
static size_t n_vector_keys;

static char *read_vector(const char *name, size_t *ret_len)
{
	struct buf text = buf_make(4 * 1024 * 1024);
	char path[200];

	snprintf(path, sizeof(path), "../shared/corpora/dkim-vectors/%s", name);
	if (file_read_at(AT_FDCWD, path, &text) != 0)
		return NULL;
	*ret_len = text.len;
	return buf_steal(&text);
}

static void read_keys(char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *blank = strchr(line, ' ');

		*blank = '\0';
		vector_keys[n_vector_keys++] = (struct served){line, VERIFY_KEY_FOUND, blank + 1};
	}
}

// The file's text with CRLF line ends, header first, into the verifier.
static struct verify_result check_vector(const char *text, size_t len)
{
	auto_buf struct buf crlf = buf_make(8 * 1024 * 1024);
	struct server server = {vector_keys, n_vector_keys, 0};
	struct verify *verify = verify_new(verifier);
	struct verify_result result;
	char *end;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			buf_addc(&crlf, '\r');
		buf_addc(&crlf, text[i]);
	}
	end = strstr(crlf.data, "\r\n\r\n");
	assert_non_null(end);
	end[2] = '\0';
	feed_fields(verify, crlf.data);
	verify_end_of_header(verify);
	verify_body(verify, end + 4, crlf.len - (size_t)(end + 4 - crlf.data));
	assert_int_equal(verify_finish(verify, on_key, &server, &result), 0);
	verify_free(verify);
	return result;
}

static void test_D9_vectors(void **state)
{
	static const struct {
		const char *file;
		size_t n;
		enum auth_result result;
	} rows[] = {
		{"rfc6376.signed.msg", 2, AUTH_PASS},
		{"rfc6376.signed.rsa.msg", 1, AUTH_PASS},
		{"ed25519test2.msg", 1, AUTH_PASS},
		{"test2.message", 1, AUTH_PASS},
		{"mimekit-gmail.msg", 1, AUTH_PASS},
		{"mimekit-related.msg", 1, AUTH_PASS},
		{"mimekit-multipart-no-end-boundary.msg", 1, AUTH_PASS},
		{"mimekit-rfc8463-example.msg", 2, AUTH_PASS},
		{"test.message.baddomain", 1, AUTH_NEUTRAL},
		{"test.message", 0, AUTH_NONE},
	};
	size_t len;
	auto_free char *keys = read_vector("keys.txt", &len);

	(void)state;
	if (keys == NULL) {
		print_message("# skipped: ../shared/corpora/dkim-vectors is not here\n");
		skip();
	}
	read_keys(keys);
	verifier = verifier_new();
	for (size_t i = 0; i < LEN(rows); i++) {
		auto_free char *text = read_vector(rows[i].file, &len);
		struct verify_result result;

		assert_non_null(text);
		result = check_vector(text, len);
		if (result.n != rows[i].n)
			fail_msg("%s: %zu signatures", rows[i].file, result.n);
		for (size_t k = 0; k < result.n; k++) {
			if (result.signature[k].result != rows[i].result)
				fail_msg("%s: %s, %s", rows[i].file,
					 auth_result_name(result.signature[k].result),
					 result.signature[k].reason);
		}
	}
	verifier = verifier_free(verifier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D9_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
