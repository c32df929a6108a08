// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A certificate file (PEM), as far as its dates, its names and its key go.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define CERTIFICATE_NONE "there is no certificate in it" // a key's file, maybe

// Until when the first certificate in the file is valid, in seconds since 1970. NULL, or a sentence
// (static, or strerror(3)'s) that says what is wrong with the file.
const char *certificate_end(const char *path, int64_t *ret_end) must_check;

#define CERTIFICATE_NO_KEY "there is no key in it" // or one that a passphrase locks

// NULL where the first key in key_path is that of the first certificate in path, which has one; or
// a sentence (as above) that says what is wrong with key_path.
const char *certificate_fits(const char *path, const char *key_path) must_check;

// True where the first certificate in the file is for that host name (RFC 6125); also where there
// is none, of which certificate_end tells.
bool certificate_names(const char *path, const char *name) must_check;
