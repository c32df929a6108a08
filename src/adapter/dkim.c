// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// DKIM verification, by libopendkim.
//
// The library trusts its caller with all limits: it makes a hash for every signature, walks the
// whole header for every name in every h=, and asks a resolver of its own, one key after the other,
// without an end. So it is shown at most five signatures and a bounded header, and never finds a
// key but by look_up().
#include "adapter/dkim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/types.h>
#include <stdbool.h>

#include <dkim.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define KEY_BITS_MIN 1024 // RFC 8301 section 3.2

struct verifier {
	DKIM_LIB *lib;
};

// One signature's field: what was found before the library saw it, or by it.
struct slot {
	DKIM_SIGINFO *info; // NULL: the library does not know it
	char name[VERIFY_NAME_SIZE];
	enum verify_key key;
	struct verify_signature seen;
};

struct verify {
	DKIM *dkim;
	size_t n_slots, n_signatures;
	struct slot slot[VERIFY_SIGNATURES_MAX];
	size_t n_fields, n_from, header_len;
	const char *unfit; // why nothing of this message is verified, or NULL
	bool skip_body;    // there is nothing to verify in it
	bool no_memory;
	enum verify_key (*on_key)(void *arg, const char *name, char record[VERIFY_RECORD_SIZE]);
	void *arg;
};

// ---- keys
// --------------------------------------------------------------------------------------------

static struct slot *slot_of(struct verify *verify, const DKIM_SIGINFO *info)
{
	for (size_t i = 0; i < verify->n_slots; i++) {
		if (verify->slot[i].info == info)
			return &verify->slot[i];
	}
	return NULL;
}

// Failures are remembered in the slot: all the library needs to know is that there is no key.
static DKIM_CBSTAT look_up(DKIM *dkim, DKIM_SIGINFO *info, u_char *buf, size_t size)
{
	struct verify *verify = dkim_get_user_context(dkim);
	struct slot *slot = slot_of(verify, info);
	char record[VERIFY_RECORD_SIZE] = "";

	if (slot == NULL || slot->name[0] == '\0')
		return DKIM_CBSTAT_NOTFOUND;
	slot->key = verify->on_key(verify->arg, slot->name, record);
	if (slot->key == VERIFY_KEY_FOUND && strlen(record) >= size)
		slot->key = VERIFY_KEY_TOO_LONG;
	if (slot->key != VERIFY_KEY_FOUND)
		return DKIM_CBSTAT_NOTFOUND;
	memcpy(buf, record, strlen(record) + 1);
	return DKIM_CBSTAT_CONTINUE;
}

struct verifier *verifier_new(void)
{
	u_int flags = DKIM_LIBFLAGS_DELAYSIGPROC; // no key before the end of the message
	u_int bits = KEY_BITS_MIN;
	struct verifier *verifier = mem_new(1, sizeof(*verifier));

	verifier->lib = dkim_init(NULL, NULL);
	if (verifier->lib == NULL || !dkim_libfeature(verifier->lib, DKIM_FEATURE_SHA256) ||
	    !dkim_libfeature(verifier->lib, DKIM_FEATURE_ED25519) ||
	    dkim_options(verifier->lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags)) !=
		    DKIM_STAT_OK ||
	    dkim_options(verifier->lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits,
			 sizeof(bits)) != DKIM_STAT_OK ||
	    dkim_set_key_lookup(verifier->lib, look_up) != DKIM_STAT_OK)
		return verifier_free(verifier);
	return verifier;
}

struct verifier *verifier_free(struct verifier *verifier)
{
	if (verifier == NULL)
		return NULL;
	if (verifier->lib != NULL)
		dkim_close(verifier->lib);
	free(verifier);
	return NULL;
}

// ---- the message comes
// -------------------------------------------------------------------------------

struct verify *verify_new(const struct verifier *verifier)
{
	struct verify *verify = mem_new(1, sizeof(*verify));
	DKIM_STAT status;

