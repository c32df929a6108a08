// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The verbs of postsix(8). Each takes the arguments from its own name on and returns an exit status
// of sysexits.h.
#pragma once

// check [OPTION]… [SITE]: proves the deployment, and says how to mend it.
int verb_check(int argc, char **argv);

// config [-c FILE] [NAME…]: effective values; bare ones for the names given.
int verb_config(int argc, char **argv);

// dkim-key [-c FILE] [--ed25519] [--print] SITE: makes a signing key, prints its DNS records.
int verb_dkim_key(int argc, char **argv);

// dns [-c FILE] [--zone] [SITE]: the DNS records to publish.
int verb_dns(int argc, char **argv);

// explain [--json] [FILE…]: why mail came back, of bounces from anywhere.
int verb_explain(int argc, char **argv);

// setup [OPTION]…: makes the host a postsix, or no longer one.
int verb_setup(int argc, char **argv);

// survey [OPTION]… [DOMAIN…]: what the DNS and the mail servers of domains say of IPv6.
int verb_survey(int argc, char **argv);

// Those that ask the database, which they never write: export, list, metrics, show, stats, status.
int verb_export(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_metrics(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_stats(int argc, char **argv);
int verb_status(int argc, char **argv);
