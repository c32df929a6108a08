// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A message as it comes out of Postfix.
//
// It is always read to the end, also where it is too large to be taken: a writer that meets a
// closed pipe would report that as a failure of ours.
#include "intake/message.h"

#include <errno.h>
#include <unistd.h>

#include "adapter/digest.h"
#include "adapter/mime.h"

#define READ_CHUNK (64 * 1024)

// One read, over EINTR.
static ssize_t read_some(int fd, char *chunk)
{
	ssize_t got;

	do
		got = read(fd, chunk, READ_CHUNK);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

// The body is hashed as it comes: its beginning out of the head, once that is full, the rest past
// it.
static void hash_beginning(struct digest *digest, const struct buf *head)
{
	size_t body = header_length(buf_string(head), head->len);

	digest_add(digest, buf_string(head) + body, head->len - body);
}

int message_read(int fd, struct message *ret_message)
{
	struct digest *digest = digest_start();
	unsigned char hash[DIGEST_SIZE];
	bool head_is_whole = false;
	char chunk[READ_CHUNK];
	ssize_t got;

	*ret_message = (struct message){.head = buf_make(MIME_INPUT_MAX)};
	while ((got = read_some(fd, chunk)) > 0) {
		size_t len = (size_t)got, room = MIME_INPUT_MAX - ret_message->head.len;
		size_t kept = len < room ? len : room;

		ret_message->size += len;
		buf_add(&ret_message->head, chunk, kept);
		if (kept < len && !head_is_whole) {
			hash_beginning(digest, &ret_message->head);
			head_is_whole = true;
		}
		digest_add(digest, chunk + kept, len - kept);
	}
	if (!head_is_whole)
		hash_beginning(digest, &ret_message->head);
	digest_finish(digest, hash);
	digest_hex(ret_message->body_hash, hash, DIGEST_SIZE);
	return (int)got;
}

void message_free(struct message *message)
{
	buf_free(&message->head);
}
