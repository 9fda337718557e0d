CREATE TABLE links (
  code text PRIMARY KEY,
  url text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE INDEX links_by_age ON links (created_at);
