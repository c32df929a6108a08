// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A reply inside a sentence begins at the sentence's start, behind a colon, a quote or a bracket.
// Elsewhere three digits are a number: "after 450 seconds".
#include "mail/reply.h"

#include <stdbool.h>
#include <string.h>

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

// The length of "550 " or "550-" at text with the status behind it, if any; 0 for no reply. An
// answer to our commands is 4xx or 5xx, and no code says 6 or more in the middle.
static size_t read_reply(const char *text, struct reply *ret_reply)
{
	struct reply reply = {0};
	size_t len = 3;

	if ((text[0] != '4' && text[0] != '5') || text[1] < '0' || text[1] > '7' ||
	    !is_digit(text[2]) || is_digit(text[3]) || text[3] == '.' || text[3] == '/')
		return 0;
	reply.code = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
	len += strspn(text + len, "-: ,#");
	if (status_parse(text + len, &reply.status))
		len += strspn(text + len, "0123456789.");
	*ret_reply = reply;
	return len;
}

static bool ends_with(const char *start, const char *end, const char *word)
{
	const size_t len = strlen(word);

	return (size_t)(end - start) >= len && memcmp(end - len, word, len) == 0;
}

// True where a reply may begin at "at".
static bool is_beginning(const char *start, const char *at)
{
	const char *before = at;

	while (before > start && before[-1] == ' ')
		before--;
	if (before == start || strchr(":;<>[('\"", before[-1]) != NULL)
		return true;
	return before < at &&
	       (ends_with(start, before, "said") || ends_with(start, before, "code") ||
		ends_with(start, before, "responsecode") ||
		ends_with(start, before, "because of") || ends_with(start, before, "reason"));
}

void reply_find(const char *folded, struct reply *reply)
{
	struct status status;
	struct reply found;

	for (const char *at = folded; *at != '\0'; at++)
		if ((*at == '4' || *at == '5') && is_beginning(folded, at) &&
		    read_reply(at, &found) > 0) {
			reply->code = found.code;
			if (found.status.class != 0)
				reply->status = found.status;
			break;
		}
	if (reply->status.class != 0)
		return;
	for (const char *at = folded; *at != '\0'; at++)
		if ((*at == '4' || *at == '5') && at[1] == '.' &&
		    (at == folded || strchr("#'(;<", at[-1]) != NULL ||
		     (at[-1] == ' ' && at - 1 > folded && at[-2] == ';')) &&
		    status_parse(at, &status)) {
			reply->status = status;
			return;
		}
}

size_t reply_join(char *folded, size_t len)
{
	struct reply reply;
	size_t used = 0;
	int code = 0; // that the lines to come repeat

	for (size_t i = 0; i < len;) {
		const bool begins = i == 0 || strchr(" :;<>[('\"", folded[i - 1]) != NULL;
		const size_t n = begins && is_digit(folded[i]) ? read_reply(folded + i, &reply) : 0;

		if (n > 0 && reply.code == code) {
			if (folded[i + 3] != '-')
				code = 0;
			i += n;
			if (used > 0 && folded[used - 1] == ' ' && folded[i] == ' ')
				i++;
			continue;
		}
		if (n > 0 && folded[i + 3] == '-') {
			code = reply.code;
			folded[i + 3] = ' '; // words begin behind a blank
		}
		folded[used++] = folded[i++];
	}
	folded[used] = '\0';
	return used;
}
