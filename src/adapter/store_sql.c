// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The tables, and what is asked of them. Times are seconds since 1970; a text that is not known is
// ''. A script that was released is never changed: the next version is a new one below it.

#include "adapter/store_sql.h"

static const char version_1[] =
	// every message to test@: what it was and what was decided about it
	"CREATE TABLE request ("
	"  id INTEGER PRIMARY KEY,"
	"  entry TEXT NOT NULL UNIQUE," // the spool file's name: recognises a repeat
	"  arrived INTEGER NOT NULL,"
	"  decision TEXT NOT NULL," // 'answer', or the row of mail/refuse.c or the limit that
				    // refused it
	"  site TEXT NOT NULL,"
	"  requester TEXT NOT NULL COLLATE NOCASE,"
	"  instance TEXT NOT NULL,"
	"  queue_id TEXT NOT NULL,"
	"  recipient TEXT NOT NULL,"
	"  client_address TEXT NOT NULL,"
	"  client_hostname TEXT NOT NULL,"
	"  client_helo TEXT NOT NULL,"
	"  client_protocol TEXT NOT NULL,"
	"  size INTEGER NOT NULL,"
	"  message_id TEXT NOT NULL,"
	"  \"references\" TEXT NOT NULL,"
	"  in_reply_to TEXT NOT NULL,"
	"  subject TEXT NOT NULL,"
	"  date INTEGER NOT NULL," // by its own Date and oldest Received field; 0 for none
	"  first_received INTEGER NOT NULL,"
	"  hops INTEGER NOT NULL,"       // Received fields
	"  trace TEXT NOT NULL,"         // the milter's field where it is believed
	"  authenticated TEXT NOT NULL," // 'dkim', 'mx': the requester's domain vouches for it
	"  fingerprint TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX request_requester ON request (requester, arrived) WHERE decision = 'answer';"
	"CREATE INDEX request_fingerprint ON request (fingerprint, arrived) WHERE decision = "
	"'answer';"

	// every message of ours; the id is the request's with the kind in its low four bits
	"CREATE TABLE message ("
	"  id INTEGER PRIMARY KEY,"
	"  request INTEGER NOT NULL REFERENCES request,"
	"  kind TEXT NOT NULL,"     // 'report', 'six', 'delay', 'bounce'
	"  instance TEXT NOT NULL," // 'dual' or 'v6': by which it is sent
	"  state TEXT NOT NULL,"    // 'queued', 'sending', 'sent', 'given-up'
	"  created INTEGER NOT NULL,"
	"  due INTEGER NOT NULL,"
	"  attempts INTEGER NOT NULL DEFAULT 0,"
	"  queue_id TEXT NOT NULL DEFAULT '',"
	"  reply TEXT NOT NULL DEFAULT ''," // our instance's last words about it
	"  sent INTEGER,"
	"  dsn INTEGER REFERENCES dsn," // the notification that it tells of
	"  outcome TEXT," // of a probe: 'pending', 'accepted', 'delayed', 'failed', 'unknown'
	"  outcome_at INTEGER,"
	"  outcome_dsn INTEGER REFERENCES dsn,"
	"  accepted_at INTEGER" // kept when an acceptance turns into a failure
	") STRICT;"
	"CREATE INDEX message_due ON message (instance, due) WHERE state = 'queued';"
	"CREATE INDEX message_sending ON message (id) WHERE state = 'sending';"
	"CREATE INDEX message_silent ON message (sent) WHERE outcome IN ('pending', 'delayed') AND "
	"state = 'sent';"

	// every message to a token address: mostly notifications about probes
	"CREATE TABLE dsn ("
	"  id INTEGER PRIMARY KEY,"
	"  entry TEXT NOT NULL UNIQUE,"
	"  arrived INTEGER NOT NULL,"
	"  decision TEXT NOT NULL," // 'used', or why it was ignored
	"  message INTEGER REFERENCES message,"
	"  sender TEXT NOT NULL,"
	"  client_address TEXT NOT NULL,"
	"  action TEXT NOT NULL,"
	"  status TEXT NOT NULL,"
	"  final_recipient TEXT NOT NULL,"
	"  reporting_mta TEXT NOT NULL,"
	"  remote_mta TEXT NOT NULL,"
	"  diagnostic TEXT NOT NULL,"
	"  class TEXT NOT NULL,"
	"  last_attempt TEXT NOT NULL,"
	"  will_retry_until TEXT NOT NULL,"
	"  report_text TEXT NOT NULL,"
	"  status_part TEXT NOT NULL,"
	"  returned TEXT NOT NULL"
	") STRICT;";

