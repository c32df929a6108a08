// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Strings that strangers wrote, made fit to print; and the small ASCII helpers mail needs.
// Nothing here depends on the locale.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Copies src (len bytes, any bytes) into dst as printable UTF-8 and always terminates it.
// Control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls, other
// invisible formatting and bytes that are not UTF-8 become \xHH (each byte of them); a backslash
// becomes \\. What does not fit into size is cut between characters and ends in "...". Returns dst.
// size must be at least 8.
char *text_escape(char *dst, size_t size, const char *src, size_t len);

// As text_escape, but a backslash stays: for what has its escapes already, as a name of the DNS
// does (RFC 1035 section 5.1).
char *text_escape_rest(char *dst, size_t size, const char *src, size_t len);

// As text_escape, for a log value: a comma and a double quote are escaped as well and an empty
// string becomes "-", so that no value can bring the ", " that comes before the next key.
char *text_escape_log(char *dst, size_t size, const char *src, size_t len);

// True where bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most
// U+10FFFF).
bool text_is_utf8(const char *bytes, size_t len);

// True where text_escape would show every character as it is: well-formed UTF-8 with nothing hidden
// in it.
bool text_is_printable(const char *bytes, size_t len);

// True where no byte is above 0x7f. NUL is ASCII.
bool text_is_ascii(const char *bytes, size_t len);

// The longest prefix of bytes, at most max long, that ends between UTF-8 characters.
size_t text_utf8_cut(const char *bytes, size_t len, size_t max);

// ASCII-only comparisons, as protocols have it (never the locale's).
bool text_equals_nocase(const char *a, const char *b);
bool text_starts_nocase(const char *string, const char *prefix);
bool text_ends_nocase(const char *string, const char *suffix);

// Lower-cases ASCII letters in place.
void text_lower(char *string);

// Copies a C string into a fixed array; false, with dst emptied, where it does not fit.
bool text_copy(char *dst, size_t size, const char *src) __attribute__((warn_unused_result));

// As text_copy, but cuts (between UTF-8 characters) instead of failing.
void text_cut(char *dst, size_t size, const char *src);

// The word for so many: one, or many, which stands for none as well.
const char *text_plural(uint64_t n, const char *one, const char *many);

// base32 (RFC 4648 section 6), lower case, no padding: survives case folding and local-part rules.
// dst takes at least len * 8 / 5 + 2 bytes.
void text_base32(char *dst, const unsigned char *src, size_t len);

// Decodes either case; returns the number of bytes, or -1 for a foreign character, a length that no
// encoding has, unused bits that are not zero, or more than size bytes.
long text_unbase32(unsigned char *dst, size_t size, const char *src, size_t len);
