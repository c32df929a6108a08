// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Strings that strangers wrote, made fit to print; and the small ASCII helpers mail needs.
//
// text_escape is the one thing between a stranger's bytes and a terminal, a log or a report, so it
// works from one idea only: a character is shown where it is well-formed UTF-8 and in no row of
// unprintable[]; every other byte becomes \xHH. <ctype.h> is not used: it follows the locale.
#include "base/text.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define UNIT_SIZE 20 // one character escaped: four bytes as \xHH, with room

static const char dots[] = "...";

// What a reader cannot see or what changes how the rest is seen. U+200C and U+200D (joiners) are
// absent: Persian and Indic scripts are misspelt without them.
static const struct {
	uint32_t first, last;
} unprintable[] = {
	{0x0000, 0x001f},   // C0
	{0x007f, 0x009f},   // DEL, C1 (U+0085 is a line end to some)
	{0x061c, 0x061c},   // Arabic letter mark, bidirectional
	{0x200b, 0x200b},   // zero-width space
	{0x200e, 0x200f},   // left-to-right and right-to-left marks
	{0x2028, 0x202e},   // line and paragraph separators; bidirectional embeddings and overrides
	{0x2060, 0x206f},   // invisible operators, bidirectional isolates
	{0xfeff, 0xfeff},   // byte order mark
	{0xfff9, 0xfffb},   // interlinear annotation
	{0xe0000, 0xe007f}, // tags: a whole hidden ASCII
};

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

// The length of the well-formed character that starts bytes (RFC 3629 section 4), or 0 where none
// does.
static size_t utf8_next(const char *bytes, size_t len, uint32_t *ret_code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)bytes[0];
	uint32_t code;
	size_t n = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (n == 0 || n > len || lead >= 0xf8)
		return 0;
	code = n == 1 ? lead : lead & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (!is_continuation((unsigned char)bytes[i]))
			return 0;
		code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
	}
	if (code < smallest[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return n;
}

static bool is_printable(uint32_t code)
{
	for (size_t i = 0; i < sizeof(unprintable) / sizeof(unprintable[0]); i++) {
		if (code >= unprintable[i].first && code <= unprintable[i].last)
			return false;
	}
	return true;
}

// Writes the first character of src as it is to be shown; *ret_taken is how much of src that was.
static size_t escape_unit(char unit[UNIT_SIZE], const char *src, size_t len, const char *also,
			  size_t *ret_taken)
{
	uint32_t code = 0;
	size_t taken = utf8_next(src, len, &code);
	size_t out = 0;

	*ret_taken = taken > 0 ? taken : 1;
	if (taken == 1 && code == '\\' && strchr(also, '\\') != NULL) {
		memcpy(unit, "\\\\", 2);
		return 2;
	}
	if (taken > 0 && is_printable(code) && strchr(also, src[0]) == NULL) {
		memcpy(unit, src, taken);
		return taken;
	}
	for (size_t i = 0; i < *ret_taken; i++)
		out += (size_t)snprintf(unit + out, 5, "\\x%02x", (unsigned char)src[i]);
	return out;
}

// also: further ASCII characters to escape, the backslash among them.
static char *escape(char *dst, size_t size, const char *src, size_t len, const char *also)
{
	char unit[UNIT_SIZE];
	size_t used = 0;
	size_t cut = 0; // the last place between characters where the dots still fit
	size_t taken;

	assert(size >= 8);
	for (size_t i = 0; i < len; i += taken) {
		size_t n = escape_unit(unit, src + i, len - i, also, &taken);

		if (used + n >= size) {
			memcpy(dst + cut, dots, sizeof(dots));
			return dst;
		}
		memcpy(dst + used, unit, n);
		used += n;
		if (used + sizeof(dots) <= size)
			cut = used;
	}
	dst[used] = '\0';
	return dst;
}

char *text_escape(char *dst, size_t size, const char *src, size_t len)
{
	return escape(dst, size, src, len, "\\");
}

char *text_escape_rest(char *dst, size_t size, const char *src, size_t len)
{
	return escape(dst, size, src, len, "");
}

char *text_escape_log(char *dst, size_t size, const char *src, size_t len)
{
	if (len == 0)
		return escape(dst, size, "-", 1, "");
	return escape(dst, size, src, len, "\\,\"");
}

bool text_is_utf8(const char *bytes, size_t len)
{
	uint32_t code;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_next(bytes + i, len - i, &code);
		if (n == 0)
			return false;
	}
	return true;
}

bool text_is_printable(const char *bytes, size_t len)
{
	uint32_t code;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_next(bytes + i, len - i, &code);
		if (n == 0 || !is_printable(code))
			return false;
	}
	return true;
}

bool text_is_ascii(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)bytes[i] >= 0x80)
			return false;
	}
	return true;
}

size_t text_utf8_cut(const char *bytes, size_t len, size_t max)
{
	size_t cut = max;

	if (len <= max)
		return len;
	while (cut > 0 && max - cut < 3 && is_continuation((unsigned char)bytes[cut]))
		cut--;
	// more than three continuation bytes are no character: then any place is as good
	return is_continuation((unsigned char)bytes[cut]) ? max : cut;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool text_equals_nocase(const char *a, const char *b)
{
	for (; *a != '\0' && lower(*a) == lower(*b); a++, b++)
		;
	return *a == '\0' && *b == '\0';
}

bool text_starts_nocase(const char *string, const char *prefix)
{
	for (; *prefix != '\0' && lower(*string) == lower(*prefix); string++, prefix++)
		;
	return *prefix == '\0';
}

bool text_ends_nocase(const char *string, const char *suffix)
{
	size_t len = strlen(string);
	size_t suffix_len = strlen(suffix);

	return suffix_len <= len && text_equals_nocase(string + len - suffix_len, suffix);
}

void text_lower(char *string)
{
	for (; *string != '\0'; string++)
		*string = lower(*string);
}

bool text_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	assert(size > 0);
	dst[0] = '\0';
	if (len >= size)
		return false;
	memcpy(dst, src, len + 1);
	return true;
}

void text_cut(char *dst, size_t size, const char *src)
{
	size_t len;

	assert(size > 0);
	len = text_utf8_cut(src, strlen(src), size - 1);
	memcpy(dst, src, len);
	dst[len] = '\0';
}

const char *text_plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

void text_base32(char *dst, const unsigned char *src, size_t len)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned bits = 0;
	unsigned n_bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | src[i];
		for (n_bits += 8; n_bits >= 5; n_bits -= 5)
			*dst++ = digits[bits >> (n_bits - 5) & 31];
	}
	if (n_bits > 0)
		*dst++ = digits[bits << (5 - n_bits) & 31];
	*dst = '\0';
}

static int base32_digit(char c)
{
	c = lower(c);
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

long text_unbase32(unsigned char *dst, size_t size, const char *src, size_t len)
{
	unsigned bits = 0;
	unsigned n_bits = 0;
	size_t out = 0;

	// one, three or six letters beyond a group of eight hold no whole number of octets
	if (len % 8 == 1 || len % 8 == 3 || len % 8 == 6 || len / 8 > size || len * 5 / 8 > size)
		return -1;
	for (size_t i = 0; i < len; i++) {
		int digit = base32_digit(src[i]);

		if (digit < 0)
			return -1;
		bits = bits << 5 | (unsigned)digit;
		n_bits += 5;
		if (n_bits >= 8) {
			n_bits -= 8;
			dst[out++] = (unsigned char)(bits >> n_bits);
		}
	}
	return (bits & ((1u << n_bits) - 1)) == 0 ? (long)out : -1;
}
