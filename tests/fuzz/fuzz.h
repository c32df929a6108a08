// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What a fuzzer is: tests/fuzz/NAME.c defines LLVMFuzzerTestOneInput, which feeds one input to one
// parser, checks by assert() what the parser's header promises, and counts in fuzz_reached the
// inputs that came through to the far side of it (an address parsed, an entry read). Its seeds are
// in tests/data/fuzz/NAME: at least one must reach.
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

// libFuzzer knows nothing of this counter, so that whoever includes the header brings it along.
unsigned long fuzz_reached __attribute__((weak));

// Always returns 0. The bytes are not NUL-terminated, and the sanitizer sees a read beyond them.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