// What limits count by. Requests from before have their address alone: who was near a limit of a
// domain or network at the upgrade begins anew.
static const char version_2[] =
	"ALTER TABLE request ADD COLUMN mailbox TEXT NOT NULL DEFAULT '';" // see daemon/limits.h
	"ALTER TABLE request ADD COLUMN domain TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE request ADD COLUMN network TEXT NOT NULL DEFAULT '';"
	"UPDATE request SET mailbox = lower(requester) WHERE decision = 'answer';"
	"DROP INDEX request_requester;"
	"CREATE INDEX request_mailbox ON request (mailbox, arrived) WHERE decision = 'answer';"
	"CREATE INDEX request_answered ON request (arrived) WHERE decision = 'answer';"
	"CREATE INDEX message_failed ON message (created) WHERE outcome = 'failed';";

// What the DNS and the mail servers of a requester's domain said.
static const char version_3[] = "CREATE TABLE survey ("
				"  request INTEGER PRIMARY KEY REFERENCES request,"
				"  made INTEGER NOT NULL,"
				"  json TEXT NOT NULL" // adapter/survey_json.h
				") STRICT;";

// What the instances' logs say of each attempt to deliver a probe; what is kept for how long.
static const char version_4[] =
	"CREATE TABLE attempt ("
	"  id INTEGER PRIMARY KEY,"
	"  message INTEGER NOT NULL REFERENCES message,"
	"  at INTEGER NOT NULL," // by the log
	"  recorded INTEGER NOT NULL,"
	"  relay TEXT NOT NULL,"  // 'mx.example[2001:db8::1]:25', or '' for none
	"  result TEXT NOT NULL," // 'deferred', 'bounced', 'sent'
	"  status TEXT NOT NULL,"
	"  reason TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX attempt_message ON attempt (message);"
	"CREATE TABLE cursor (log TEXT PRIMARY KEY, place TEXT NOT NULL) STRICT;" // how far it is
										  // read
	"CREATE INDEX message_queue_id ON message (queue_id) WHERE outcome IS NOT NULL;"
	"CREATE INDEX message_dsn ON message (dsn) WHERE dsn IS NOT NULL;"
	"CREATE INDEX message_outcome_dsn ON message (outcome_dsn) WHERE outcome_dsn IS NOT NULL;"
	"CREATE INDEX dsn_message ON dsn (message);"
	"CREATE INDEX dsn_arrived ON dsn (arrived);"
	"CREATE INDEX request_arrived ON request (arrived);"
	// 1: its local parts are hashed
	"ALTER TABLE request ADD COLUMN aged INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE dsn ADD COLUMN aged INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX request_young ON request (arrived) WHERE aged = 0;"
	"CREATE INDEX dsn_young ON dsn (arrived) WHERE aged = 0;"
	// what was counted in rows that are deleted: counters never go back
	"CREATE TABLE forgotten (name TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT;";

const char *const store_migrations[] = {version_1, version_2, version_3, version_4};
const size_t n_store_migrations = sizeof(store_migrations) / sizeof(store_migrations[0]);

