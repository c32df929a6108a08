// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// All languages are read at the start, also those that no site has, since any address may ask for
// them: a folder that is half translated is found then, and not by the first one who wants it.

#include "daemon/languages.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"

struct languages {
	struct language *first;
};

const struct language *languages_first(const struct languages *languages)
{
	return languages->first;
}

const struct language *languages_find(const struct languages *languages, const char *name)
{
	const struct language *language = languages->first;

	while (language != NULL && !text_equals_nocase(language->name, name))
		language = language->next;
	return language;
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= LANGUAGE_NAME_MAX && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz-_0123456789") == len;
}

static bool has_phrases(const char *directory, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s/phrases.ini", directory, name);
	return access(path, F_OK) == 0;
}

static bool read_one(struct languages *languages, const char *directory, const char *name,
		     FILE *errors)
{
	struct phrases *phrases = phrases_read(directory, name, errors);
	struct language *language;

	if (phrases == NULL)
		return false;
	language = mem_new(1, sizeof(*language));
	text_cut(language->name, sizeof(language->name), name);
	language->phrases = phrases;
	language->next = languages->first;
	languages->first = language;
	return true;
}

static bool read_all(struct languages *languages, const char *directory, FILE *errors)
{
	DIR *folder = opendir(directory);
	bool ok = true;

	if (folder == NULL) {
		fprintf(errors, "%s: %s\n", directory, strerror(errno));
		return false;
	}
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		if (is_name(entry->d_name) && has_phrases(directory, entry->d_name))
			ok = read_one(languages, directory, entry->d_name, errors) && ok;
	closedir(folder);
	return ok;
}

struct languages *languages_read(const struct config *config, FILE *errors)
{
	const char *directory = config->templates_directory;
	struct languages *languages = mem_new(1, sizeof(*languages));
	bool ok = read_all(languages, directory, errors);

	for (size_t i = 0; i < config->n_sites && ok; i++)
		if (languages_find(languages, config->sites[i].language) == NULL) {
			fprintf(errors, "%s/%s/phrases.ini: %s\n", directory,
				config->sites[i].language, strerror(ENOENT));
			ok = false;
		}
	return ok ? languages : languages_free(languages);
}

struct languages *languages_free(struct languages *languages)
{
	if (languages == NULL)
		return NULL;
	for (struct language *language; (language = languages->first) != NULL;) {
		languages->first = language->next;
		phrases_free(language->phrases);
		free(language);
	}
	free(languages);
	return NULL;
}

// What follows the first plus, up to another: cs in test+cs+x@, quoted or not.
static bool find_detail(char dst[ADDR_LOCAL_MAX + 1], const char *recipient)
{
	struct addr addr;
	const char *plus;

	if (addr_parse(recipient, strlen(recipient), &addr) != NULL)
		return false;
	plus = strchr(addr.local, '+');
	if (plus == NULL)
		return false;
	text_cut(dst, ADDR_LOCAL_MAX + 1, plus + 1);
	dst[strcspn(dst, "+\"")] = '\0';
	return true;
}

const struct language *languages_of(const struct languages *languages,
				    const struct config_site *site, const char *recipient)
{
	char detail[ADDR_LOCAL_MAX + 1];
	const struct language *language = NULL;

	if (find_detail(detail, recipient))
		language = languages_find(languages, detail);
	return language != NULL ? language : languages_find(languages, site->language);
}
