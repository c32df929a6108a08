// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Writes JSON (RFC 8259) into a buffer, in ASCII, without blanks: so no reader, a terminal among
// them, meets a control character. Bytes that are not UTF-8 become U+FFFD.
//
// A key goes before each value of an object; NULL in an array and at the top. Commas come by
// themselves. It only writes what is asked for: brackets that do not match are our own bug.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

// '{' or '['.
void json_open(struct buf *buf, const char *key, char bracket);

// '}' or ']'.
void json_close(struct buf *buf, char bracket);

// A string, of any octets up to its NUL.
void json_text(struct buf *buf, const char *key, const char *text);

// An integer.
void json_number(struct buf *buf, const char *key, int64_t number);

// true or false.
void json_flag(struct buf *buf, const char *key, bool value);

// null.
void json_none(struct buf *buf, const char *key);

// What is JSON already.
void json_raw(struct buf *buf, const char *key, const char *json);

// Seconds since 1970 as "2026-11-23T18:32:18Z"; null for 0 and for what has no such text.
void json_time(struct buf *buf, const char *key, int64_t time);
