// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What is asked of the database by people. The tables are store_sql.c's; nothing here writes one.

#include "adapter/history_sql.h"

// The probe of a request, and the notification that gave it its outcome. Its id is the request's
// with KIND_SIX in the low bits.
#define WITH_PROBE                                                                                 \
	" FROM request r LEFT JOIN message p ON p.id = r.id + 2"                                   \
	" LEFT JOIN dsn d ON d.id = p.outcome_dsn "

const char *const history_queries[HISTORY_QUERIES] = {
	[HISTORY_IDS] = "SELECT r.id" WITH_PROBE
			"WHERE r.arrived >= :since AND (:until = 0 OR r.arrived < :until)"
			" AND (:site IS NULL OR r.site = :site)"
			" AND (:decision IS NULL OR r.decision = :decision)"
			" AND (:outcome IS NULL OR p.outcome = :outcome)"
			" AND (:class IS NULL OR (d.class = :class AND p.outcome = 'failed'))"
			" AND (:requester IS NULL OR r.requester = :requester)"
			" ORDER BY r.arrived DESC, r.id DESC"
			" LIMIT CASE :limit WHEN 0 THEN -1 ELSE :limit END",
	[HISTORY_REQUEST] = "SELECT * FROM request WHERE id = :id",
	[HISTORY_LINE] = "SELECT r.id, r.arrived, r.site, r.decision, r.requester, r.aged,"
			 " r.client_address, p.outcome,"
			 " CASE p.outcome WHEN 'failed' THEN d.class WHEN 'delayed' THEN d.class "
			 "END AS class,"
			 " d.status, d.remote_mta" WITH_PROBE "WHERE r.id = :id",
	[HISTORY_MAILS] = "SELECT * FROM message WHERE id > :id AND id <= :id + 15 ORDER BY id",
	[HISTORY_DSNS] =
		"SELECT * FROM dsn WHERE message > :id AND message <= :id + 15 ORDER BY id",
	[HISTORY_ATTEMPTS] =
		"SELECT * FROM attempt WHERE message > :id AND message <= :id + 15 ORDER BY id",
	[HISTORY_SURVEY] = "SELECT made, json FROM survey WHERE request = :id",
	[HISTORY_PROBE] = "SELECT r.client_address, r.recipient, r.site, p.outcome, p.state,"
			  " p.outcome_dsn, p.accepted_at, d.class, d.status, d.diagnostic,"
			  " d.remote_mta, d.reporting_mta, d.report_text,"
			  " (SELECT json FROM survey s WHERE s.request = r.id) AS survey" WITH_PROBE
			  "WHERE r.id = :id",
	// forgotten has the same names, of rows that were deleted
	[HISTORY_COUNTS] =
		"SELECT name, sum(count) AS count FROM ("
		" SELECT 'request ' || decision AS name, count(*) AS count FROM request GROUP BY 1"
		" UNION ALL SELECT 'message ' || kind || ' ' || state, count(*) FROM message GROUP "
		"BY 1"
		" UNION ALL SELECT 'outcome ' || outcome, count(*) FROM message"
		"  WHERE outcome IS NOT NULL GROUP BY 1"
		" UNION ALL SELECT 'failure ' || class, count(*) FROM message m"
		"  JOIN dsn d ON d.id = m.outcome_dsn WHERE m.outcome = 'failed' GROUP BY 1"
		" UNION ALL SELECT 'notification ' || decision, count(*) FROM dsn GROUP BY 1"
		" UNION ALL SELECT 'attempt ' || result, count(*) FROM attempt GROUP BY 1"
		" UNION ALL SELECT 'survey', count(*) FROM survey"
		" UNION ALL SELECT name, count FROM forgotten"
		") WHERE name IS NOT NULL GROUP BY name ORDER BY name",
	[HISTORY_WAITING] = "SELECT instance, count(*) AS count, min(created) AS oldest"
			    " FROM message WHERE state IN ('queued', 'sending')"
			    " GROUP BY instance ORDER BY instance",
	[HISTORY_LATEST] = "SELECT max(arrived) AS arrived, count(*) AS count FROM request",
	[HISTORY_SINCE] = "SELECT count(*) AS requests,"
			  " count(*) FILTER (WHERE decision = 'answer') AS answered FROM request"
			  " WHERE arrived >= :since",
	[HISTORY_BUSIEST] =
		"SELECT * FROM (SELECT 'requester_daily' AS name, mailbox AS value, count(*) AS "
		"count"
		"  FROM request WHERE decision = 'answer' AND arrived >= :since AND mailbox <> ''"
		"  GROUP BY mailbox ORDER BY 3 DESC LIMIT 1)"
		" UNION ALL SELECT * FROM (SELECT 'domain_daily', domain, count(*)"
		"  FROM request WHERE decision = 'answer' AND arrived >= :since AND domain <> ''"
		"  GROUP BY domain ORDER BY 3 DESC LIMIT 1)"
		" UNION ALL SELECT * FROM (SELECT 'network_daily', network, count(*)"
		"  FROM request WHERE decision = 'answer' AND arrived >= :since AND network <> ''"
		"  GROUP BY network ORDER BY 3 DESC LIMIT 1)"
		" UNION ALL SELECT 'total_daily', '', count(*)"
		"  FROM request WHERE decision = 'answer' AND arrived >= :since",
};
