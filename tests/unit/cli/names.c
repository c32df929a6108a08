// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Lists of domains out of arguments, files and pipes: what is taken, what is told, and where.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/names.h"
#include "unit/folder.h"

struct scene {
	struct loop *loop;
	struct names *names;
	struct buf faults; // a line each
	struct buf taken;  // a blank after each
	int writer;
	const char *const *pieces; // what it still has to write, up to NULL
};

// All that come without waiting, a blank after each; then the answer.
static enum names_next take(struct scene *scene, struct buf *taken)
{
	struct domain domain;
	enum names_next next = names_next(scene->names, &domain);

	for (; next == NAMES_ONE; next = names_next(scene->names, &domain))
		buf_addf(taken, "%s ", domain.text);
	return next;
}

// The next piece is written only when all is taken that came of those before.
static void on_ready(void *arg)
{
	struct scene *scene = arg;
	enum names_next next;

	assert_false(names_is_waiting(scene->names));
	next = take(scene, &scene->taken);
	if (next == NAMES_END) {
		loop_stop(scene->loop, 0);
		return;
	}
	assert_true(names_is_waiting(scene->names));
	buf_addc(&scene->taken, '|');
	if (*scene->pieces == NULL) {
		if (scene->writer >= 0)
			close(scene->writer);
		scene->writer = -1;
	} else {
		size_t len = strlen(*scene->pieces);

		assert_int_equal(write(scene->writer, *scene->pieces++, len), len);
	}
}

static void on_fault(void *arg, const char *line)
{
	struct scene *scene = arg;

	buf_addf(&scene->faults, "%s\n", line);
}

static void scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->loop = loop_new();
	scene->faults = buf_make(1 << 20);
	scene->taken = buf_make(1000);
	scene->names = names_new(scene->loop, on_ready, on_fault, scene);
}

static void scene_close(struct scene *scene)
{
	names_free(scene->names);
	buf_free(&scene->faults);
	buf_free(&scene->taken);
	loop_free(scene->loop);
}

static void test_words(void **state)
{
	struct scene scene;
	auto_buf struct buf taken = buf_make(1000);

	(void)state;
	scene_open(&scene);
	names_add_word(scene.names, "good.test");
	names_add_word(scene.names, "a..b");
	names_add_word(scene.names, "Final.Dot.");
	names_add_word(scene.names, "[192.0.2.1]");
	names_add_word(scene.names, "\xc5\xbe.test");
	names_add_word(scene.names, "x\x1b[31m\n.test");
	names_add_word(scene.names, "#");
	names_add_word(scene.names, "");
	assert_int_equal(take(&scene, &taken), NAMES_END);
	assert_string_equal(buf_string(&taken), "good.test Final.Dot ");
	assert_non_null(strstr(buf_string(&scene.faults), "a..b: "));
	assert_non_null(
		strstr(buf_string(&scene.faults), "[192.0.2.1]: an address, not a domain\n"));
	assert_non_null(strstr(buf_string(&scene.faults), "xn--"));
	assert_non_null(strstr(buf_string(&scene.faults), "x\\x1b[31m\\x0a.test: "));
	assert_int_equal(names_status(scene.names), EX_DATAERR);
	assert_int_equal(names_share(scene.names), 1000);
	scene_close(&scene);
}

static const char *write_list(const char *text, size_t len)
{
	folder_write("list", text, len);
	return folder_file("list");
}

