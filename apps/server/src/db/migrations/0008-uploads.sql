-- Files that are being sent: `<data dir>/incoming/<id>.part`, whose length says how far they are.
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  filename TEXT NOT NULL,
  name TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size > 0),
  -- How it is to be taken in: `folder`, `format`, `sha256`, `useReserve`.
  wishes TEXT NOT NULL CHECK (json_valid(wishes)),
  state TEXT NOT NULL CHECK (state IN ('receiving', 'importing', 'failed')),
  operation_id TEXT,
  error TEXT CHECK (error IS NULL OR json_valid(error)),
  -- What is on disk for certain, and in which run of the host: after a power failure the rest is sent again.
  synced INTEGER NOT NULL DEFAULT 0,
  boot_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  touched_at TEXT NOT NULL
) STRICT;
