-- What is served to other programs by a storage daemon of its own. A pinned one outlives the server.
CREATE TABLE exports (
  id TEXT PRIMARY KEY,
  image_id TEXT NOT NULL,
  settings TEXT NOT NULL CHECK (json_valid(settings)),
  pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),
  started_at TEXT NOT NULL
) STRICT;
