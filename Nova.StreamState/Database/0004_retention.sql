-- What is past its time is found without reading the rest.
CREATE INDEX streams_by_end ON streams (ended_at) WHERE status = 'ended';
CREATE INDEX removed_viewers_by_end ON removed_viewers (until);
