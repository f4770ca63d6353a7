-- Which replica does a job, and until when.
CREATE TABLE leases (
    job         text PRIMARY KEY,
    holder      uuid NOT NULL,
    renewed_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    unheld      interval                          -- how long nobody had renewed it when it was renewed last
);
