// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Numbers with units. strtoll() alone would take blanks, signs and what overflows; people deserve a
// sentence instead.

#include "base/value.h"

#include <stddef.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{"", 1},        {"s", 1},     {"min", 60},      {"m", 60},
	{"h", 60 * 60}, {"d", 86400}, {"w", 7 * 86400}, {NULL, 0},
};

static const struct unit sizes[] = {
	{"", 1},   {"k", INT64_C(1) << 10}, {"M", INT64_C(1) << 20}, {"G", INT64_C(1) << 30},
	{NULL, 0},
};

static const struct unit none[] = {{"", 1}, {NULL, 0}};

static const char *read_number(const char *text, const struct unit *units,
			       const char *unit_sentence, int64_t *ret_value)
{
	int64_t value = 0;
	size_t n = strspn(text, "0123456789");

	if (n == 0)
		return "a number is wanted";
	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, text[i] - '0', &value))
			return "the number is too large";

	for (; units->name != NULL; units++)
		if (strcmp(units->name, text + n) == 0)
			break;
	if (units->name == NULL)
		return unit_sentence;
	if (__builtin_mul_overflow(value, units->factor, &value))
		return "the number is too large";

	*ret_value = value;
	return NULL;
}

const char *value_number(const char *text, int64_t *ret_value)
{
	return read_number(text, none, "only digits are wanted", ret_value);
}

const char *value_duration(const char *text, int64_t *ret_value)
{
	return read_number(text, durations, "the unit must be s, min, h, d or w", ret_value);
}

const char *value_size(const char *text, int64_t *ret_value)
{
	return read_number(text, sizes, "the unit must be k, M or G", ret_value);
}
