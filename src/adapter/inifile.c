// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// inih's callback knows no line numbers and takes a line longer than its own (200 octets) for two,
// so the lines are read for it here, counted and measured.

#include "adapter/inifile.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\n\v\f"

struct reading {
	const struct inifile_reader *reader;
	FILE *input;
	int line;
	bool goes_on;
};

static void report(const struct reading *reading, int line, const char *sentence)
{
	reading->reader->on_fault(reading->reader->arg, line, "line", sentence);
}

// The name in a line "[name]", as inih reads it: without the blanks before the bracket.
static void tell_section(const struct reading *reading, const char *line)
{
	char section[INIFILE_SECTION_SIZE];
	size_t len;

	line += strspn(line, BLANKS);
	len = strcspn(line, "]\n");
	if (reading->reader->on_section == NULL || line[0] != '[' || line[len] != ']')
		return;
	snprintf(section, sizeof(section), "%.*s", (int)len - 1, line + 1);
	reading->reader->on_section(reading->reader->arg, reading->line, section);
}

// inih's line source: as fgets, but counts, and says when a line is longer than inih takes.
static char *read_line(char *line, int size, void *arg)
{
	struct reading *reading = arg;

	if (fgets(line, size, reading->input) == NULL)
		return NULL;
	reading->line++;
	if (strchr(line, '\n') == NULL && !feof(reading->input)) {
		report(reading, reading->line, "it is too long");
		for (int c = 0; c != '\n' && c != EOF;)
			c = fgetc(reading->input);
	}
	reading->goes_on =
		(line[0] == ' ' || line[0] == '\t') && strspn(line, " \t\r\n") < strlen(line);
	if (reading->goes_on && reading->reader->one_line) {
		report(reading, reading->line, "it begins with a blank; a value has one line");
		line[0] = '#';
	}
	tell_section(reading, line);
	return line;
}

static int on_value(void *arg, const char *section, const char *name, const char *value)
{
	const struct reading *reading = arg;

	reading->reader->on_value(reading->reader->arg, reading->line, section, name, value,
				  reading->goes_on);
	return 1;
}

int inifile_read(const char *path, const struct inifile_reader *reader, int *ret_line)
{
	auto_file FILE *input = fopen(path, "re");
	struct reading reading = {.reader = reader, .input = input};
	int bad_line;

	if (input == NULL)
		return -errno;
	bad_line = ini_parse_stream(read_line, &reading, on_value, &reading);
	if (bad_line > 0)
		report(&reading, bad_line, "neither [section] nor name = value");
	*ret_line = reading.line;
	return 0;
}
