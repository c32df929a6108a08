// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Every option there is, once. A new one is a row here, a member in config.h and an entry in
// postsix.conf(5); a test compares the three.

#include "adapter/config_table.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/value.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define GENERAL(name, type, min, max, fallback, reloadable, help)                                  \
	{                                                                                          \
		"postsix", #name, type, SCOPE_CONFIG, offsetof(struct config, name), min, max,     \
			fallback, reloadable, help                                                 \
	}

#define INSTANCE(which, name, type, min, max, fallback, help)                                      \
	{                                                                                          \
#which, #name, type, SCOPE_CONFIG, offsetof(struct config, which.name), min, max,  \
			fallback, false, help                                                      \
	}

// Both sections have the same options; only defaults differ.
#define INSTANCE_ROWS(which, give_up)                                                              \
	INSTANCE(which, hostname, OPTION_WORD, 0, 0, NULL,                                         \
		 "name in the banner and in EHLO; its address records and PTR must agree"),        \
		INSTANCE(which, listen, OPTION_LISTEN, 0, 0, NULL,                                 \
			 "addresses to listen on and to send from"),                               \
		INSTANCE(which, config_directory, OPTION_PATH, 0, 0, "/etc/postfix-" #which,       \
			 "where the instance's main.cf and master.cf are"),                        \
		INSTANCE(which, queue_directory, OPTION_PATH, 0, 0, "/var/spool/postfix-" #which,  \
			 "the instance's queue"),                                                  \
		INSTANCE(which, data_directory, OPTION_PATH, 0, 0, "/var/lib/postfix-" #which,     \
			 "the instance's caches and locks"),                                       \
		INSTANCE(                                                                          \
			which, inject, OPTION_PATH, 0, 0, "",                                      \
			"unix socket for submission; empty: public/inject below queue_directory"), \
		INSTANCE(which, give_up_after, OPTION_DURATION, 1, 30 * DAY, give_up,              \
			 "how long an undeliverable message is tried"),                            \
		INSTANCE(which, retry_min, OPTION_DURATION, 1, DAY, "5min",                        \
			 "shortest pause between attempts"),                                       \
		INSTANCE(which, retry_max, OPTION_DURATION, 1, DAY, "15min",                       \
			 "longest pause between attempts"),                                        \
		INSTANCE(which, connect_timeout, OPTION_DURATION, 1, 10 * MINUTE, "30s",           \
			 "how long one connection attempt may take"),                              \
		INSTANCE(which, tls_certificate, OPTION_PATH, 0, 0, "",                            \
			 "certificate for STARTTLS, and its chain; empty: none is offered"),       \
		INSTANCE(which, tls_key, OPTION_PATH, 0, 0, "", "the certificate's private key")

#define SITE(name, type, fallback, help)                                                           \
	{                                                                                          \
		"site", #name, type, SCOPE_SITE, offsetof(struct config_site, name), 0, 0,         \
			fallback, true, help                                                       \
	}

