// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Keyed hashes in place of addresses: the same address has the same one under the same key, and
// without the key nobody can try names until one fits.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "mail/addr.h"

#define PSEUDONYM_KEY_FILE "retention.key" // in state_directory
#define PSEUDONYM_KEY_SIZE 32              // octets of one that is made
#define PSEUDONYM_LOCAL    "hashed-"
#define PSEUDONYM_DIGITS   24 // 96 bits
#define PSEUDONYM_ID_SIZE  17

struct pseudonym;

// Reads the key from a file of 16 to 1024 octets; with make, one that is not there is made first
// (mode 0600, durable). 0 or a negative errno: -ENODATA for a short one, -EFBIG for a long one.
int pseudonym_open(const char *path, bool make, struct pseudonym **ret_pseudonym) must_check;

// With a key that nobody will ever know.
struct pseudonym *pseudonym_random(void);
struct pseudonym *pseudonym_free(struct pseudonym *pseudonym);

// "hashed-" and 24 hexadecimal digits, "@" and the domain in lower case, from an address without
// regard to case; from one that is such already, itself; from what has no "@", the first alone.
void pseudonym_address(const struct pseudonym *pseudonym, const char *address,
		       char dst[ADDR_TEXT_SIZE]);

// A number for a text of some kind.
uint64_t pseudonym_tag(const struct pseudonym *pseudonym, const char *kind, const char *text);

// The key's own name, from which it cannot be told.
void pseudonym_id(const struct pseudonym *pseudonym, char dst[PSEUDONYM_ID_SIZE]);
