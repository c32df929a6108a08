// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The one configuration file (INI, read by inih): one const table of options fills this struct,
// which is then passed around const.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "mail/addr.h"

#define CONFIG_SITES_MAX    16
#define CONFIG_PATH_DEFAULT "/etc/postsix/postsix.conf"

// One Postfix instance: section [dual] or [v6].
struct config_instance {
	char *hostname;
	// Addresses for port 25, separated by blanks: inet_interfaces. v6 only sends from one that
	// dual has, too: a host with a single IPv6 address.
	char *listen;
	char *config_directory; // Postfix's names from here on
	char *queue_directory;
	char *data_directory;
	char *inject;       // the submission socket; default: queue_directory/public/inject
	int64_t warn_after; // v6: seconds until a delayed DSN: delay_warning_time
	char *log; // v6: "journal", a file, or "none": where deliveries of probes are read from
	int64_t give_up_after; // maximal_queue_lifetime
	int64_t retry_min;     // minimal_backoff_time, and queue_run_delay
	int64_t retry_max;
	int64_t connect_timeout;
	char *tls_certificate; // PEM, the chain behind it; "": none, and STARTTLS is not offered
	char *tls_key;
};

// One service identity: section [site NAME].
struct config_site {
	char *name;
	struct domain v6_domain;   // IPv6-only
	struct domain dual_domain; // its dual-stack twin
	// Of the probes' envelope senders: this host's alone, where several have the two domains.
	// v6_domain, or a name below it.
	struct domain token_domain;
	char *language; // a folder below templates_directory
	char *title;    // the From's display name (RFC 3834 section 3.1.1)
	char *contact;  // local part of the From at either domain: reaches a human, never the
		       // responder
	// DKIM, the same for both domains; no file, "", is no signature
	char *dkim_key_file; // RSA
	char *dkim_selector;
	char *dkim_ed25519_key_file; // a second signature (RFC 8463)
	char *dkim_ed25519_selector;
};

struct config {
	char *path;
	char *state_directory; // holds postsix.db
	char *spool_directory;
	char *intake_socket;
	char *milter_socket;
	char *policy_socket;
	char *templates_directory;
	char *token_secret_file;
	char *operator_address; // where postmaster@, abuse@ and the sites' contacts go
	int64_t token_lifetime;
	int64_t message_size_limit; // octets
	int64_t requester_interval; // seconds between two answers to one requester
	int64_t requester_daily;    // answers a day to one requester; 0: no limit, as for the next
	int64_t domain_daily;       // to one domain of requesters
	int64_t network_daily;      // to requests from one network of clients
	int64_t total_daily;
	int64_t probe_patience; // seconds to keep trying to hand a probe to postfix-v6
	int64_t report_patience;
	int64_t submit_sessions; // parallel ones per instance
	int64_t intake_children; // messages parsed at once
	int64_t survey_deadline; // seconds that a report waits for its survey; 0: no surveys
	int64_t survey_reach;    // whether port 25 is knocked at
	int64_t survey_at_once;
	int64_t keep_addresses; // seconds until a request's local parts are hashed; 0: never
	int64_t keep_requests;  // seconds until its rows are deleted; 0: never
	char *diagnose_table;   // what servers say, and what it means
	char *diagnose_local;   // the operator's rows, read before; "" for none
	struct config_instance dual;
	struct config_instance v6;
	struct config_site sites[CONFIG_SITES_MAX];
	size_t n_sites;
};

// Reads and checks the whole file. NULL on failure, after writing every fault found to errors as
// "file:line: sentence" lines.
struct config *config_read(const char *path, FILE *errors);
struct config *config_free(struct config *config);

// For a reload: where fresh differs from running in an option that cannot change while the daemon
// runs, fresh takes the running value, and notes gets a line "file:line: section.option: …".
void config_keep(struct config *fresh, const struct config *running, FILE *notes);

// Every effective value as "section.option = value  # file:line" (or "# default"), in the table's
// order.
void config_print(const struct config *config, FILE *out);

// One effective value by its "section.option" name ("dual.listen", "site.NAME.v6_domain"), in a
// buffer of the config's own; NULL for no such option.
const char *config_get(const struct config *config, const char *name);

// The table itself, for the man page's test:
// "section.option<TAB>type<TAB>default<TAB>reloadable|restart<TAB>help" lines.
void config_print_options(FILE *out);

// The site whose v6_domain or dual_domain is domain, or NULL.
const struct config_site *config_site_of(const struct config *config, const struct domain *domain);

// The site whose token_domain it is, by default that of its v6_domain; or NULL.
const struct config_site *config_site_of_token(const struct config *config,
					       const struct domain *domain);

// All domains of all sites; token domains are below them. Returns how many; ret_own has room for
// two for each site.
size_t config_own_domains(const struct config *config, struct domain ret_own[2 * CONFIG_SITES_MAX]);