	verify->dkim = dkim_verify(verifier->lib, (const unsigned char *)"-", NULL, &status);
	if (verify->dkim == NULL || dkim_set_user_context(verify->dkim, verify) != DKIM_STAT_OK)
		return verify_free(verify);
	return verify;
}

// A new signature's slot; NULL where it is one too many.
static struct slot *add_slot(struct verify *verify)
{
	struct slot *slot;

	verify->n_signatures++;
	if (verify->n_slots == VERIFY_SIGNATURES_MAX)
		return NULL;
	slot = &verify->slot[verify->n_slots++];
	slot->key = VERIFY_KEY_MISSING;
	slot->seen =
		(struct verify_signature){.result = AUTH_NEUTRAL, .reason = "malformed signature"};
	return slot;
}

// "Name:value" with CRLF at the folds, as the library wants it; without a line end at its end.
static void join(struct buf *field, const char *name, const char *value)
{
	buf_adds(field, name);
	buf_addc(field, ':');
	for (const char *c = value; *c != '\0'; c++) {
		if (*c == '\n' && (c == value || c[-1] != '\r'))
			buf_addc(field, '\r');
		buf_addc(field, *c);
	}
}

static void feed(struct verify *verify, struct slot *slot, const char *name, const char *value)
{
	auto_buf struct buf field = buf_make(VERIFY_HEADER_MAX);
	DKIM_STAT status;

	join(&field, name, value);
	verify->header_len += field.len;
	verify->n_fields++;
	if (buf_failed(&field) || verify->header_len > VERIFY_HEADER_MAX ||
	    verify->n_fields > VERIFY_FIELDS_MAX) {
		verify->unfit = "header too large";
		return;
	}
	if (slot != NULL && field.len > VERIFY_SIGNATURE_MAX) {
		slot->seen.result = AUTH_POLICY;
		slot->seen.reason = "signature too long";
		return;
	}
	status = dkim_header(verify->dkim, (u_char *)field.data, field.len);
	verify->no_memory = verify->no_memory || status == DKIM_STAT_NORESOURCE;
	// A malformed signature has no info of the library's; it comes to have none by the mark
	// here.
	if (slot != NULL && status == DKIM_STAT_OK)
		slot->seen.reason = "";
}

void verify_header(struct verify *verify, const char *name, const char *value)
{
	const bool is_signature = text_equals_nocase(name, "DKIM-Signature");
	struct slot *slot = is_signature ? add_slot(verify) : NULL;

	verify->n_from += text_equals_nocase(name, "From");
	// One signature too many is left out for the other signatures too.
	if (verify->unfit == NULL && !verify->no_memory && (slot != NULL || !is_signature))
		feed(verify, slot, name, value);
}

static const char *tag(DKIM_SIGINFO *info, const char *name)
{
	const u_char *value = dkim_sig_gettagvalue(info, false, (u_char *)name);

	return value != NULL ? (const char *)value : "";
}

static void refuse(struct slot *slot, enum auth_result result, const char *reason)
{
	dkim_sig_ignore(slot->info);
	slot->seen.result = result;
	slot->seen.reason = reason;
}

static void copy_domain(char *dst, size_t size, const char *src)
{
	if (!authres_is_domain(src) || !text_copy(dst, size, src))
		dst[0] = '\0';
}

// What there is to know of a signature before its key.
static void read_tags(struct slot *slot)
{
	struct verify_signature *seen = &slot->seen;

	copy_domain(seen->domain, sizeof(seen->domain), tag(slot->info, "d"));
	copy_domain(seen->selector, sizeof(seen->selector), tag(slot->info, "s"));
	text_cut(seen->start, sizeof(seen->start), tag(slot->info, "b"));
	if (seen->domain[0] == '\0' || seen->selector[0] == '\0')
		refuse(slot, AUTH_NEUTRAL, "d= or s= is no domain");
	else if (text_equals_nocase(tag(slot->info, "a"), "rsa-sha1"))
		refuse(slot, AUTH_POLICY, "rsa-sha1");                   // RFC 8301 section 3.1
	else if (dkim_sig_geterror(slot->info) == DKIM_SIGERROR_UNKNOWN) // none so far
		snprintf(slot->name, sizeof(slot->name), "%s._domainkey.%s", seen->selector,
			 seen->domain);
}