// Whatever its age: nothing is to be sent for the request, and nothing to be heard.
#define IS_OVER                                                                                    \
	" AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id > request.id"                         \
	" AND m.id <= request.id + 15 AND (m.state IN ('queued', 'sending')"                       \
	" OR m.outcome IN ('pending', 'delayed')))"

const char *const store_queries[N_QUERIES] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[ADD_REQUEST] =
		"INSERT INTO request (id, entry, arrived, decision, site, requester, instance,"
		" queue_id, recipient, client_address, client_hostname, client_helo, "
		"client_protocol,"
		" size, message_id, \"references\", in_reply_to, subject, date, first_received,"
		" hops, trace, authenticated, fingerprint, mailbox, domain, network)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[HAS_ENTRY] = "SELECT 1 FROM request WHERE entry = ?1"
		      " UNION ALL SELECT 1 FROM dsn WHERE entry = ?1",
	[COUNT_ANSWERS] = "SELECT count(*) FROM request WHERE decision = 'answer' AND mailbox = ?"
			  " AND arrived > ? AND arrived <= ?",
	[EACH_ANSWER] =
		"SELECT mailbox, domain, network, arrived FROM request"
		" WHERE decision = 'answer' AND arrived > ? AND arrived <= ? ORDER BY arrived",
	[EACH_FAILED] = "SELECT id FROM message WHERE outcome = 'failed' AND created > ?",
	[HAS_FINGERPRINT] = "SELECT 1 FROM request"
			    " WHERE fingerprint = ? AND arrived > ? AND decision = 'answer'",
	// a bounce waits where the report does
	[ADD_MAIL] = "INSERT INTO message (id, request, kind, instance, state, created, due, "
		     "outcome, dsn)"
		     " VALUES (?1, ?2, ?3, ?4, 'queued', ?5, max(?6, CASE ?3 WHEN 'bounce' THEN"
		     " ifnull((SELECT due FROM message WHERE id = ?9 AND state = 'queued'"
		     " AND attempts = 0), ?6) ELSE ?6 END), nullif(?7, ''), nullif(?8, 0))",
	[ADD_SURVEY] = "INSERT OR IGNORE INTO survey (request, made, json) VALUES (?, ?, ?)",
	[ADD_DSN] = "INSERT INTO dsn (entry, arrived, decision, message, sender, client_address, "
		    "action,"
		    " status, final_recipient, reporting_mta, remote_mta, diagnostic, class,"
		    " last_attempt, will_retry_until, report_text, status_part, returned)"
		    " VALUES (?,?,?,nullif(?,0),?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[FIND_PROBE] = "SELECT outcome, requester FROM message JOIN request ON request.id = request"
		       " WHERE message.id = ? AND outcome IS NOT NULL AND aged = 0",
	[SET_OUTCOME] =
		"UPDATE message SET outcome = ?2, outcome_at = ?3, outcome_dsn = nullif(?4, 0),"
		" accepted_at = CASE ?2 WHEN 'accepted' THEN ?3 ELSE accepted_at END"
		" WHERE id = ?1",
	[CLAIM] = "UPDATE message SET state = 'sending', attempts = attempts + 1 WHERE id ="
		  " (SELECT id FROM message WHERE state = 'queued' AND instance = ? AND due <= ?"
		  "  ORDER BY due LIMIT 1) RETURNING id",
	// the texts after the first eight columns stand in the order of struct store_mail
	[LOAD_MAIL] =
		"SELECT m.kind, m.created, m.attempts, p.accepted_at IS NOT NULL, r.arrived,"
		" r.date, r.first_received, r.hops,"
		" r.site, r.requester, r.instance, r.recipient, r.client_address, "
		"r.client_hostname,"
		" r.client_helo, r.client_protocol, r.message_id, r.\"references\", r.in_reply_to,"
		" r.subject, r.trace, d.action, d.status, d.final_recipient, d.reporting_mta, "
		"d.remote_mta,"
		" d.diagnostic, d.class, d.last_attempt, d.will_retry_until, d.report_text,"
		" d.status_part, d.returned, s.json,"
		// of the six probe, as far as they were known when this message was made
		" (SELECT group_concat(at || char(9) || relay || char(9) || status || char(9) ||"
		"  reason, char(10)) FROM (SELECT * FROM attempt a WHERE a.message = m.request + 2"
		"  AND a.recorded <= m.created ORDER BY a.id LIMIT 50))"
		" FROM message m JOIN request r ON r.id = m.request LEFT JOIN dsn d ON d.id = m.dsn"
		" LEFT JOIN message p ON p.id = d.message LEFT JOIN survey s ON s.request = "
		"m.request"
		" WHERE m.id = ?",
	[MAIL_SENT] = "UPDATE message SET state = 'sent', sent = ?2, queue_id = ?3, reply = ''"
		      " WHERE id = ?1",
	[MAIL_RETRY] = "UPDATE message SET state = 'queued', due = ?2, reply = ?3 WHERE id = ?1",
	[MAIL_GIVEN_UP] =
		"UPDATE message SET state = 'given-up', sent = ?2, reply = ?3 WHERE id = ?1",
	[WAIT_NO_MORE] = "UPDATE message SET due = ?2 WHERE id > ?1 AND id <= ?1 + 15"
			 " AND state = 'queued' AND attempts = 0 AND due > ?2",
	[WAIT_UNTIL] = "UPDATE message SET due = max(?2, ifnull((SELECT due FROM message"
		       " WHERE id = ?3 AND state = 'queued' AND attempts = 0), ?2))"
		       " WHERE id = ?1 AND state = 'queued' AND attempts = 0",
	[REQUEUE] = "UPDATE message SET state = 'queued', due = ? WHERE state = 'sending'",
	[BRING_FORWARD] =
		"UPDATE message SET due = ?2 WHERE state = 'queued' AND instance = ?1 AND due > ?3",
	[NEXT_DUE] =
		"SELECT ifnull(min(due), 9223372036854775807) FROM message WHERE state = 'queued'",
	[COUNT_QUEUED] = "SELECT count(*) FROM message WHERE state = 'queued'",
	[COUNT_PENDING] = "SELECT count(*) FROM message"
			  " WHERE outcome IN ('pending', 'delayed') AND state = 'sent'",
	[FIND_STALE] = "SELECT id FROM message WHERE state = 'queued' AND instance = ?"
		       " AND (created < ? OR created > ?) AND attempts > 0 LIMIT 1",
	[FIND_SILENT] = "SELECT id FROM message WHERE outcome IN ('pending', 'delayed')"
			" AND state = 'sent' AND (sent < ? OR sent > ?) LIMIT 1",
	[FIND_QUEUE_ID] = "SELECT id FROM message WHERE queue_id = ? AND outcome IS NOT NULL"
			  " AND instance = ? LIMIT 1",
	[ADD_ATTEMPT] = "INSERT INTO attempt (message, at, recorded, relay, result, status, reason)"
			" VALUES (?,?,?,?,?,?,?)",
	[COUNT_ATTEMPTS] = "SELECT count(*) FROM attempt WHERE message = ?",
	[SET_CURSOR] = "INSERT INTO cursor (log, place) VALUES (?1, ?2)"
		       " ON CONFLICT (log) DO UPDATE SET place = ?2",
	[GET_CURSOR] = "SELECT place FROM cursor WHERE log = ?",

	[OLD_REQUESTS] =
		"SELECT id, requester, recipient, client_hostname, client_helo, trace"
		" FROM request WHERE aged = 0 AND arrived < ?" IS_OVER " ORDER BY arrived LIMIT ?",
	[AGE_REQUEST] = "UPDATE request SET aged = 1, requester = ?2, mailbox = '', recipient = ?3,"
			" client_hostname = ?4, client_helo = ?5, trace = ?6, message_id = '',"
			" \"references\" = '', in_reply_to = '', subject = '', fingerprint = ''"
			" WHERE id = ?1",
	[CLEAR_REPLIES] = "UPDATE message SET reply = '' WHERE id > ?1 AND id <= ?1 + 15"
			  " AND reply <> ''",
	[EACH_REASON] = "SELECT id, reason FROM attempt WHERE message > ?1 AND message <= ?1 + 15",
	[SET_REASON] = "UPDATE attempt SET reason = ?2 WHERE id = ?1",
	[REQUEST_DSNS] = "SELECT id, sender, final_recipient, diagnostic FROM dsn"
			 " WHERE message > ?1 AND message <= ?1 + 15 AND aged = 0",
	[OLD_DSNS] = "SELECT id, sender, final_recipient, diagnostic FROM dsn"
		     " WHERE aged = 0 AND message IS NULL AND arrived < ? ORDER BY arrived LIMIT ?",
	[AGE_DSN] = "UPDATE dsn SET aged = 1, sender = ?2, final_recipient = ?3, diagnostic = ?4,"
		    " report_text = '', status_part = '', returned = '' WHERE id = ?1",
	[GONE_REQUESTS] =
		"SELECT id FROM request WHERE arrived < ?" IS_OVER " ORDER BY arrived LIMIT ?",
	[GONE_DSNS] = "SELECT id FROM dsn WHERE arrived < ? AND message IS NULL"
		      " ORDER BY arrived LIMIT ?",
	// the names are history_sql.c's, COUNTERS
	[FORGET_COUNTS] = "INSERT INTO forgotten (name, count)"
			  " SELECT 'request ' || decision, 1 FROM request WHERE id = ?1"
			  " UNION ALL SELECT 'message ' || kind || ' ' || state, 1 FROM message"
			  "  WHERE id > ?1 AND id <= ?1 + 15"
			  " UNION ALL SELECT 'outcome ' || outcome, 1 FROM message"
			  "  WHERE id > ?1 AND id <= ?1 + 15 AND outcome IS NOT NULL"
			  " UNION ALL SELECT 'failure ' || class, 1 FROM message m"
			  "  JOIN dsn d ON d.id = m.outcome_dsn"
			  "  WHERE m.id > ?1 AND m.id <= ?1 + 15 AND m.outcome = 'failed'"
			  " UNION ALL SELECT 'notification ' || decision, 1 FROM dsn"
			  "  WHERE message > ?1 AND message <= ?1 + 15"
			  " UNION ALL SELECT 'attempt ' || result, 1 FROM attempt"
			  "  WHERE message > ?1 AND message <= ?1 + 15"
			  " UNION ALL SELECT 'survey', 1 FROM survey WHERE request = ?1"
			  " ON CONFLICT (name) DO UPDATE SET count = count + 1",
	[FORGET_SURVEY] = "DELETE FROM survey WHERE request = ?1",
	[FORGET_ATTEMPTS] = "DELETE FROM attempt WHERE message > ?1 AND message <= ?1 + 15",
	[UNLINK_DSNS] = "UPDATE message SET dsn = NULL, outcome_dsn = NULL"
			" WHERE id > ?1 AND id <= ?1 + 15",
	[FORGET_DSNS] = "DELETE FROM dsn WHERE message > ?1 AND message <= ?1 + 15",
	[FORGET_MAIL] = "DELETE FROM message WHERE id > ?1 AND id <= ?1 + 15",
	[FORGET_REQUEST] = "DELETE FROM request WHERE id = ?1",
	[COUNT_DSN] = "INSERT INTO forgotten (name, count)"
		      " SELECT 'notification ' || decision, 1 FROM dsn WHERE id = ?1"
		      " ON CONFLICT (name) DO UPDATE SET count = count + 1",
	[FORGET_DSN] = "DELETE FROM dsn WHERE id = ?1",
};
