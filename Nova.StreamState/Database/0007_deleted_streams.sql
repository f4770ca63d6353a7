-- Ids of streams that were deleted before they started. An id names one stream for ever: caches, reports and events of the old one may still be about.
CREATE TABLE deleted_streams (
    stream_id   uuid PRIMARY KEY,
    deleted_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX deleted_streams_by_age ON deleted_streams (deleted_at);
