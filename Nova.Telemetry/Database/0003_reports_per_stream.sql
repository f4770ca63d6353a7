-- A report_id is unique per viewer and stream: clients number their reports per session or page (S64).
CREATE UNIQUE INDEX issues_by_viewers_report ON issues (stream_id, viewer_id, report_id) WHERE report_id IS NOT NULL;
DROP INDEX issues_by_report;
