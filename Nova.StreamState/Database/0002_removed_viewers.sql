-- Viewers whom a publisher removed from a stream, and until when gateways keep them out.
CREATE TABLE removed_viewers (
    stream_id  uuid NOT NULL REFERENCES streams,
    viewer_id  uuid NOT NULL,
    until      timestamptz NOT NULL,
    PRIMARY KEY (stream_id, viewer_id)
);