const struct option option_table[] = {
	GENERAL(state_directory, OPTION_PATH, 0, 0, "/var/lib/postsix", false,
		"folder of the database, postsix.db"),
	GENERAL(spool_directory, OPTION_PATH, 0, 0, "/var/spool/postsix", false,
		"folder where intake leaves entries, with new/ and quarantine/"),
	GENERAL(intake_socket, OPTION_PATH, 0, 0, "/run/postsix/intake.sock", false,
		"socket on which postsix-intake takes messages from postsix-pipe"),
	GENERAL(milter_socket, OPTION_PATH, 0, 0, "/run/postsix/milter/milter.sock", false,
		"socket on which postsix-milter is asked about each message"),
	GENERAL(policy_socket, OPTION_PATH, 0, 0, "/run/postsix/policy.sock", false,
		"socket on which both instances ask postsixd about each recipient"),
	GENERAL(templates_directory, OPTION_PATH, 0, 0, "/usr/share/postsix/templates", true,
		"folder with one folder of templates per language"),
	GENERAL(token_secret_file, OPTION_PATH, 0, 0, "/etc/postsix/token.secret", true,
		"secrets that key every token, a line each; the first one makes new tokens"),
	GENERAL(operator_address, OPTION_ADDRESS, 0, 0, NULL, false,
		"where mail to postmaster, abuse and the sites' contacts goes"),
	GENERAL(token_lifetime, OPTION_DURATION, HOUR, 90 * DAY, "7d", true,
		"how long a bounce is accepted for a probe"),
	GENERAL(message_size_limit, OPTION_SIZE, 16384, INT64_C(1) << 30, "1M", false,
		"largest message either instance accepts"),
	GENERAL(requester_interval, OPTION_DURATION, 0, DAY, "1min", true,
		"shortest time between two answers to one requester; 0: no limit"),
	GENERAL(requester_daily, OPTION_NUMBER, 0, 1000000, "12", true,
		"answers to one requester in 24 hours; 0: no limit"),
	GENERAL(domain_daily, OPTION_NUMBER, 0, 1000000, "300", true,
		"answers to one domain in 24 hours; 0: no limit"),
	GENERAL(network_daily, OPTION_NUMBER, 0, 1000000, "300", true,
		"answers to requests from one IPv6 /64 or IPv4 address in 24 hours; 0: no limit"),
	GENERAL(total_daily, OPTION_NUMBER, 0, 100000, "10000", true,
		"answers in 24 hours in all; 0: no limit"),
	GENERAL(probe_patience, OPTION_DURATION, 1, 30 * DAY, "4h", true,
		"how long a probe is offered to postfix-v6 before the requester is told"),
	GENERAL(report_patience, OPTION_DURATION, 1, 30 * DAY, "2d", true,
		"how long any other message is offered to postfix-dual"),
	GENERAL(submit_sessions, OPTION_NUMBER, 1, 100, "4", false,
		"parallel submission sessions per instance"),
	GENERAL(intake_children, OPTION_NUMBER, 1, 1000, "16", false,
		"messages that may be in intake at once, per instance"),
	GENERAL(survey_deadline, OPTION_DURATION, 0, 10, "10s", false,
		"how long a report waits for the survey of its requester's domain; 0: no surveys"),
	GENERAL(survey_reach, OPTION_SWITCH, 0, 1, "yes", false,
		"whether a survey knocks at port 25 of the domain's mail hosts"),
	GENERAL(survey_at_once, OPTION_NUMBER, 1, 10000, "256", false,
		"surveys under way; others wait, within their deadline"),
	GENERAL(diagnose_table, OPTION_PATH, 0, 0, "/usr/share/postsix/diagnose.tab", true,
		"the rows that tell why a probe failed from what servers say"),
	GENERAL(diagnose_local, OPTION_PATH, 0, 0, "/etc/postsix/diagnose.local", true,
		"your own such rows, which go before; need not exist; empty: none"),
	GENERAL(keep_addresses, OPTION_DURATION, 0, INT64_C(36500) * DAY, "90d", true,
		"age at which local parts in the database are replaced by keyed hashes; 0: never"),
	GENERAL(keep_requests, OPTION_DURATION, 0, INT64_C(36500) * DAY, "730d", true,
		"age at which requests are deleted from the database; 0: never"),
	INSTANCE_ROWS(dual, "5d"),
	INSTANCE_ROWS(v6, "4h"),
	INSTANCE(v6, warn_after, OPTION_DURATION, 1, 5 * DAY, "15min",
		 "delay of a probe after which its requester is told: still trying"),
	INSTANCE(v6, log, OPTION_LOG, 0, 0, "journal",
		 "postfix-v6's log, for attempts: journal, none, or its file"),
	SITE(v6_domain, OPTION_DOMAIN, NULL, "the IPv6-only domain"),
	SITE(dual_domain, OPTION_DOMAIN, NULL, "its dual-stack twin"),
	SITE(token_domain, OPTION_DOMAIN, "",
	     "domain of the probes' envelope senders, this host's alone; empty: v6_domain"),
	SITE(language, OPTION_WORD, "en", "folder below templates_directory"),
	SITE(title, OPTION_TEXT, "IPv6 e-mail checker", "display name in From"),
	SITE(contact, OPTION_WORD, "postmaster",
	     "local part of From at either domain; reaches the operator, never the responder"),
	SITE(dkim_key_file, OPTION_PATH, "",
	     "RSA key that signs its mail; empty: its mail is not signed"),
	SITE(dkim_selector, OPTION_WORD, "postsix",
	     "selector under which both domains publish that key"),
	SITE(dkim_ed25519_key_file, OPTION_PATH, "",
	     "Ed25519 key for a second signature; empty: none"),
	SITE(dkim_ed25519_selector, OPTION_WORD, "postsix-ed25519", "selector of the Ed25519 key"),
};

