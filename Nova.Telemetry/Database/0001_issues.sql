-- Viewers' issue reports. Text is stored as it came; enums by their wire names.
CREATE TABLE issues (
    issue_id                 uuid PRIMARY KEY,
    stream_id                uuid NOT NULL,
    viewer_id                uuid NOT NULL,
    session_id               text NOT NULL,
    report_id                text,               -- the viewer's own name for the report, unique per viewer
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
    stored_at                timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX issues_by_report ON issues (viewer_id, report_id) WHERE report_id IS NOT NULL;
CREATE INDEX issues_by_time ON issues (reported_at DESC, issue_id DESC);
CREATE INDEX issues_by_stream ON issues (stream_id, reported_at DESC, issue_id DESC);
