// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// From the configuration file to the struct. All faults are reported, not the first alone: a
// sysadmin mends a file once.

#include "adapter/config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "adapter/config_table.h"
#include "adapter/inifile.h"
#include "base/mem.h"
#include "base/text.h"

#define SOCKET_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

#define KEEP_MIN (2 * 86400) // seconds

struct reading {
	struct config_file *file;
	FILE *errors;
	int line; // that was read last
	size_t n_faults;
	char refused[INIFILE_SECTION_SIZE]; // the last section that is none
};

static void report(struct reading *reading, int line, const char *subject, const char *sentence)
{
	reading->n_faults++;
	fprintf(reading->errors, "%s:%d: %s: %s\n", reading->file->config.path, line, subject,
		sentence);
}

// The index of the site with that name, added when new; CONFIG_SITES_MAX when there is no room.
static size_t find_site(struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->n_sites; i++)
		if (strcmp(config->sites[i].name, name) == 0)
			return i;
	if (i == CONFIG_SITES_MAX)
		return i;
	config->sites[i].name = mem_strdup(name);
	config->n_sites++;
	return i;
}

static const char *check_site_name(const char *name)
{
	if (name[0] == '\0' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
		return "a site's name has lower-case letters, digits and hyphens: [site NAME]";
	return NULL;
}

static void store_option(struct reading *reading, size_t site, const char *section,
			 const char *name, const char *value)
{
	struct config_file *file = reading->file;
	const struct option *option = option_find(section, name);
	size_t row = strcmp(section, "site") == 0 ? site : CONFIG_SITES_MAX;
	const char *fault = NULL;
	int *line;

	if (option == NULL) {
		report(reading, reading->line, name, "no such option in this section");
		return;
	}
	line = &file->lines[row][option - option_table];
	if (*line != 0)
		fault = "given twice";
	else
		fault = option_store(&file->config, site, option, value);
	if (fault != NULL)
		report(reading, reading->line, name, fault);
	*line = reading->line;
}

static void on_fault(void *arg, int line, const char *subject, const char *sentence)
{
	report(arg, line, subject, sentence);
}

// NULL and, of a site, its index; or what is wrong with a section.
static const char *find_section(struct reading *reading, const char *section, size_t *ret_site)
{
	const char *fault = NULL;

	*ret_site = 0;
	if (strncmp(section, "site ", 5) == 0) {
		fault = check_site_name(section + 5);
		if (fault == NULL)
			*ret_site = find_site(&reading->file->config, section + 5);
		if (*ret_site == CONFIG_SITES_MAX)
			fault = "too many sites";
	} else if (strcmp(section, "postsix") != 0 && strcmp(section, "dual") != 0 &&
		   strcmp(section, "v6") != 0) {
		fault = "no such section; there are [postsix], [dual], [v6] and [site NAME]";
	}
	return fault;
}

static void on_section(void *arg, int line, const char *section)
{
	struct reading *reading = arg;
	size_t site;
	const char *fault = find_section(reading, section, &site);

	if (fault == NULL)
		return;
	report(reading, line, section, fault);
	snprintf(reading->refused, sizeof(reading->refused), "%s", section);
}

static void on_value(void *arg, int line, const char *section, const char *name, const char *value,
		     bool goes_on)
{
	struct reading *reading = arg;
	size_t site;
	const char *fault = find_section(reading, section, &site);

	(void)goes_on; // never: values have one line
	reading->line = line;
	if (fault == NULL)
		store_option(reading, site, strncmp(section, "site ", 5) == 0 ? "site" : section,
			     name, value);
	else if (section[0] == '\0' || strcmp(section, reading->refused) != 0)
		report(reading, line, section, fault);
}

// Fills what the file left out, and reports what must be given.
static void apply_default(struct reading *reading, size_t site, const struct option *option)
{
	struct config_file *file = reading->file;
	size_t row = option->scope == SCOPE_SITE ? site : CONFIG_SITES_MAX;
	char subject[160];

	if (file->lines[row][option - option_table] != 0)
		return;
	if (option->fallback != NULL) {
		const char *fault = option_store(&file->config, site, option, option->fallback);

		if (fault != NULL)
			report(reading, 0, option->name, fault);
		return;
	}
	if (option->scope == SCOPE_SITE)
		snprintf(subject, sizeof(subject), "[site %s] %s", file->config.sites[site].name,
			 option->name);
	else
		snprintf(subject, sizeof(subject), "[%s] %s", option->section, option->name);
	report(reading, reading->line, subject, "must be given");
}

static void apply_defaults(struct reading *reading)
{
	const struct config *config = &reading->file->config;

	for (size_t i = 0; i < n_options; i++) {
		size_t times = option_table[i].scope == SCOPE_SITE ? config->n_sites : 1;

		for (size_t site = 0; site < times; site++)
			apply_default(reading, site, &option_table[i]);
	}
}

static void default_inject(struct config_instance *instance)
{
	char path[4096];

	if (instance->inject == NULL || instance->inject[0] != '\0' ||
	    instance->queue_directory == NULL)
		return;
	snprintf(path, sizeof(path), "%s/public/inject", instance->queue_directory);
	free(instance->inject);
	instance->inject = mem_strdup(path);
}

static void default_token_domains(struct config *config)
{
	for (size_t i = 0; i < config->n_sites; i++)
		if (config->sites[i].token_domain.text[0] == '\0')
			config->sites[i].token_domain = config->sites[i].v6_domain;
}

// Answers to our From must neither reach test@ (a loop) nor be taken for notifications.
static bool contact_is_human(const struct config_site *site)
{
	char text[ADDR_TEXT_SIZE];
	struct addr addr;
	int len = snprintf(text, sizeof(text), "%s@%s", site->contact, site->dual_domain.text);

	return len < (int)sizeof(text) && addr_parse(text, (size_t)len, &addr) == NULL &&
	       !text_equals_nocase(site->contact, "test") &&
	       !text_equals_nocase(site->contact, "bounce");
}

// NULL, or a sentence. The name that DNS has the key under must be one (RFC 6376 section 3.1).
static const char *check_selector(const struct config_site *site, const char *selector)
{
	struct domain domain;
	size_t longest = strlen(site->v6_domain.text) > strlen(site->dual_domain.text)
				 ? strlen(site->v6_domain.text)
				 : strlen(site->dual_domain.text);

	if (domain_parse(selector, strlen(selector), &domain) != NULL)
		return "a selector is made of labels as a domain is";
	if (strlen(selector) + strlen("._domainkey.") + longest > DOMAIN_MAX)
		return "a selector must leave room for ._domainkey and the domain";
	return NULL;
}

static void check_signing(struct reading *reading, const struct config_site *site)
{
	const char *fault = check_selector(site, site->dkim_selector);

	if (fault == NULL)
		fault = check_selector(site, site->dkim_ed25519_selector);
	if (fault == NULL && text_equals_nocase(site->dkim_selector, site->dkim_ed25519_selector))
		fault = "its two selectors must differ";
	if (fault == NULL && site->dkim_ed25519_key_file[0] != '\0' &&
	    site->dkim_key_file[0] == '\0')
		fault = "dkim_ed25519_key_file wants dkim_key_file, as not every server knows "
			"Ed25519";
	if (fault != NULL)
		report(reading, reading->line, site->name, fault);
}

// The line on which a site has the option, or the last one.
static int line_of(const struct reading *reading, const struct config_site *site, const char *name)
{
	const struct config_file *file = reading->file;
	int line = file->lines[site - file->config.sites][option_find("site", name) - option_table];

	return line == 0 ? reading->line : line;
}

// Whether mail to the token domain may be for something else of this host.
static bool is_taken(const struct config *config, const struct config_site *site)
{
	for (size_t i = 0; i < config->n_sites; i++) {
		const struct config_site *other = &config->sites[i];

		if (domain_equals(&other->dual_domain, &site->token_domain) ||
		    (other != site && (domain_equals(&other->v6_domain, &site->token_domain) ||
				       domain_equals(&other->token_domain, &site->token_domain))))
			return true;
	}
	return text_equals_nocase(config->dual.hostname, site->token_domain.text);
}

// Below v6_domain, it is aligned with From for who looks at SPF (RFC 7489 section 3.1.2), and the
// other hosts know it as ours, whom nobody answers.
static void check_token_domain(struct reading *reading, const struct config_site *site)
{
	const char *fault = NULL;

	if (domain_equals(&site->token_domain, &site->v6_domain))
		return;
	if (!domain_is_below(&site->token_domain, &site->v6_domain))
		fault = "token_domain must be v6_domain, or a name below it";
	else if (is_taken(&reading->file->config, site))
		fault = "token_domain must be no other domain of a site, nor dual's hostname";
	if (fault != NULL)
		report(reading, line_of(reading, site, "token_domain"), site->name, fault);
}

static void check_site(struct reading *reading, const struct config_site *site)
{
	const struct config *config = &reading->file->config;

	if (domain_equals(&site->v6_domain, &site->dual_domain))
		report(reading, reading->line, site->name, "v6_domain and dual_domain must differ");
	if (config_site_of(config, &site->v6_domain) != site ||
	    config_site_of(config, &site->dual_domain) != site)
		report(reading, reading->line, site->name, "another site has one of its domains");
	if (!contact_is_human(site))
		report(reading, reading->line, site->name,
		       "contact must be a local part that reaches a human, not the responder");
	check_token_domain(reading, site);
	check_signing(reading, site);
}

// Limits count by the last day's addresses, and what is still to be sent has to have its own.
static void check_keeping(struct reading *reading, const char *name, int64_t seconds)
{
	const struct config *config = &reading->file->config;

	if (seconds != 0 && (seconds < KEEP_MIN || seconds < config->report_patience ||
			     seconds < config->probe_patience))
		report(reading, reading->line, name,
		       "0, or at least 2d and the patiences, is wanted");
}

// What no single option can say.
static void check_whole(struct reading *reading)
{
	struct config *config = &reading->file->config;

	if (config->n_sites == 0)
		report(reading, reading->line, "[site NAME]", "at least one site is wanted");
	for (size_t i = 0; i < config->n_sites; i++)
		check_site(reading, &config->sites[i]);
	if (strlen(config->dual.inject) >= SOCKET_PATH_SIZE ||
	    strlen(config->v6.inject) >= SOCKET_PATH_SIZE)
		report(reading, reading->line, "inject", "a socket's path has at most 107 octets");
	if (strlen(config->policy_socket) >= SOCKET_PATH_SIZE)
		report(reading, reading->line, "policy_socket",
		       "a socket's path has at most 107 octets");
	check_keeping(reading, "keep_addresses", config->keep_addresses);
	check_keeping(reading, "keep_requests", config->keep_requests);
	if (config->dual.retry_max < config->dual.retry_min ||
	    config->v6.retry_max < config->v6.retry_min)
		report(reading, reading->line, "retry_max", "it must not be below retry_min");
}

struct config *config_read(const char *path, FILE *errors)
{
	struct config_file *file = mem_new(1, sizeof(*file));
	struct reading reading = {.file = file, .errors = errors};
	const struct inifile_reader reader = {.on_section = on_section,
					      .on_value = on_value,
					      .on_fault = on_fault,
					      .arg = &reading,
					      .one_line = true};
	int r;

	file->config.path = mem_strdup(path);
	r = inifile_read(path, &reader, &reading.line);
	if (r < 0) {
		fprintf(errors, "%s: %s%s\n", path, strerror(-r),
			r == -ENOENT ? "; `postsix setup` makes it" : "");
		config_free(&file->config);
		return NULL;
	}
	apply_defaults(&reading);
	default_inject(&file->config.dual);
	default_inject(&file->config.v6);
	default_token_domains(&file->config);
	if (reading.n_faults == 0)
		check_whole(&reading);
	if (reading.n_faults > 0)
		return config_free(&file->config);
	return &file->config;
}

struct config *config_free(struct config *config)
{
	struct config_file *file = (struct config_file *)config;

	if (config == NULL)
		return NULL;
	for (size_t i = 0; i < n_options; i++) {
		size_t times = option_table[i].scope == SCOPE_SITE ? config->n_sites : 1;

		for (size_t site = 0; site < times; site++)
			option_clear(config, site, &option_table[i]);
	}
	for (size_t site = 0; site < config->n_sites; site++)
		free(config->sites[site].name);
	free(config->path);
	free(file->printed);
	free(file);
	return NULL;
}

const struct config_site *config_site_of(const struct config *config, const struct domain *domain)
{
	for (size_t i = 0; i < config->n_sites; i++)
		if (domain_equals(&config->sites[i].v6_domain, domain) ||
		    domain_equals(&config->sites[i].dual_domain, domain))
			return &config->sites[i];
	return NULL;
}

const struct config_site *config_site_of_token(const struct config *config,
					       const struct domain *domain)
{
	for (size_t i = 0; i < config->n_sites; i++)
		if (domain_equals(&config->sites[i].token_domain, domain))
			return &config->sites[i];
	return NULL;
}

size_t config_own_domains(const struct config *config, struct domain ret_own[2 * CONFIG_SITES_MAX])
{
	for (size_t i = 0; i < config->n_sites; i++) {
		ret_own[2 * i] = config->sites[i].v6_domain;
		ret_own[2 * i + 1] = config->sites[i].dual_domain;
	}
	return 2 * config->n_sites;
}
