// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// pseudonym: the same address is the same whoever writes it how, under one key; and no key is made
// or read half.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "adapter/pseudonym.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define KEY      "0123456789abcdef"

static struct pseudonym *pseudonym;

static int make(void **state)
{
	if (folder_make(state) < 0)
		return -1;
	folder_write("key", KEY, strlen(KEY));
	return pseudonym_open(folder_file("key"), false, &pseudonym);
}

static int drop(void **state)
{
	pseudonym = pseudonym_free(pseudonym);
	return folder_remove(state);
}

static const char *of(const char *address)
{
	static char texts[2][ADDR_TEXT_SIZE];
	static unsigned next;
	char *dst = texts[next++ % 2];

	pseudonym_address(pseudonym, address, dst);
	return dst;
}

static bool is_one(const char *text, const char *end)
{
	size_t prefix = strlen(PSEUDONYM_LOCAL);

	return strncmp(text, PSEUDONYM_LOCAL, prefix) == 0 &&
	       strspn(text + prefix, "0123456789abcdef") == PSEUDONYM_DIGITS &&
	       strcmp(text + prefix + PSEUDONYM_DIGITS, end) == 0;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *address, *end;
	} cases[] = {
		{"a@good.test", "@good.test"},
		{"A@GOOD.test", "@good.test"},
		{"\"a@b\"@good.test", "@good.test"},
		{"\xff\x1b[2J@good.test", "@good.test"},
		{"no address", ""},
		{"@", "@"},
		{"hashed-", ""},
		{"hashed-0123456789abcdef0123456@good.test", "@good.test"},   // one digit less
		{"hashed-0123456789abcdef012345678@good.test", "@good.test"}, // one more
		{"hashed-0123456789abcdef01234567x@good.test", "@good.test"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(is_one(of(cases[i].address), cases[i].end));
		// once more is no other
		assert_string_equal(of(of(cases[i].address)), of(cases[i].address));
	}
	assert_string_equal(of("a@good.test"), of("A@Good.Test"));
	assert_string_not_equal(of("a@good.test"), of("b@good.test"));
	assert_string_equal(of(""), "");
}

// The longest domain has room.
static void test_long(void **state)
{
	static char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_true(is_one(of(text), ""));
	text[1] = '@';
	assert_int_equal(of(text)[strlen(PSEUDONYM_LOCAL) + PSEUDONYM_DIGITS], '@');
	assert_true(strlen(of(text)) < ADDR_TEXT_SIZE);
}

static void test_keys_and_kinds(void **state)
{
	struct pseudonym *others[2] = {pseudonym_random(), pseudonym_random()};
	char one[PSEUDONYM_ID_SIZE], two[PSEUDONYM_ID_SIZE];

	(void)state;
	assert_true(pseudonym_tag(pseudonym, "ip", "x") == pseudonym_tag(pseudonym, "ip", "x"));
	assert_true(pseudonym_tag(pseudonym, "ip", "x") != pseudonym_tag(pseudonym, "host", "x"));
	assert_true(pseudonym_tag(pseudonym, "ab", "c") != pseudonym_tag(pseudonym, "a", "bc"));
	assert_true(pseudonym_tag(others[0], "ip", "x") != pseudonym_tag(others[1], "ip", "x"));
	pseudonym_id(others[0], one);
	pseudonym_id(others[1], two);
	assert_int_equal(strlen(one), PSEUDONYM_ID_SIZE - 1);
	assert_string_not_equal(one, two);
	pseudonym_free(others[0]);
	pseudonym_free(others[1]);
	assert_null(pseudonym_free(NULL));
}

static void test_files(void **state)
{
	static const struct {
		size_t len;
		int r;
	} cases[] = {{0, -ENODATA}, {15, -ENODATA}, {16, 0}, {1024, 0}, {1025, -EFBIG}};
	static const char octets[2000];
	struct pseudonym *other = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		folder_write("some", octets, cases[i].len);
		assert_int_equal(pseudonym_open(folder_file("some"), true, &other), cases[i].r);
		other = pseudonym_free(other);
	}
	assert_int_equal(pseudonym_open(folder_file("none"), false, &other), -ENOENT);
	assert_int_equal(pseudonym_open(folder_file("none/key"), true, &other), -ENOENT);
	assert_int_equal(pseudonym_open(folder_path, true, &other), -EISDIR);
	assert_int_equal(pseudonym_open("no-such-key", true, &other), -EINVAL);
	assert_null(other);
}

static void test_made(void **state)
{
	struct pseudonym *one = NULL, *two = NULL;
	char ids[2][PSEUDONYM_ID_SIZE];
	struct stat info;

	(void)state;
	assert_int_equal(pseudonym_open(folder_file("new"), true, &one), 0);
	assert_int_equal(stat(folder_file("new"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(info.st_size, PSEUDONYM_KEY_SIZE);
	assert_int_equal(pseudonym_open(folder_file("new"), true, &two), 0); // the same
	pseudonym_id(one, ids[0]);
	pseudonym_id(two, ids[1]);
	assert_string_equal(ids[0], ids[1]);
	pseudonym_free(one);
	pseudonym_free(two);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_addresses), TEST(test_long), TEST(test_keys_and_kinds),
		TEST(test_files),     TEST(test_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
