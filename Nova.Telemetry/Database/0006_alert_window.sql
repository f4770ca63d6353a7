-- Rates of an alert are of the window it was judged by, and no longer of a minute: of an alert that is there, a minute is its window.
ALTER TABLE quality_alerts ADD COLUMN window_seconds double precision NOT NULL DEFAULT 60;
ALTER TABLE quality_alerts ALTER COLUMN window_seconds DROP DEFAULT;
