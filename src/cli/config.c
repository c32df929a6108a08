// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix config: what the services would see. Scripts ask for one value, people for the list.

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "adapter/config.h"
#include "cli/verbs.h"

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"options", no_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: postsix config [-c FILE] [SECTION.OPTION]…\n\n"
	"Prints every value in effect as `section.option = value  # file:line`;\n"
	"with names, these values alone, a line each.\n\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"      --options      the table of options: name, type, default, when a change\n"
	"                     takes effect, meaning\n"
	"  -h, --help         this text\n";

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
	const char *path = CONFIG_PATH_DEFAULT;
	struct config *config;
	int status = EX_OK;

	for (int c; (c = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1;) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'o':
			config_print_options(stdout);
			return EX_OK;
		case 'h':
			fputs(help, stdout);
			return EX_OK;
		default:
			fputs(help, stderr);
			return EX_USAGE;
		}
	}

	config = config_read(path, stderr);
	if (config == NULL)
		return EX_CONFIG;
	if (optind < argc)
		status = print_names(config, argv + optind);
	else
		config_print(config, stdout);
	config_free(config);
	return status;
}
