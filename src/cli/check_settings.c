// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Are the instances' settings those of the configuration? postsix-setup(8) renders them once more,
// below a folder of ours, and Postfix's own postconf(1) reads both. What an administrator added is
// theirs: only what postsix-setup writes must be as it writes it.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/check.h"
#include "cli/process.h"

#define SETUP_SECONDS 60
#define OUT_MAX       (1 << 20)
#define VALUE_SHOWN   120
#define NAMES_MAX     300

struct folders {
	char root[32]; // what was rendered is below it
	const char *instance;
	const char *real; // config_directory
	char *wanted;     // root and that
};

static void differ(struct check *check, const struct folders *folders, const char *format, ...)
	printf_like(3, 4);

static void differ(struct check *check, const struct folders *folders, const char *format, ...)
{
	char subject[64], text[1000];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	snprintf(subject, sizeof(subject), "postfix-%s", folders->instance);
	check_say(check, CHECK_FAIL, subject, "%s", text);
	check_mend(check, "%s -c %s %s && systemctl reload %s%s", check->setup, check->config->path,
		   folders->instance, check->unit_prefix, folders->instance);
}

// Takes the root out of the paths in a text.
static void strip(char *text, const char *root)
{
	size_t len = strlen(root);

	for (char *at = text; (at = strstr(at, root)) != NULL;)
		memmove(at, at + len, strlen(at + len) + 1);
}

// Runs postconf(1) in that folder with one option and names; its output, yours to free, or NULL.
static char *run_postconf(const struct folders *folders, const char *folder, const char *option,
			  const char *const *names)
{
	const char *argv[NAMES_MAX + 5] = {"postconf", "-c", folder, option};
	auto_buf struct buf out = buf_make(OUT_MAX), errors = buf_make(OUT_MAX);
	size_t n = option == NULL ? 3 : 4;

	for (; names != NULL && *names != NULL; names++)
		argv[n++] = *names;
	if (process_run(argv, SETUP_SECONDS, &out, &errors) != 0)
		return NULL;
	buf_addc(&out, '\0');
	strip(out.data, folders->root);
	return buf_steal(&out);
}

// ---- main.cf ------------------------------------------------------------------------------------

// The line that begins with so many octets of key, or NULL; *ret_len is its length.
static const char *find_line(const char *text, const char *key, size_t key_len, size_t *ret_len)
{
	for (const char *line = text; *line != '\0'; line += *line == '\n') {
		size_t len = strcspn(line, "\n");

		*ret_len = len;
		if (len >= key_len && strncmp(line, key, key_len) == 0)
			return line;
		line += len;
	}
	return NULL;
}

static void compare_value(struct check *check, const struct folders *folders, const char *line,
			  const char *have)
{
	size_t name = strcspn(line, " "), len = strlen(line), have_len = 0;
	const char *value = line + name + strlen(" = ");
	const char *other = find_line(have, line, name + 2, &have_len);

	if (other == NULL) {
		differ(check, folders, "%.*s is not set, and must be %.*s", (int)name, line,
		       VALUE_SHOWN, value);
	} else if (have_len != len || strncmp(other, line, len) != 0) {
		other += name + strlen(" = ");
		have_len -= have_len < name + 3 ? have_len : name + 3;
		differ(check, folders, "%.*s is \"%.*s\", and must be \"%.*s\"", (int)name, line,
		       (int)(have_len < VALUE_SHOWN ? have_len : VALUE_SHOWN), other, VALUE_SHOWN,
		       value);
	}
}

// Returns false where Postfix cannot read one of them.
static bool compare_main(struct check *check, const struct folders *folders)
{
	auto_free char *wanted = run_postconf(folders, folders->wanted, "-n", NULL);
	auto_free char *lines = wanted == NULL ? NULL : mem_strdup(wanted);
	auto_free char *have = NULL;
	const char *names[NAMES_MAX + 1] = {NULL};
	size_t n = 0;

	for (char *rest = lines, *line;
	     n < NAMES_MAX && lines != NULL && (line = strtok_r(rest, "\n", &rest)) != NULL; n++) {
		line[strcspn(line, " ")] = '\0';
		names[n] = line;
	}
	have = n == 0 ? NULL : run_postconf(folders, folders->real, NULL, names);
	if (have == NULL)
		return false;
	for (char *rest = wanted, *line; (line = strtok_r(rest, "\n", &rest)) != NULL;)
		compare_value(check, folders, line, have);
	return true;
}

// ---- master.cf and the tables -------------------------------------------------------------------

