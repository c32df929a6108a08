// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix dkim-key: makes a site's signing key, and prints what the DNS must say of it. The only
// verb that writes a file, and it writes over none: a key that is in use is changed by a new
// selector and a new file, so that mail on its way still finds the old record.

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "adapter/config.h"
#include "adapter/key.h"
#include "base/options.h"
#include "cli/verbs.h"

#define TXT_MAX 255 // octets of one string (RFC 1035 section 3.3)

struct arguments {
	const char *config;
	const char *site;
	bool is_ed25519;
	bool print;
};

#define AT(member) offsetof(struct arguments, member)

static const struct options_row rows[] = {
	{"config", 'c', OPTIONS_TEXT, AT(config), NULL},
	{"ed25519", '\0', OPTIONS_FLAG, AT(is_ed25519), NULL},
	{"print", '\0', OPTIONS_FLAG, AT(print), NULL},
	{0},
};

static const char help[] =
	"usage: postsix dkim-key [-c FILE] [--ed25519] [--print] SITE\n\n"
	"Makes the key that signs the site's mail, in the file that the configuration\n"
	"names, and prints its DNS records as lines of a zone file. A file that is there\n"
	"already is left as it is.\n\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"      --ed25519      the Ed25519 key, dkim_ed25519_key_file; else the RSA key\n"
	"      --print        makes none: prints the records of the one that is there\n"
	"  -h, --help         this text\n";

static const struct options options = {"postsix dkim-key", help, rows, 1, 1};

static const struct config_site *find_site(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_sites; i++)
		if (strcmp(config->sites[i].name, name) == 0)
			return &config->sites[i];
	return NULL;
}

static void print_record(const char *selector, const struct domain *domain, const char *record)
{
	size_t len = strlen(record);

	printf("%s._domainkey.%s. IN TXT (", selector, domain->text);
	for (size_t at = 0; at < len; at += TXT_MAX)
		printf("%s\"%.*s\"", at == 0 ? " " : "\n\t", TXT_MAX, record + at);
	puts(" )");
}

static void print_records(const struct config_site *site, const struct key *key)
{
	auto_buf struct buf record = buf_make(KEY_RECORD_MAX);
	const char *selector =
		key_type(key) == KEY_RSA ? site->dkim_selector : site->dkim_ed25519_selector;

	key_record(key, &record);
	print_record(selector, &site->v6_domain, buf_string(&record));
	print_record(selector, &site->dual_domain, buf_string(&record));
}

static int make_key(const char *path, enum key_type type, const struct config *config,
		    struct key **ret_key)
{
	struct key *key = key_make(type);
	int r = key_store(key, path, config->token_secret_file);

	if (r < 0) {
		fprintf(stderr, "postsix dkim-key: %s: %s%s\n", path, strerror(-r),
			r == -EEXIST ? "; --print prints its records" : "");
		key_free(key);
		return EX_CANTCREAT;
	}
	*ret_key = key;
	return EX_OK;
}

static int open_key(const char *path, enum key_type type, struct key **ret_key)
{
	const char *fault = key_open(path, type, ret_key);

	if (fault != NULL)
		fprintf(stderr, "postsix dkim-key: %s: %s\n", path, fault);
	return fault == NULL ? EX_OK : EX_CONFIG;
}

static int run(const struct config *config, const struct arguments *arguments)
{
	const struct config_site *site = find_site(config, arguments->site);
	enum key_type type = arguments->is_ed25519 ? KEY_ED25519 : KEY_RSA;
	struct key *key = NULL;
	const char *path;
	int status;

	if (site == NULL) {
		fprintf(stderr, "postsix dkim-key: %s has no [site %s]\n", config->path,
			arguments->site);
		return EX_USAGE;
	}
	path = type == KEY_RSA ? site->dkim_key_file : site->dkim_ed25519_key_file;
	if (path[0] == '\0') {
		fprintf(stderr, "postsix dkim-key: %s: [site %s] has no %s\n", config->path,
			site->name, type == KEY_RSA ? "dkim_key_file" : "dkim_ed25519_key_file");
		return EX_CONFIG;
	}
	status = arguments->print ? open_key(path, type, &key) : make_key(path, type, config, &key);
	if (status == EX_OK)
		print_records(site, key);
	key_free(key);
	return status;
}

int verb_dkim_key(int argc, char **argv)
{
	struct arguments arguments = {.config = CONFIG_PATH_DEFAULT};
	struct config *config;
	int status = options_read(&options, argc, argv, &arguments);

	if (status >= 0)
		return status;
	arguments.site = argv[optind];
	config = config_read(arguments.config, stderr);
	if (config == NULL)
		return EX_CONFIG;
	status = run(config, &arguments);
	config_free(config);
	return status;
}
