// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A configuration read from a text, for the tests that are about what is wrong in one.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/config.h"
#include "base/cleanup.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

// What must be given, over lines 1 to 11. What a test adds begins at line 12, in [site one].
#define HEAD                                                                                       \
	"[postsix]\noperator_address = op@good.test\n"                                             \
	"[dual]\nhostname = mx.dual.test\nlisten = 192.0.2.25 2001:db8:25::25\n"                   \
	"[v6]\nhostname = mx.six.test\nlisten = 2001:db8:25::6\n"
#define GOOD HEAD "[site one]\nv6_domain = six.test\ndual_domain = dual.test\n"

static char path[32];

// Reads text as a file. What was written to errors is *ret_errors (free it), the path taken off.
static struct config *read_text(const char *text, size_t len, char **ret_errors)
{
	char *errors = NULL, *clean;
	size_t size = 0, prefix = strlen(path);
	FILE *out = open_memstream(&errors, &size), *file = fopen(path, "w");
	struct config *config;

	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
	config = config_read(path, out);
	fclose(out);
	clean = calloc(1, size + 1);
	for (char *line = errors; *line != '\0';) {
		size_t n = strcspn(line, "\n") + 1;

		assert_memory_equal(line, path, prefix);
		strncat(clean, line + prefix, n - prefix);
		line += n;
	}
	free(errors);
	*ret_errors = clean;
	return config;
}

static int make_path(void **state)
{
	(void)state;
	strcpy(path, "/tmp/postsix-config-XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}