// The library's list has the signatures that it could read, in order.
static void read_signatures(struct verify *verify)
{
	DKIM_SIGINFO **infos = NULL;
	int n = 0;

	if (dkim_getsiglist(verify->dkim, &infos, &n) != DKIM_STAT_OK)
		n = 0;
	for (size_t i = 0, next = 0; i < verify->n_slots && next < (size_t)n; i++) {
		if (verify->slot[i].seen.reason[0] != '\0')
			continue;
		verify->slot[i].info = infos[next++];
		read_tags(&verify->slot[i]);
	}
}

void verify_end_of_header(struct verify *verify)
{
	DKIM_STAT status;

	verify->skip_body = true;
	if (verify->n_from != 1 && verify->unfit == NULL)
		verify->unfit = "not exactly one From"; // RFC 6376 section 8.15
	if (verify->n_signatures == 0 || verify->unfit != NULL || verify->no_memory)
		return;
	status = dkim_eoh(verify->dkim);
	if (status == DKIM_STAT_NORESOURCE || status == DKIM_STAT_INTERNAL)
		verify->no_memory = true;
	if (status == DKIM_STAT_SYNTAX)
		verify->unfit = "From cannot be read";
	if (status == DKIM_STAT_OK) {
		read_signatures(verify);
		verify->skip_body = false;
	}
}

void verify_body(struct verify *verify, const void *bytes, size_t len)
{
	DKIM_STAT status;

	if (verify->skip_body || len == 0)
		return;
	status = dkim_body(verify->dkim, (u_char *)bytes, len);
	verify->no_memory = verify->no_memory || status != DKIM_STAT_OK;
}

size_t verify_wants(const struct verify *verify, const char *ret_names[VERIFY_SIGNATURES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < verify->n_slots; i++) {
		const char *name = verify->slot[i].name;
		bool is_new = name[0] != '\0';

		for (size_t k = 0; k < n; k++)
			is_new = is_new && !text_equals_nocase(name, ret_names[k]);
		if (is_new)
			ret_names[n++] = name;
	}
	return n;
}

// ---- the results
// -------------------------------------------------------------------------------------

struct outcome {
	int error;
	enum auth_result result;
	const char *reason;
};

// RFC 8601 section 2.7.1: neutral for what could not be read, permerror for what another try will
// not mend. What is not here is a signature that could not be read.
static const struct outcome outcomes[] = {
	{DKIM_SIGERROR_BADSIG, AUTH_FAIL, "signature does not fit"},
	{DKIM_SIGERROR_KEYTOOSMALL, AUTH_POLICY, "key below 1024 bits"},
	{DKIM_SIGERROR_EXPIRED, AUTH_PERMERROR, "signature expired"},
	{DKIM_SIGERROR_FUTURE, AUTH_PERMERROR, "signature from the future"},
	{DKIM_SIGERROR_TIMESTAMPS, AUTH_PERMERROR, "x= before t="},
	{DKIM_SIGERROR_INVALID_H, AUTH_PERMERROR, "From not signed"},
	{DKIM_SIGERROR_TOOLARGE_L, AUTH_PERMERROR, "l= beyond the body"},
	{DKIM_SIGERROR_SUBDOMAIN, AUTH_PERMERROR, "i= not allowed by the key"},
	{DKIM_SIGERROR_DOMAIN, AUTH_PERMERROR, "i= not below d="},
	{DKIM_SIGERROR_KEYREVOKED, AUTH_PERMERROR, "key revoked"},
	{DKIM_SIGERROR_DNSSYNTAX, AUTH_PERMERROR, "key cannot be read"},
	{DKIM_SIGERROR_KEYDECODE, AUTH_PERMERROR, "key cannot be read"},
	{DKIM_SIGERROR_KEYVERSION, AUTH_PERMERROR, "key of another version"},
	{DKIM_SIGERROR_KEYTYPEMISSING, AUTH_PERMERROR, "key of no type"},
	{DKIM_SIGERROR_KEYTYPEUNKNOWN, AUTH_PERMERROR, "key of an unknown type"},
	{DKIM_SIGERROR_KEYUNKNOWNHASH, AUTH_PERMERROR, "key for other hashes"},
	{DKIM_SIGERROR_KEYHASHMISMATCH, AUTH_PERMERROR, "key for other hashes"},
	{DKIM_SIGERROR_NOTEMAILKEY, AUTH_PERMERROR, "key not for mail"},
};

