// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What postsix-pipe sends: one packet with the envelope and the descriptor of the message (see
// pipe/hand.h for its form), and the answer to it.
#pragma once

#include "base/cleanup.h"
#include "mail/envelope.h"

#define REQUEST_PACKET_MAX (16 * 1024)

struct request {
	struct envelope envelope;
	int message_fd;
};

// Waits for the packet and checks it. Returns NULL and sets *ret_request (request_free it), or a
// sentence that says what is wrong with it; "" where the other end went away without one.
const char *request_read(int socket, struct request *ret_request) must_check;

// The same for a packet that is in memory: checks "name=value" strings, each with its NUL.
const char *request_parse(const char *packet, size_t len, struct envelope *ret_envelope) must_check;

// True while the other end still waits for the answer.
bool request_is_wanted(int socket);

// Sends the status line. Whether it arrives does not matter: no answer means "try again" there.
void request_answer(int socket, const char *status);

void request_free(struct request *request);
