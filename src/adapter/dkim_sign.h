// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// DKIM signatures on our own mail (RFC 6376, RFC 8463), by libopendkim. A signer has one RSA key
// and maybe an Ed25519 one, and signs for any domain that publishes them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "adapter/key.h"
#include "base/buf.h"

struct signer;

// The keys become the signer's; ed25519 may be NULL. A selector is as the DNS has it before
// "._domainkey.".
struct signer *signer_new(struct key *rsa, const char *rsa_selector, struct key *ed25519,
			  const char *ed25519_selector);
struct signer *signer_free(struct signer *signer);

// Octets that the signatures' fields take at most.
size_t signer_room(const struct signer *signer, const char *domain);

// Appends a field "DKIM-Signature: …\r\n" for each key, RSA first, for the message text: a header,
// a blank line, a body, with CRLF at the end of every line. when, seconds since 1970, becomes t=;
// no clock and no chance is in it, so the same text has the same signatures. 0, or -EINVAL where
// text is not such a message.
int signer_sign(const struct signer *signer, const char *domain, int64_t when,
		const struct buf *text, struct buf *out) must_check;
