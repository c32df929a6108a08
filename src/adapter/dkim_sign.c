// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Signs by libopendkim: relaxed/relaxed, the whole body (no l=), the fields below.
//
// What a newcomer would get wrong: the second signature is not made by the library. Its dkim_free()
// (2.11.0~beta2, Debian 12's) forgets every Ed25519 key that it read for a message, half a kilobyte
// each; so it is derived from the first: same fields, same body hash, another key. And an
// oversigned field stands once more in h= than in the message, so a second one that is added on the
// way breaks the signature (RFC 6376 section 8.15).
//
// What it costs, 2048 bits: 0.25 ms for RSA itself, and 0.36 ms for the library to have the key
// read. That is OpenSSL 3.0 looking for a decoder: DER in PEM's place takes as long.
#include "adapter/dkim_sign.h"

#include <errno.h>
#include <dkim.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/digest.h"
#include "base/mem.h"
#include "mail/canon.h"

#define FIELD "DKIM-Signature: "
// All but d=, s= and b= of one field, with every name below in h=, and folds.
#define FIXED_ROOM 512
#define LINE_MIN   60 // octets of b= in a line, at least

static const char *const signed_fields[] = {
	"From",         "To",
	"Subject",      "Date",
	"Message-ID",   "In-Reply-To",
	"References",   "Auto-Submitted",
	"MIME-Version", "Content-Type",
	"Reply-To",     "Cc",
	"Sender",       "Content-Transfer-Encoding",
	NULL,
};

static const char *const oversigned_fields[] = {"From", "Subject", "To", "Date", NULL};

struct signer {
	DKIM_LIB *library;
	struct key *rsa;
	struct key *ed25519; // or NULL
	char *rsa_selector;
	char *ed25519_selector;
};

static void set_fields(DKIM_LIB *library, dkim_opts_t option, const char *const *fields)
{
	// (the library takes the list for writable, and copies it)
	if (dkim_options(library, DKIM_OP_SETOPT, option, (void *)(uintptr_t)fields,
			 sizeof(fields)) != DKIM_STAT_OK)
		abort(); // memory
}

struct signer *signer_new(struct key *rsa, const char *rsa_selector, struct key *ed25519,
			  const char *ed25519_selector)
{
	struct signer *signer = mem_new(1, sizeof(*signer));

	signer->library = dkim_init(NULL, NULL);
	if (signer->library == NULL)
		abort(); // memory
	set_fields(signer->library, DKIM_OPTS_SIGNHDRS, signed_fields);
	set_fields(signer->library, DKIM_OPTS_OVERSIGNHDRS, oversigned_fields);
	key_keep(rsa);
	signer->rsa = rsa;
	signer->ed25519 = ed25519;
	signer->rsa_selector = mem_strdup(rsa_selector);
	signer->ed25519_selector = mem_strdup(ed25519_selector);
	return signer;
}

struct signer *signer_free(struct signer *signer)
{
	if (signer == NULL)
		return NULL;
	dkim_close(signer->library);
	key_free(signer->rsa);
	key_free(signer->ed25519);
	free(signer->rsa_selector);
	free(signer->ed25519_selector);
	free(signer);
	return NULL;
}

static size_t field_room(const struct key *key, const char *selector, const char *domain)
{
	size_t base64 = key == NULL ? 0 : (key_signature_size(key) + 2) / 3 * 4;

	if (key == NULL)
		return 0;
	return FIXED_ROOM + strlen(domain) + strlen(selector) + base64 +
	       base64 / LINE_MIN * strlen("\r\n\t ");
}

size_t signer_room(const struct signer *signer, const char *domain)
{
	return field_room(signer->rsa, signer->rsa_selector, domain) +
	       field_room(signer->ed25519, signer->ed25519_selector, domain);
}

// ---- the first, by the library ------------------------------------------------------------------

static bool give_message(DKIM *dkim, const struct buf *text)
{
	const char *next = buf_string(text);
	size_t len = canon_field_len(next);

	for (; len > 0; len = canon_field_len(next)) {
		if (dkim_header(dkim, (u_char *)(uintptr_t)next, len) != DKIM_STAT_OK)
			return false;
		next += len + 2;
	}
	if (strncmp(next, "\r\n", 2) != 0 || dkim_eoh(dkim) != DKIM_STAT_OK)
		return false;
	next += 2;
	len = (size_t)(text->data + text->len - next);
	return len == 0 || dkim_body(dkim, (u_char *)(uintptr_t)next, len) == DKIM_STAT_OK;
}

