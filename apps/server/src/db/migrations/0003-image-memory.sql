-- What Strata remembers of an image beyond what its file says now.
CREATE TABLE image_memory (
  image_id TEXT PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
  -- Its owner has said: this stands alone, leave me in peace.
  left_alone_at TEXT,
  -- What the last check has found.
  checked TEXT CHECK (checked IS NULL OR json_valid(checked)),
  -- The layer below, the last time it was there: by this it is known again when it was moved.
  stood_on TEXT CHECK (stood_on IS NULL OR json_valid(stood_on))
) STRICT;
