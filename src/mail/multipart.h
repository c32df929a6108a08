// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Takes the body of a multipart apart at its boundary lines (RFC 2046 section 5.1.1).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_BOUNDARY_MAX 200 // octets; the RFC allows 70

struct multipart {
	const char *at, *end;
	const char *boundary;
	size_t boundary_len;
};

// Begins with the first part, past the preamble. body (lines end in LF) and boundary stay the
// caller's. A boundary that is empty or too long finds no part.
void multipart_start(struct multipart *multipart, const char *body, size_t len,
		     const char *boundary);

// The next part, header and body, without the line end that belongs to the boundary line behind it.
// A multipart that is never closed ends with the body. False behind the last part.
bool multipart_next(struct multipart *multipart, const char **ret_part, size_t *ret_len);