const size_t n_options = sizeof(option_table) / sizeof(option_table[0]);

_Static_assert(sizeof(option_table) / sizeof(option_table[0]) <= OPTIONS_MAX, "raise OPTIONS_MAX");

static const char *const type_names[] = {
	[OPTION_TEXT] = "text",        [OPTION_PATH] = "path",         [OPTION_WORD] = "word",
	[OPTION_NUMBER] = "number",    [OPTION_DURATION] = "duration", [OPTION_SIZE] = "size",
	[OPTION_SWITCH] = "switch",    [OPTION_DOMAIN] = "domain",     [OPTION_ADDRESS] = "address",
	[OPTION_LISTEN] = "addresses", [OPTION_LOG] = "log",
};

const struct option *option_find(const char *section, const char *name)
{
	for (size_t i = 0; i < n_options; i++)
		if (strcmp(option_table[i].section, section) == 0 &&
		    strcmp(option_table[i].name, name) == 0)
			return &option_table[i];
	return NULL;
}

static void *option_place(const struct config *config, size_t site, const struct option *option)
{
	const void *base = option->scope == SCOPE_SITE ? (const void *)&config->sites[site]
						       : (const void *)config;

	return (char *)(uintptr_t)base + option->offset;
}

static const char *check_text(const char *text)
{
	char escaped[1024];

	if (strlen(text) > 200)
		return "at most 200 octets are wanted";
	if (strcmp(text_escape(escaped, sizeof(escaped), text, strlen(text)), text) != 0)
		return "control characters, backslashes and bytes that are not UTF-8 cannot stand "
		       "here";
	return NULL;
}

static const char *check_word(const char *text)
{
	const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (text[0] == '\0' || strspn(text, letters) != strlen(text))
		return "letters, digits, hyphens, dots and underscores are wanted";
	return NULL;
}

static const char *check_listen(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];
	auto_free char *copy = mem_strdup(text);
	char *rest = copy;
	size_t n = 0;

	for (char *word; (word = strtok_r(rest, " \t", &rest)) != NULL; n++)
		if (inet_pton(AF_INET, word, address) != 1 &&
		    inet_pton(AF_INET6, word, address) != 1)
			return "IPv4 or IPv6 addresses separated by blanks are wanted";
	return n == 0 ? "at least one address is wanted" : NULL;
}

static const char *check_path(const char *text)
{
	return text[0] == '/' ? check_text(text) : "an absolute path is wanted";
}

static const char *check_log(const char *text)
{
	if (strcmp(text, "journal") == 0 || strcmp(text, "none") == 0)
		return NULL;
	return text[0] == '/' ? check_text(text) : "journal, none or an absolute path is wanted";
}

static const char *check_address(const char *text)
{
	struct addr addr;

	return addr_parse(text, strlen(text), &addr);
}

static const char *read_switch(const char *text, int64_t *ret_value)
{
	*ret_value = strcmp(text, "yes") == 0;
	return *ret_value == 1 || strcmp(text, "no") == 0 ? NULL : "yes or no is wanted";
}