static const struct outcome keys[] = {
	[VERIFY_KEY_FOUND] = {0, AUTH_PERMERROR, "key cannot be read"},
	[VERIFY_KEY_MISSING] = {0, AUTH_PERMERROR, "no key"},
	[VERIFY_KEY_SEVERAL] = {0, AUTH_PERMERROR, "several keys"},
	[VERIFY_KEY_TOO_LONG] = {0, AUTH_POLICY, "key record too long"},
	[VERIFY_KEY_TEMPERROR] = {0, AUTH_TEMPERROR, "no answer from DNS"},
};

static struct outcome outcome_of(const struct slot *slot)
{
	const int error = dkim_sig_geterror(slot->info);
	const bool is_partial = tag(slot->info, "l")[0] != '\0';

	if (error == DKIM_SIGERROR_NOKEY)
		return keys[slot->key];
	if (error == DKIM_SIGERROR_OK && DKIM_SIG_CHECK(slot->info))
		return is_partial ? (struct outcome){0, AUTH_POLICY, "l= leaves a body open"}
				  // RFC 6376 8.2
				  : (struct outcome){0, AUTH_PASS, ""};
	if (error == DKIM_SIGERROR_BADSIG && dkim_sig_getbh(slot->info) == DKIM_SIGBH_MISMATCH)
		return (struct outcome){0, AUTH_FAIL, "body has changed"};
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		if (outcomes[i].error == error)
			return outcomes[i];
	}
	return (struct outcome){0, AUTH_NEUTRAL, "malformed signature"};
}

static void conclude(const struct verify *verify, const struct slot *slot,
		     struct verify_signature *ret_seen)
{
	struct outcome outcome = {0, slot->seen.result, slot->seen.reason};

	if (verify->unfit != NULL)
		outcome = (struct outcome){0, AUTH_POLICY, verify->unfit};
	else if (slot->seen.reason[0] == '\0' && slot->info != NULL)
		outcome = outcome_of(slot);
	*ret_seen = slot->seen;
	ret_seen->result = outcome.result;
	ret_seen->reason = outcome.reason;
}

int verify_finish(struct verify *verify,
		  enum verify_key (*on_key)(void *arg, const char *name,
					    char record[VERIFY_RECORD_SIZE]),
		  void *arg, struct verify_result *ret_result)
{
	struct verify_result result = {.n = verify->n_slots,
				       .n_more = verify->n_signatures - verify->n_slots};

	verify->on_key = on_key;
	verify->arg = arg;
	if (!verify->skip_body && !verify->no_memory) {
		const DKIM_STAT status = dkim_eom(verify->dkim, NULL);

		verify->no_memory = status == DKIM_STAT_NORESOURCE || status == DKIM_STAT_INTERNAL;
	}
	if (verify->no_memory)
		return -ENOMEM;
	for (size_t i = 0; i < verify->n_slots; i++)
		conclude(verify, &verify->slot[i], &result.signature[i]);
	*ret_result = result;
	return 0;
}

struct verify *verify_free(struct verify *verify)
{
	if (verify == NULL)
		return NULL;
	if (verify->dkim != NULL)
		dkim_free(verify->dkim);
	free(verify);
	return NULL;
}
