-- Expands only: code built against 0001 neither reads nor writes the column, so both run on this schema.
ALTER TABLE links ADD COLUMN hits integer NOT NULL DEFAULT 0;
