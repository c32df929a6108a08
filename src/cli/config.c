// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix config: what the services would see. Scripts ask for one value, people for the list.

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "adapter/config.h"
#include "base/options.h"
#include "cli/verbs.h"

struct arguments {
	const char *path;
	bool is_table;
};

static const struct options_row rows[] = {
	{"config", 'c', OPTIONS_TEXT, offsetof(struct arguments, path), NULL},
	{"options", '\0', OPTIONS_FLAG, offsetof(struct arguments, is_table), NULL},
	{0},
};

static const char help[] =
	"usage: postsix config [-c FILE] [SECTION.OPTION]…\n\n"
	"Prints every value in effect as `section.option = value  # file:line`;\n"
	"with names, these values alone, a line each.\n\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"      --options      the table of options: name, type, default, when a change\n"
	"                     takes effect, meaning\n"
	"  -h, --help         this text\n";

static const struct options options = {"postsix config", help, rows, 0, -1};

static int print_names(const struct config *config, char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = config_get(config, *names);

		if (value == NULL) {
			fprintf(stderr, "postsix config: no such option: %s\n", *names);
			return EX_USAGE;
		}
		puts(value);
	}
	return EX_OK;
}

int verb_config(int argc, char **argv)
{
	struct arguments arguments = {.path = CONFIG_PATH_DEFAULT};
	struct config *config;
	int status = options_read(&options, argc, argv, &arguments);

	if (status >= 0)
		return status;
	if (arguments.is_table) {
		config_print_options(stdout);
		return EX_OK;
	}
	config = config_read(arguments.path, stderr);
	if (config == NULL)
		return EX_CONFIG;
	status = EX_OK;
	if (optind < argc)
		status = print_names(config, argv + optind);
	else
		config_print(config, stdout);
	config_free(config);
	return status;
}
