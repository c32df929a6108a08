// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Hands one message to postsix-intake and waits for its word.
//
// The request is one packet on a SOCK_SEQPACKET unix socket: "name=value" strings, each with its
// NUL, and one descriptor, from which the message is read to its end. The answer is one packet:
// "2.0.0" once the mail is safe, else "4.x.y reason".
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define HAND_PACKET_MAX (16 * 1024) // octets of a request
#define HAND_STATUS_MAX 500         // octets of an answer

// Sends the arguments (NULL-terminated) and the descriptor; true where the mail is safe.
// *ret_status is always set to one printable line, beginning with 4. where it is not.
bool hand_over(const char *socket_path, char *const *arguments, int message_fd,
	       char ret_status[HAND_STATUS_MAX + 1]);
