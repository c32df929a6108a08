// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The sites' signers. A site has one key of a kind for both of its domains: they are one service,
// and whoever can take one key can take both. Neither signature covers the other, so a server that
// does not know Ed25519 (RFC 8463) finds the RSA one good; it is on top, as some look no further.
#include "daemon/signing.h"

#include <errno.h>
#include <stdlib.h>

#include "adapter/dkim_sign.h"
#include "base/log.h"
#include "base/mem.h"

struct signing {
	const struct config *config;
	struct signer *signers[CONFIG_SITES_MAX]; // NULL for a site without a key
};

// False after a line about what is wrong with the key.
static bool open_key(const struct config_site *site, const char *path, enum key_type type,
		     FILE *errors, struct key **ret_key)
{
	const char *fault = path[0] == '\0' ? NULL : key_open(path, type, ret_key);

	if (fault != NULL)
		fprintf(errors, "%s: %s ([site %s] %s)\n", path, fault, site->name,
			type == KEY_RSA ? "dkim_key_file" : "dkim_ed25519_key_file");
	return fault == NULL;
}

static bool open_site(const struct config_site *site, FILE *errors, struct signer **ret_signer)
{
	struct key *rsa = NULL, *ed25519 = NULL;
	bool ok = open_key(site, site->dkim_key_file, KEY_RSA, errors, &rsa);

	ok &= open_key(site, site->dkim_ed25519_key_file, KEY_ED25519, errors, &ed25519);
	if (!ok || rsa == NULL) { // (the configuration has no Ed25519 key alone)
		key_free(rsa);
		key_free(ed25519);
		return ok;
	}
	*ret_signer = signer_new(rsa, site->dkim_selector, ed25519, site->dkim_ed25519_selector);
	return true;
}

struct signing *signing_new(const struct config *config, FILE *errors)
{
	struct signing *signing = mem_new(1, sizeof(*signing));
	bool ok = true;

	signing->config = config;
	for (size_t i = 0; i < config->n_sites; i++)
		ok &= open_site(&config->sites[i], errors, &signing->signers[i]);
	return ok ? signing : signing_free(signing);
}

struct signing *signing_free(struct signing *signing)
{
	if (signing == NULL)
		return NULL;
	for (size_t i = 0; i < CONFIG_SITES_MAX; i++)
		signer_free(signing->signers[i]);
	free(signing);
	return NULL;
}

static const struct signer *signer_of(const struct signing *signing, const struct config_site *site)
{
	return signing->signers[site - signing->config->sites];
}

size_t signing_room(const struct signing *signing, const struct config_site *site,
		    const char *domain)
{
	const struct signer *signer = signer_of(signing, site);

	return signer == NULL ? 0 : signer_room(signer, domain);
}

int signing_sign(const struct signing *signing, const struct config_site *site, const char *domain,
		 int64_t date, struct buf *text)
{
	const struct signer *signer = signer_of(signing, site);
	struct buf whole = buf_make(text->max);
	int r;

	if (signer == NULL)
		return 0;
	r = signer_sign(signer, domain, date, text, &whole);
	buf_add(&whole, text->data, text->len);
	if (r == 0 && buf_failed(&whole))
		r = -EFBIG;
	if (r < 0) {
		buf_free(&whole);
		return r;
	}
	buf_free(text);
	*text = whole;
	return 0;
}

void signing_warn(const struct signing *signing)
{
	for (size_t i = 0; i < signing->config->n_sites; i++)
		if (signing->signers[i] == NULL)
			log_note(LOG_WARNING, "site=%s, its mail is not signed: no dkim_key_file",
				 signing->config->sites[i].name);
}
