// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// SIGHUP: everything that can change while the daemon runs is read anew.
#pragma once

struct daemon;

// Reads the configuration and what it names (templates, phrases, tables, keys, token secrets), and
// goes by them from here on; or, where anything at all is wrong with them, logs that and changes
// nothing. Tells the manager of the beginning and the end.
void reload(struct daemon *daemon);