// Stored as a number.
static bool is_numeric(enum option_type type)
{
	return type == OPTION_NUMBER || type == OPTION_DURATION || type == OPTION_SIZE ||
	       type == OPTION_SWITCH;
}

// A site's name stands in addresses and Message-IDs that must pass everywhere: a literal has no MX,
// and a U-label would need SMTPUTF8 all along the way.
static const char *store_domain(struct domain *place, const struct option *option, const char *text)
{
	struct domain domain;
	const char *fault;

	if (text[0] == '\0' && option->fallback != NULL)
		return NULL; // default_token_domains() fills it
	fault = domain_parse(text, strlen(text), &domain);
	if (fault != NULL)
		return fault;
	if (domain.literal || domain.utf8)
		return "a name in ASCII is wanted";
	*place = domain;
	return NULL;
}

static const char *store_number(int64_t *place, const struct option *option, const char *text)
{
	static char sentence[80];
	int64_t value = 0;
	const char *fault = option->type == OPTION_NUMBER     ? value_number(text, &value)
			    : option->type == OPTION_DURATION ? value_duration(text, &value)
			    : option->type == OPTION_SIZE     ? value_size(text, &value)
							      : read_switch(text, &value);

	if (fault != NULL)
		return fault;
	if (value < option->min || value > option->max) {
		snprintf(sentence, sizeof(sentence),
			 "a value from %" PRId64 " to %" PRId64 " is wanted", option->min,
			 option->max);
		return sentence;
	}
	*place = value;
	return NULL;
}

static const char *store_string(char **place, const char *text, const char *(*check)(const char *))
{
	const char *fault = check(text);

	if (fault != NULL)
		return fault;
	free(*place);
	*place = mem_strdup(text);
	return NULL;
}

const char *option_store(struct config *config, size_t site, const struct option *option,
			 const char *text)
{
	void *place = option_place(config, site, option);

	switch (option->type) {
	case OPTION_TEXT:
		return store_string(place, text, check_text);
	case OPTION_PATH:
		// only what is empty by default may be: default_inject() fills it
		return text[0] == '\0' && option->fallback != NULL && option->fallback[0] == '\0'
			       ? store_string(place, text, check_text)
			       : store_string(place, text, check_path);
	case OPTION_WORD:
		return store_string(place, text, check_word);
	case OPTION_ADDRESS:
		return store_string(place, text, check_address);
	case OPTION_LISTEN:
		return store_string(place, text, check_listen);
	case OPTION_LOG:
		return store_string(place, text, check_log);
	case OPTION_DOMAIN:
		return store_domain(place, option, text);
	case OPTION_NUMBER:
	case OPTION_DURATION:
	case OPTION_SIZE:
	case OPTION_SWITCH:
		return store_number(place, option, text);
	}
	return "no such type of option";
}

void option_clear(struct config *config, size_t site, const struct option *option)
{
	void *place = option_place(config, site, option);

	if (option->type == OPTION_DOMAIN || is_numeric(option->type))
		return;
	free(*(char **)place);
	*(char **)place = NULL;
}

// ---- reloading ----------------------------------------------------------------------------------

// Takes the running value, and returns true where it is another one. (No site has such an option.)
static bool keep_value(struct config *fresh, const struct config *running,
		       const struct option *option)
{
	void *place = option_place(fresh, 0, option);
	const void *old = option_place(running, 0, option);

	if (is_numeric(option->type)) {
		bool differs = *(int64_t *)place != *(const int64_t *)old;

		*(int64_t *)place = *(const int64_t *)old;
		return differs;
	}
	if (strcmp(*(char **)place, *(char *const *)old) == 0)
		return false;
	free(*(char **)place);
	*(char **)place = mem_strdup(*(char *const *)old);
	return true;
}

