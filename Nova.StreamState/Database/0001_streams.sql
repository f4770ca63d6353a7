-- A stream is one broadcast: scheduled, active, ended. Enums are stored by their wire names.
CREATE TABLE streams (
    stream_id          uuid PRIMARY KEY,
    version            bigint NOT NULL,           -- +1 with every change; each change has exactly one event
    broadcaster_id     text NOT NULL,
    broadcaster_name   text NOT NULL,
    title              text NOT NULL,
    description        text NOT NULL,
    visibility         text NOT NULL,
    status             text NOT NULL,
    quality            text,                      -- null until started, like fps and bitrate_kbps
    fps                int,
    bitrate_kbps       int,
    max_bitrate_kbps   int,                       -- as the broadcaster gave it; null: by quality
    highest_rung_kbps  int,                       -- for quality auto without a given maximum
    created_at         timestamptz NOT NULL,
    started_at         timestamptz,
    ended_at           timestamptz,
    last_event_at      timestamptz NOT NULL,      -- event times never go back within a stream
    end_reason         text,
    peak_viewers       int NOT NULL DEFAULT 0,    -- while active: as last seen in Redis
    viewer_count       int NOT NULL DEFAULT 0     -- while active: as last seen in Redis; then the final count
);
CREATE INDEX streams_by_creation ON streams (created_at DESC, stream_id DESC);
CREATE INDEX streams_by_broadcaster ON streams (broadcaster_id, created_at DESC, stream_id DESC);
CREATE INDEX streams_active ON streams (stream_id) WHERE status = 'active';

-- The newest event of each name, as viewers got it: what a late joiner is told.
CREATE TABLE stream_events (
    stream_id  uuid NOT NULL REFERENCES streams,
    event      text NOT NULL,
    version    bigint NOT NULL,
    envelope   text NOT NULL,
    PRIMARY KEY (stream_id, event)
);

-- Events on their way to Redis. Written with the change they tell of, deleted when Redis has them.
CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition     smallint NOT NULL,
    stream_id     uuid NOT NULL,
    version       bigint NOT NULL,                -- 0: no state, no order to keep
    event         text NOT NULL,
    happened_at   timestamptz NOT NULL,
    trace_parent  text NOT NULL,
    envelope      text NOT NULL
);
CREATE INDEX outbox_by_partition ON outbox (partition, id);

-- Signs of life and measurements of broadcasts that are on. Apart from streams, since it changes every second.
CREATE TABLE ingest (
    stream_id        uuid PRIMARY KEY REFERENCES streams,
    last_signal_at   timestamptz NOT NULL,
    watched          boolean NOT NULL DEFAULT false,  -- a heartbeat was seen: silence is a lost connection
    lost_at          timestamptz,
    bitrate_kbps     int,
    bitrate_at       timestamptz,
    bitrate_sent_at  timestamptz
) WITH (fillfactor = 70);

-- Answers to POSTs that carried an Idempotency-Key, written with the change they answer.
CREATE TABLE idempotency_keys (
    subject      text NOT NULL,
    key          text NOT NULL,
    fingerprint  bytea NOT NULL,                  -- SHA-256 of method, path and body
    status       int NOT NULL,
    stream_id    uuid NOT NULL,
    version      bigint NOT NULL,
    body         text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
