// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The policy service: the socket on which both instances ask about each recipient
// (check_policy_service). While it is closed Postfix answers 451, and nothing is accepted.
#pragma once

struct daemon;
struct gate;

// Opens it. The daemon is borrowed. Sets *ret_gate, or returns a negative errno.
int gate_open(struct daemon *daemon, struct gate **ret_gate);
struct gate *gate_free(struct gate *gate);