void config_keep(struct config *fresh, const struct config *running, FILE *notes)
{
	const struct config_file *file = (const struct config_file *)fresh;

	for (size_t i = 0; i < n_options; i++) {
		const struct option *option = &option_table[i];

		if (option->reloadable || !keep_value(fresh, running, option))
			continue;
		fprintf(notes, "%s:%d: %s.%s: a change wants a restart\n", fresh->path,
			file->lines[CONFIG_SITES_MAX][i], option->section, option->name);
	}
}

// ---- printing -----------------------------------------------------------------------------------

static void print_value(const struct config *config, size_t site, const struct option *option,
			FILE *out)
{
	const void *place = option_place(config, site, option);

	if (option->type == OPTION_DOMAIN)
		fputs(((const struct domain *)place)->text, out);
	else if (option->type == OPTION_SWITCH)
		fputs(*(const int64_t *)place != 0 ? "yes" : "no", out);
	else if (is_numeric(option->type))
		fprintf(out, "%" PRId64, *(const int64_t *)place);
	else
		fputs(*(char *const *)place, out);
}

static void print_name(const struct config *config, size_t site, const struct option *option,
		       FILE *out)
{
	if (option->scope == SCOPE_SITE)
		fprintf(out, "site.%s.%s", config->sites[site].name, option->name);
	else
		fprintf(out, "%s.%s", option->section, option->name);
}

static void print_line(const struct config *config, size_t site, const struct option *option,
		       FILE *out)
{
	const struct config_file *file = (const struct config_file *)config;
	size_t row = option->scope == SCOPE_SITE ? site : CONFIG_SITES_MAX;
	int line = file->lines[row][option - option_table];

	print_name(config, site, option, out);
	fputs(" = ", out);
	print_value(config, site, option, out);
	if (line == 0)
		fputs("  # default\n", out);
	else
		fprintf(out, "  # %s:%d\n", config->path, line);
}

// Calls on_value for every option, a site's once per site, until it returns false.
static void each_value(const struct config *config, FILE *out,
		       bool (*on_value)(const struct config *, size_t, const struct option *,
					FILE *, void *),
		       void *arg)
{
	bool more = true;

	for (size_t i = 0; i < n_options && more; i++)
		if (option_table[i].scope == SCOPE_CONFIG)
			more = on_value(config, 0, &option_table[i], out, arg);
	for (size_t site = 0; site < config->n_sites && more; site++)
		for (size_t i = 0; i < n_options && more; i++)
			if (option_table[i].scope == SCOPE_SITE)
				more = on_value(config, site, &option_table[i], out, arg);
}

static bool on_print(const struct config *config, size_t site, const struct option *option,
		     FILE *out, void *arg)
{
	(void)arg;
	print_line(config, site, option, out);
	return true;
}

void config_print(const struct config *config, FILE *out)
{
	each_value(config, out, on_print, NULL);
}

struct lookup {
	const char *name;
	char *value;
};

static bool on_lookup(const struct config *config, size_t site, const struct option *option,
		      FILE *out, void *arg)
{
	struct lookup *lookup = arg;
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	bool found;

	(void)out;
	print_name(config, site, option, memory);
	fflush(memory);
	found = strcmp(text, lookup->name) == 0;
	if (found) {
		rewind(memory);
		print_value(config, site, option, memory);
	}
	fclose(memory);
	if (found)
		lookup->value = mem_strndup(text, len);
	free(text);
	return !found;
}

const char *config_get(const struct config *config, const char *name)
{
	struct config_file *file = (struct config_file *)(uintptr_t)config;
	struct lookup lookup = {.name = name};

	each_value(config, NULL, on_lookup, &lookup);
	free(file->printed);
	file->printed = lookup.value;
	return file->printed;
}

void config_print_options(FILE *out)
{
	for (size_t i = 0; i < n_options; i++) {
		const struct option *o = &option_table[i];

		fprintf(out, "%s.%s\t%s\t%s\t%s\t%s\n", o->section, o->name, type_names[o->type],
			o->fallback == NULL ? "required" : o->fallback,
			o->reloadable ? "reloadable" : "restart", o->help);
	}
}
