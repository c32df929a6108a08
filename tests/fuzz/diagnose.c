// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/diagnose on any words, by the table that is shipped. The input is lines: Remote-MTA,
// Reporting-MTA, Diagnostic-Code, and the rest is the text. Reached: a row of the table fitted.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "adapter/diagnose_file.h"
#include "base/mem.h"
#include "mail/diagnose.h"

static char *line_take(char **text)
{
	static char none[1];
	char *line = strsep(text, "\n");

	return line != NULL ? line : none;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct diagnose_table *table;
	auto_free char *copy = mem_strndup((const char *)data, size);
	char *rest = copy;
	struct diagnose_input input = {.status = {0}};
	struct diagnosis diagnosis;
	enum class class;

	if (table == NULL)
		table = diagnose_file_read("templates/diagnose.tab", "", stderr);
	assert(table != NULL);
	input.remote_mta = line_take(&rest);
	input.reporting_mta = line_take(&rest);
	input.diagnostic = line_take(&rest);
	input.text = rest != NULL ? rest : "";
	diagnose(table, &input, &diagnosis);
	assert(diagnosis.class < CLASSES && diagnosis.phase < PHASES);
	assert(class_find(class_name(diagnosis.class), &class) && class == diagnosis.class);
	assert(diagnosis.code == 0 || (diagnosis.code >= 400 && diagnosis.code <= 599));
	assert(diagnosis.class == CLASS_OTHER || diagnosis.row[0] != '\0');
	fuzz_reached += diagnosis.row[0] != '\0';
	return 0;
}
