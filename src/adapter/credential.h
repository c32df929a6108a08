// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Secrets that the service manager hands over (LoadCredential= in systemd.exec(5)): copies that
// only this process can see, of files that only root can read.
#pragma once

#include <limits.h>
#include <stdbool.h>

// Where to read the secret that the configuration says is at path: the credential of its last name
// ("token.secret"), or of its last two joined as systemd names those of a folder ("keys_one.rsa"
// for /etc/postsix/keys/one.rsa), where there is one; else path itself. The answer is path or dst.
const char *credential_place(const char *path, char dst[PATH_MAX]);

// True where the secret is read from a credential and the file at path was changed after the
// credential was made. The manager makes them at the start alone, so only a restart brings the
// change.
bool credential_is_stale(const char *path);