// A service is named by its first two words.
static size_t service_len(const char *line)
{
	size_t len = strcspn(line, " ");

	len += strspn(line + len, " ");
	return len + strcspn(line + len, " \n") + 1;
}

static bool compare_master(struct check *check, const struct folders *folders)
{
	auto_free char *wanted = run_postconf(folders, folders->wanted, "-M", NULL);
	auto_free char *have = run_postconf(folders, folders->real, "-M", NULL);

	if (wanted == NULL || have == NULL)
		return false;
	for (char *rest = wanted, *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
		size_t key = service_len(line), len = 0;
		const char *other = find_line(have, line, key, &len);

		if (other == NULL || len != strlen(line) || strncmp(other, line, len) != 0)
			differ(check, folders, "the service %.*s in master.cf is %s",
			       (int)(key - 1), line, other == NULL ? "missing" : "another");
	}
	return true;
}

static bool read_file(const char *folder, const char *name, struct buf *out)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return file_read_at(AT_FDCWD, path, out) == 0;
}

static void compare_tables(struct check *check, const struct folders *folders)
{
	static const char *const names[] = {"recipients", "aliases", "bounce.cf"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		auto_buf struct buf wanted = buf_make(OUT_MAX), have = buf_make(OUT_MAX);

		if (!read_file(folders->wanted, names[i], &wanted))
			continue; // dual has no bounce.cf
		if (!read_file(folders->real, names[i], &have))
			differ(check, folders, "%s/%s is missing", folders->real, names[i]);
		else if (wanted.len != have.len || memcmp(wanted.data, have.data, have.len) != 0)
			differ(check, folders, "%s/%s is another than of this configuration",
			       folders->real, names[i]);
	}
}

// Postfix reads a main.cf of the last two seconds again and again until it is older, in case that
// somebody still writes it.
static void make_old(const char *folder)
{
	const time_t past = time(NULL) - 10;
	const struct timespec times[2] = {{.tv_sec = past}, {.tv_sec = past}};
	char path[4200];

	snprintf(path, sizeof(path), "%s/main.cf", folder);
	(void)utimensat(AT_FDCWD, path, times, 0);
}

// ---- both ---------------------------------------------------------------------------------------

static void compare_instance(struct check *check, const char *root, const char *instance,
			     const struct config_instance *config)
{
	struct folders folders = {.instance = instance, .real = config->config_directory};
	size_t before = check->n_lines;
	char subject[64];

	strcpy(folders.root, root);
	folders.wanted = mem_new(strlen(root) + strlen(folders.real) + 1, 1);
	sprintf(folders.wanted, "%s%s", root, folders.real);
	make_old(folders.wanted);
	if (!compare_main(check, &folders) || !compare_master(check, &folders))
		differ(check, &folders, "postconf(1) cannot read %s", folders.real);
	compare_tables(check, &folders);
	snprintf(subject, sizeof(subject), "postfix-%s", instance);
	if (check->n_lines == before)
		check_say(check, CHECK_OK, subject, "%s is as the configuration wants it",
			  folders.real);
	free(folders.wanted);
}

// Renders the instances below root. Returns false after a line.
static bool render(struct check *check, const char *root)
{
	const char *const argv[] = {check->setup, "-c", check->config->path, "--root", root, NULL};
	auto_buf struct buf out = buf_make(OUT_MAX), errors = buf_make(OUT_MAX);
	int r = process_run(argv, SETUP_SECONDS, &out, &errors);

	if (r == 0)
		return true;
	check_say(check, CHECK_FAIL, "", "%s: %s", check->setup,
		  r < 0 ? strerror(-r) : buf_string(&errors));
	check_mend(check, "run it by hand: %s -v -c %s", check->setup, check->config->path);
	return false;
}

void check_settings(struct check *check)
{
	char root[] = "/tmp/postsix-check.XXXXXX";
	const char *const argv[] = {"rm", "-rf", root, NULL};
	auto_buf struct buf out = buf_make(OUT_MAX);

	if (mkdtemp(root) == NULL) {
		check_say(check, CHECK_FAIL, "", "/tmp: %s", strerror(errno));
		return;
	}
	if (render(check, root)) {
		compare_instance(check, root, "v6", &check->config->v6);
		compare_instance(check, root, "dual", &check->config->dual);
	}
	if (process_run(argv, SETUP_SECONDS, &out, &out) != 0)
		check_say(check, CHECK_WARN, "", "%s cannot be removed", root);
}
