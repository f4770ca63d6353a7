-- What happened to the streams, as StreamState has told. Repeats are harmless: an entry is known by stream, time, kind and version.
CREATE TABLE streams (
    stream_id       uuid PRIMARY KEY,
    broadcaster_id  text NOT NULL,
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    ended_at        timestamptz
);
CREATE INDEX streams_by_age ON streams (created_at);

CREATE TABLE timeline (
    stream_id     uuid NOT NULL,
    happened_at   timestamptz NOT NULL,
    kind          text NOT NULL,                  -- "sample" or the name of an event
    version       bigint NOT NULL,                -- of the stream; 0 for a sample
    data          json,                           -- of an event, its data
    viewer_count  int,                            -- of a sample, like the two below
    bitrate_kbps  int,
    health        text,
    PRIMARY KEY (stream_id, happened_at, kind, version)
) PARTITION BY RANGE (happened_at);
CREATE TABLE timeline_other PARTITION OF timeline DEFAULT;

CREATE TABLE timeline_position (
    source    text PRIMARY KEY,
    position  text NOT NULL
);

-- Changes of streams that hurt their viewers. A change is judged once for each type of issue, so that an alert does not come back for it.
CREATE TABLE quality_alerts (
    alert_id       uuid PRIMARY KEY,
    stream_id      uuid NOT NULL,
    change_at      timestamptz NOT NULL,
    change_kind    text NOT NULL,
    issue_type     text NOT NULL,
    summary        text NOT NULL,                 -- in words
    lift           double precision,              -- null where nobody reported before
    lift_low       double precision NOT NULL,
    lift_high      double precision,              -- null: without bound
    p_value        double precision NOT NULL,
    viewers        int NOT NULL,                  -- who reported it after the change
    audience       int NOT NULL,
    rate_before    double precision NOT NULL,     -- reporting viewers per 1,000 viewers and minute
    rate_after     double precision NOT NULL,
    raised_at      timestamptz NOT NULL,
    calm_since     timestamptz,
    cleared_at     timestamptz,
    raised_in      xid8 NOT NULL DEFAULT pg_current_xact_id(),
    cleared_in     xid8,
    UNIQUE (stream_id, change_at, change_kind, issue_type)
);
CREATE INDEX quality_alerts_by_time ON quality_alerts (raised_at DESC, alert_id DESC);
CREATE INDEX quality_alerts_open ON quality_alerts (stream_id) WHERE cleared_at IS NULL;