static bool take_signature(DKIM *dkim, struct buf *out)
{
	u_char *value = NULL;
	size_t len = 0;

	if (dkim_eom(dkim, NULL) != DKIM_STAT_OK ||
	    dkim_getsighdr_d(dkim, strlen(FIELD), &value, &len) != DKIM_STAT_OK)
		return false;
	buf_adds(out, FIELD);
	buf_add(out, value, len);
	buf_adds(out, "\r\n");
	return true;
}

static int sign_rsa(const struct signer *signer, const char *domain, int64_t when,
		    const struct buf *text, struct buf *out)
{
	uint64_t time = (uint64_t)when;
	DKIM_STAT status = DKIM_STAT_OK;
	DKIM *dkim;
	bool ok;

	// (an option of the whole handle, not of one message)
	if (dkim_options(signer->library, DKIM_OP_SETOPT, DKIM_OPTS_FIXEDTIME, &time,
			 sizeof(time)) != DKIM_STAT_OK)
		return -EINVAL;
	dkim = dkim_sign(signer->library, (const u_char *)"postsix", NULL,
			 (dkim_sigkey_t)(uintptr_t)key_pem(signer->rsa),
			 (const u_char *)signer->rsa_selector, (const u_char *)domain,
			 DKIM_CANON_RELAXED, DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, -1, &status);
	if (dkim == NULL)
		return -EINVAL;
	ok = give_message(dkim, text) && take_signature(dkim, out);
	dkim_free(dkim);
	return ok ? 0 : -EINVAL;
}

// ---- the second, derived from it ----------------------------------------------------------------

// The value of a tag in a field that libopendkim wrote, folds included; its tags come in the order
// v, a, c, d, s, t, bh, h, b.
static const char *find_tag(const char *field, const char *name, size_t *ret_len)
{
	size_t len = strlen(name);

	for (const char *tag = strchr(field, ':'); tag != NULL; tag = strchr(tag, ';')) {
		tag += 1 + strspn(tag + 1, " \t\r\n");
		if (strncmp(tag, name, len) == 0 && tag[len] == '=') {
			*ret_len = strcspn(tag + len + 1, ";");
			return tag + len + 1;
		}
	}
	return NULL;
}

static int sign_ed25519(const struct signer *signer, const char *domain, int64_t when,
			const struct buf *text, const char *first, struct buf *out)
{
	auto_buf struct buf field = buf_make(SIZE_MAX / 2);
	auto_buf struct buf signed_text = buf_make(SIZE_MAX / 2);
	unsigned char digest[DIGEST_SIZE];
	char base64[KEY_ED25519_BASE64_SIZE];
	size_t hash_len = 0, names_len = 0;
	const char *hash = find_tag(first, "bh", &hash_len);
	const char *names = find_tag(first, "h", &names_len);

	if (hash == NULL || names == NULL)
		return -EINVAL;
	buf_addf(&field,
		 FIELD "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=%s;\r\n\ts=%s; t=%" PRId64
		       ";\r\n\tbh=%.*s;\r\n\th=%.*s;\r\n\tb=",
		 domain, signer->ed25519_selector, when, (int)hash_len, hash, (int)names_len,
		 names);
	canon_header(&signed_text, buf_string(text), names, names_len);
	canon_field(&signed_text, field.data, field.len);
	digest_sha256(digest, signed_text.data, signed_text.len);
	key_sign_ed25519(signer->ed25519, digest, sizeof(digest), base64);
	buf_add(out, field.data, field.len);
	buf_addf(out, "%.64s\r\n\t %s\r\n", base64, base64 + 64);
	return 0;
}

int signer_sign(const struct signer *signer, const char *domain, int64_t when,
		const struct buf *text, struct buf *out)
{
	size_t start = out->len;
	int r = sign_rsa(signer, domain, when, text, out);

	if (r == 0 && signer->ed25519 != NULL)
		r = sign_ed25519(signer, domain, when, text, buf_string(out) + start, out);
	return r;
}
