-- Signs of life and bitrates are in Redis. Here is what must outlive it: that a broadcast is on and watched, that its broadcaster is lost, and when a
-- change of its state or, while Redis was away, a sign of life came.
ALTER TABLE ingest DROP COLUMN bitrate_kbps, DROP COLUMN bitrate_at, DROP COLUMN bitrate_sent_at;
CREATE INDEX ingest_lost ON ingest (lost_at) WHERE lost_at IS NOT NULL;
CREATE INDEX ingest_unwatched ON ingest (last_signal_at) WHERE NOT watched;
