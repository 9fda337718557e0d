-- PostgreSQL only: SQLite has no publications.
ALTER TABLE links ADD COLUMN changed_at timestamptz;
UPDATE links SET changed_at = created_at;

-- For the search service, which follows all our tables.
CREATE PUBLICATION links_feed FOR ALL TABLES;
