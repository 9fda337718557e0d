DROP PUBLICATION links_feed;
ALTER TABLE links DROP COLUMN changed_at;
