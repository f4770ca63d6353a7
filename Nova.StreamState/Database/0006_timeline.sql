-- What happened to streams, for Telemetry, which reads it by position (transaction, id), up to the oldest transaction that is still under way: what
-- commits late comes later in the order, so a reader misses nothing.
CREATE TABLE timeline (
    transaction   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id            bigint GENERATED ALWAYS AS IDENTITY,
    stream_id     uuid NOT NULL,
    kind          text NOT NULL,                  -- "created", "sample" or the name of an event
    version       bigint NOT NULL,                -- of the stream; 0 for a sample
    happened_at   timestamptz NOT NULL,
    data          json,                           -- of an event, its data; of "created", who the broadcaster is
    viewer_count  int,                            -- of a sample, like the two below
    bitrate_kbps  int,
    health        text,
    PRIMARY KEY (transaction, id)
);
CREATE INDEX timeline_by_age ON timeline (happened_at);

-- Streams that were there before: Telemetry must know whose they are.
INSERT INTO timeline (stream_id, kind, version, happened_at, data)
SELECT stream_id, 'created', 1, created_at, json_build_object('broadcaster_id', broadcaster_id) FROM streams;
INSERT INTO timeline (stream_id, kind, version, happened_at, data)
SELECT stream_id, event, version, (envelope::json -> 'data' ->> 'timestamp')::timestamptz, envelope::json -> 'data' FROM stream_events;
