// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Enhanced status codes (RFC 3463 section 2): class.subject.detail.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct status {
	int class; // 2, 4 or 5; 0 for "none was given"
	int subject;
	int detail;
};

#define STATUS_TEXT_SIZE 12 // "5.999.999" and the NUL, with room

// Reads a code at the start of text (leading blanks skipped): one digit 2, 4 or 5, then two numbers
// of up to three digits, then anything but a digit or a dot (RFC 3464 section 2.3.4 allows a
// comment). True and *ret_status set, or false and untouched.
bool status_parse(const char *text, struct status *ret_status);

// "5.1.1", or "" for none. Returns dst.
char *status_text(char dst[STATUS_TEXT_SIZE], struct status status);
