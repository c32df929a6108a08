// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A certificate file (PEM), as far as its dates go.
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

#define CERTIFICATE_NONE "there is no certificate in it" // a key's file, maybe

// Until when the first certificate in the file is valid, in seconds since 1970. NULL, or a sentence
// (static, or strerror(3)'s) that says what is wrong with the file.
const char *certificate_end(const char *path, int64_t *ret_end) must_check;