static void test_files(void **state)
{
	static const struct {
		const char *text, *taken, *faults; // %s is the path
	} rows[] = {
		{"", "", ""},
		{"\n\n# only words\n \t\r\n", "", ""},
		{"a.test\nb.test", "a.test b.test ", ""},
		{"a.test\r\n\tb.test \n c.test# why\n", "a.test b.test c.test ", ""},
		{"a.test\nb test\nc.test\n-\n", "a.test c.test ", "%s:2: %s:4: "},
		{"a.test,b.test\n", "", "%s:1: "},
		{"\xef\xbb\xbf\n", "", "%s:1: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct scene scene;
		auto_buf struct buf taken = buf_make(1000);
		const char *path = write_list(rows[i].text, strlen(rows[i].text));
		const char *place = rows[i].faults;

		scene_open(&scene);
		names_add_file(scene.names, path);
		assert_int_equal(take(&scene, &taken), NAMES_END);
		assert_string_equal(buf_string(&taken), rows[i].taken);
		assert_int_equal(names_status(scene.names), *place != '\0' ? EX_DATAERR : EX_OK);
		for (; (place = strstr(place, "%s:")) != NULL; place += 3) {
			char wanted[500];

			snprintf(wanted, sizeof(wanted), "%s:%d: ", path, atoi(place + 3));
			assert_non_null(strstr(buf_string(&scene.faults), wanted));
		}
		assert_int_equal(names_share(scene.names), *rows[i].text != '\0' ? 1000 : -1);
		scene_close(&scene);
	}
}

// Lines that are longer than the block, with NULs, with no end; numbers go on being right.
static void test_monstrous_lines(void **state)
{
	static const char after[] = "\nb\0d.test\ngood.test\n";
	const size_t monster = 300000;
	struct scene scene;
	auto_buf struct buf text = buf_make(1 << 21);
	auto_buf struct buf taken = buf_make(1000);
	const char *path;
	char wanted[500];

	(void)state;
	buf_adds(&text, "first.test\n");
	for (size_t i = 0; i < monster; i++)
		buf_addc(&text, 'x');
	buf_add(&text, after, sizeof(after) - 1);
	for (size_t i = 0; i < monster; i++)
		buf_addc(&text, 'y');
	path = write_list(text.data, text.len);
	scene_open(&scene);
	names_add_file(scene.names, path);
	names_add_word(scene.names, "last.test");
	assert_int_equal(take(&scene, &taken), NAMES_END);
	assert_string_equal(buf_string(&taken), "first.test good.test last.test ");
	for (int line = 2; line <= 5; line++) {
		snprintf(wanted, sizeof(wanted), "%s:%d: ", path, line);
		assert_int_equal(strstr(buf_string(&scene.faults), wanted) != NULL, line != 4);
	}
	assert_true(scene.faults.len < 2000);
	scene_close(&scene);
}

// A file that is not there, a folder: told, and the rest is done.
static void test_no_input(void **state)
{
	struct scene scene;
	auto_buf struct buf taken = buf_make(1000);

	(void)state;
	scene_open(&scene);
	names_add_file(scene.names, "/nonexistent/list");
	names_add_file(scene.names, "/");
	names_add_word(scene.names, "a..b");
	names_add_word(scene.names, "good.test");
	assert_int_equal(take(&scene, &taken), NAMES_END);
	assert_string_equal(buf_string(&taken), "good.test ");
	assert_non_null(strstr(buf_string(&scene.faults), "/nonexistent/list: No such file"));
	assert_non_null(strstr(buf_string(&scene.faults), "/:"));
	assert_int_equal(names_status(scene.names), EX_NOINPUT);
	assert_int_equal(names_share(scene.names), -1);
	scene_close(&scene);
}

// Who writes slowly is waited for, in the loop, and only while something is wanted.
static void test_slow_writer(void **state)
{
	static const char *const pieces[] = {"a.test\nb.te", "st\n", "\n", "c.te", NULL};
	struct scene scene;
	char path[50];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	scene_open(&scene);
	scene.writer = ends[1];
	scene.pieces = pieces;
	names_add_file(scene.names, path);
	on_ready(&scene);
	assert_int_equal(loop_run(scene.loop), 0);
	assert_string_equal(buf_string(&scene.taken), "|a.test |b.test |||c.te |");
	assert_int_equal(scene.faults.len, 0);
	close(ends[0]);
	scene_close(&scene);
}

// What the resolver refuses is told with its place.
static void test_refuse(void **state)
{
	const char *path = write_list("\na.test\n", 8);
	struct domain domain;
	struct scene scene;
	char wanted[500];

	(void)state;
	scene_open(&scene);
	names_add_word(scene.names, "word.test");
	names_add_file(scene.names, path);
	assert_int_equal(names_next(scene.names, &domain), NAMES_ONE);
	names_refuse(scene.names, "no");
	assert_string_equal(buf_string(&scene.faults), "word.test: no\n");
	assert_int_equal(names_next(scene.names, &domain), NAMES_ONE);
	names_refuse(scene.names, "never");
	snprintf(wanted, sizeof(wanted), "%s:2: never\n", path);
	assert_non_null(strstr(buf_string(&scene.faults), wanted));
	assert_int_equal(names_next(scene.names, &domain), NAMES_END);
	assert_int_equal(names_status(scene.names), EX_DATAERR);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),           cmocka_unit_test(test_files),
		cmocka_unit_test(test_monstrous_lines), cmocka_unit_test(test_no_input),
		cmocka_unit_test(test_slow_writer),     cmocka_unit_test(test_refuse),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
