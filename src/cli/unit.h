// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What systemd calls our two Postfix instances: units of Postfix's template postfix@.service. That
// of Debian 13 wants what follows /etc/postfix- ("postfix@dual"); earlier ones the name that
// postmulti(1) knows ("postfix@postfix-dual"). name_units() in postfix/setup tells them apart
// alike.
#pragma once

#define UNIT_PREFIX_FOLDER "postfix@"
#define UNIT_PREFIX_NAME   "postfix@postfix-"

// One of these two, before "dual" or "v6": as the template of this host wants it. Asks
// systemctl(1); where that knows nothing, the second.
const char *unit_prefix(void);
