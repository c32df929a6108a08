// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What checks say, and how it is printed. A text may quote a server: all of it passes text_escape,
// so that neither a terminal nor a reader of the JSON meets a control character.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/check.h"

#define TEXT_MAX    1024
#define SUBJECT_MAX 4200 // a path, as a rule

static char *format_text(const char *format, va_list values)
{
	char text[TEXT_MAX], escaped[2 * TEXT_MAX];
	int n = vsnprintf(text, sizeof(text), format, values);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

	return mem_strdup(text_escape(escaped, sizeof(escaped), text, len));
}

void check_say(struct check *check, enum check_level level, const char *subject, const char *format,
	       ...)
{
	struct check_line line = {.check = check->current, .level = level};
	char escaped[SUBJECT_MAX];
	va_list values;

	va_start(values, format);
	line.text = format_text(format, values);
	va_end(values);
	line.subject = mem_strdup(text_escape(escaped, sizeof(escaped), subject, strlen(subject)));
	check->lines = mem_grow(check->lines, check->n_lines + 1, sizeof(*check->lines));
	check->lines[check->n_lines++] = line;
}

void check_mend(struct check *check, const char *format, ...)
{
	struct check_line *line = &check->lines[check->n_lines - 1];
	va_list values;

	if (line->n_mend == CHECK_MEND_MAX)
		return;
	va_start(values, format);
	line->mend[line->n_mend++] = format_text(format, values);
	va_end(values);
}

void check_print(const struct check *check, size_t first)
{
	static const char *const words[CHECK_LEVELS] = {"ok  ", "WARN", "FAIL"};

	for (size_t i = first; i < check->n_lines; i++) {
		const struct check_line *line = &check->lines[i];

		printf("%s  %-11s %s%s%s\n", words[line->level], line->check, line->subject,
		       line->subject[0] == '\0' ? "" : ": ", line->text);
		for (size_t k = 0; k < line->n_mend; k++)
			printf("      mend: %s\n", line->mend[k]);
	}
	fflush(stdout);
}

// (Controls are gone already, and all is UTF-8.)
static void print_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void print_line(const struct check_line *line)
{
	static const char *const words[CHECK_LEVELS] = {"ok", "warn", "fail"};

	printf("{\"check\": \"%s\", \"subject\": ", line->check);
	print_string(line->subject);
	printf(", \"level\": \"%s\", \"text\": ", words[line->level]);
	print_string(line->text);
	fputs(", \"mend\": [", stdout);
	for (size_t i = 0; i < line->n_mend; i++) {
		fputs(i == 0 ? "" : ", ", stdout);
		print_string(line->mend[i]);
	}
	fputs("]}", stdout);
}

void check_print_json(const struct check *check)
{
	printf("{\"version\": %d, \"ok\": %zu, \"warn\": %zu, \"fail\": %zu, \"checks\": [",
	       CHECK_VERSION, check_count(check, CHECK_OK), check_count(check, CHECK_WARN),
	       check_count(check, CHECK_FAIL));
	for (size_t i = 0; i < check->n_lines; i++) {
		fputs(i == 0 ? "\n" : ",\n", stdout);
		print_line(&check->lines[i]);
	}
	fputs("\n]}\n", stdout);
}

size_t check_count(const struct check *check, enum check_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < check->n_lines; i++)
		n += check->lines[i].level == level;
	return n;
}

void check_free_lines(struct check *check)
{
	for (size_t i = 0; i < check->n_lines; i++) {
		free(check->lines[i].subject);
		free(check->lines[i].text);
		for (size_t k = 0; k < check->lines[i].n_mend; k++)
			free(check->lines[i].mend[k]);
	}
	free(check->lines);
	check->lines = NULL;
	check->n_lines = 0;
}
