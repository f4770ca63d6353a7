-- Reports by the UTC day on which they were made: an old day is dropped as a table, and a query reads only the days it asks for.
ALTER TABLE issues RENAME TO issues_of_before;
ALTER INDEX issues_pkey RENAME TO issues_of_before_pkey;
DROP INDEX issues_by_time, issues_by_stream, issues_by_viewers_report;

CREATE TABLE issues (
    issue_id                 uuid NOT NULL,
    stream_id                uuid NOT NULL,
    viewer_id                uuid NOT NULL,
    session_id               text NOT NULL,
    report_id                text,               -- the viewer's own name for the report
    issue_type               text NOT NULL,
    severity                 text NOT NULL,
    description              text NOT NULL,
    player                   text,               -- the known members of client_info, for filters and summaries
    browser                  text,
    os                       text,
    network                  text,
    bandwidth_estimate_kbps  bigint,
    client_info              json,               -- all of it. Not jsonb, which refuses U+0000 and lone surrogates
    reported_at              timestamptz NOT NULL,
    stored_at                timestamptz NOT NULL DEFAULT now(),
    stored_in                xid8 NOT NULL DEFAULT pg_current_xact_id(),  -- the order of the operators' feed
    PRIMARY KEY (reported_at, issue_id)
) PARTITION BY RANGE (reported_at);
CREATE INDEX issues_by_stream ON issues (stream_id, reported_at DESC, issue_id DESC) 
    INCLUDE (viewer_id, issue_type, severity, player, browser, os, network, bandwidth_estimate_kbps);  -- all that summaries and judgements read
CREATE INDEX issues_by_storing ON issues (stored_in, issue_id);
CREATE TABLE issues_other PARTITION OF issues DEFAULT;   -- days that no table was made for: clocks that are wrong

-- Names that viewers gave their reports. Apart from the reports, since a unique index over all days is not possible there (S64).
CREATE TABLE report_names (
    stream_id    uuid NOT NULL,
    viewer_id    uuid NOT NULL,
    report_id    text NOT NULL,
    issue_id     uuid NOT NULL,
    reported_at  timestamptz NOT NULL,
    PRIMARY KEY (stream_id, viewer_id, report_id)
);
CREATE INDEX report_names_by_age ON report_names (reported_at);

-- Reports that the database refused, with its reason: one of them must not hold up the others (F12).
CREATE TABLE rejected_issues (
    issue_id     uuid PRIMARY KEY,
    reason       text NOT NULL,
    report       bytea NOT NULL,                 -- JSON as the gateway sent it; it may hold what no text column takes
    rejected_at  timestamptz NOT NULL DEFAULT now()
);

-- Adds the table of one day. What the table of other days has of it moves there.
CREATE FUNCTION add_day(parent text, day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    child  text := parent || to_char(day, '_YYYY_MM_DD');
    first  timestamptz := day::timestamp AT TIME ZONE 'UTC';
    last   timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(child) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', child, parent);
        EXECUTE format(
            'WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            parent || '_other', partition_column(parent), first, partition_column(parent), last, child);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, first, last);
    END IF;
END $$;

CREATE FUNCTION partition_column(parent text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT a.attname FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0] WHERE p.partrelid = parent::regclass
$$;

SELECT add_day('issues', day) FROM (SELECT DISTINCT (reported_at AT TIME ZONE 'UTC')::date AS day FROM issues_of_before) AS days;
INSERT INTO issues (issue_id, stream_id, viewer_id, session_id, report_id, issue_type, severity, description, player, browser, os, network,
                    bandwidth_estimate_kbps, client_info, reported_at, stored_at)
SELECT issue_id, stream_id, viewer_id, session_id, report_id, issue_type, severity, description, player, browser, os, network,
       bandwidth_estimate_kbps, client_info, reported_at, stored_at FROM issues_of_before;
INSERT INTO report_names SELECT stream_id, viewer_id, report_id, issue_id, reported_at FROM issues_of_before WHERE report_id IS NOT NULL;
DROP TABLE issues_of_before;
