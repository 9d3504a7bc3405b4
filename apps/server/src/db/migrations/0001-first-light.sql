-- Sizes are bytes. Times are ISO 8601 UTC. JSON columns hold what the contract or an executor defines.

CREATE TABLE folders (
  id TEXT PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),
  created_at TEXT NOT NULL
) STRICT;

-- What was read of a file the last time. Identity on disk: device, inode, size, mtime.
CREATE TABLE images (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  path TEXT NOT NULL UNIQUE,
  format TEXT NOT NULL,
  -- The format a raw image was given by its owner stays what it is: never probed again (security.md, IMG-05).
  format_fixed INTEGER NOT NULL DEFAULT 0 CHECK (format_fixed IN (0, 1)),
  device TEXT NOT NULL,
  inode TEXT NOT NULL,
  file_size INTEGER NOT NULL,
  mtime_ns TEXT NOT NULL,
  present INTEGER NOT NULL DEFAULT 1 CHECK (present IN (0, 1)),
  facts TEXT NOT NULL CHECK (json_valid(facts)),
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE trash (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  original_path TEXT NOT NULL,
  trash_path TEXT NOT NULL UNIQUE,
  bytes INTEGER NOT NULL,
  image TEXT NOT NULL CHECK (json_valid(image)),
  deleted_at TEXT NOT NULL
) STRICT;

CREATE TABLE vms (
  id TEXT PRIMARY KEY,
  uuid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  -- The definition without its disks, as the contract's schema has it.
  definition TEXT NOT NULL CHECK (json_valid(definition)),
  current_snapshot_id TEXT REFERENCES snapshots (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
  -- The process: who it is (boot id, pid, start time) and what it was started with; null when there is none.
  process TEXT CHECK (process IS NULL OR json_valid(process)),
  last_failure TEXT CHECK (last_failure IS NULL OR json_valid(last_failure)),
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE vm_disks (
  id TEXT PRIMARY KEY,
  vm_id TEXT NOT NULL REFERENCES vms (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  image_id TEXT NOT NULL REFERENCES images (id),
  settings TEXT NOT NULL CHECK (json_valid(settings)),
  UNIQUE (vm_id, position)
) STRICT;
CREATE INDEX vm_disks_by_image ON vm_disks (image_id);

CREATE TABLE snapshots (
  id TEXT PRIMARY KEY,
  vm_id TEXT NOT NULL REFERENCES vms (id) ON DELETE CASCADE,
  parent_id TEXT REFERENCES snapshots (id) ON DELETE SET NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  kind TEXT NOT NULL CHECK (kind IN ('external', 'internal')),
  memory INTEGER NOT NULL CHECK (memory IN (0, 1)),
  consistency TEXT NOT NULL CHECK (consistency IN ('crash', 'frozen', 'memory')),
  vm_was_off INTEGER NOT NULL DEFAULT 0 CHECK (vm_was_off IN (0, 1)),
  pause_ms REAL,
  screenshot TEXT,
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX snapshots_by_vm ON snapshots (vm_id);

CREATE TABLE snapshot_disks (
  snapshot_id TEXT NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
  disk_id TEXT NOT NULL,
  image_id TEXT NOT NULL REFERENCES images (id),
  internal_tag TEXT,
  PRIMARY KEY (snapshot_id, disk_id)
) STRICT;
CREATE INDEX snapshot_disks_by_image ON snapshot_disks (image_id);

CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('queued', 'running', 'paused', 'finishing', 'done', 'failed', 'cancelled')),
  request TEXT NOT NULL CHECK (json_valid(request)),
  -- The executor's own memory, written before each action it describes.
  journal TEXT NOT NULL CHECK (json_valid(journal)),
  steps TEXT NOT NULL CHECK (json_valid(steps)),
  subjects TEXT NOT NULL CHECK (json_valid(subjects)),
  locks TEXT NOT NULL CHECK (json_valid(locks)),
  unit TEXT NOT NULL CHECK (unit IN ('bytes', 'steps')),
  done REAL NOT NULL DEFAULT 0,
  total REAL NOT NULL DEFAULT 0,
  paused_because TEXT,
  cancel_note TEXT,
  recovery TEXT,
  error TEXT CHECK (error IS NULL OR json_valid(error)),
  result TEXT CHECK (result IS NULL OR json_valid(result)),
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT
) STRICT;
CREATE INDEX operations_by_state ON operations (state);
CREATE INDEX operations_by_time ON operations (created_at);

-- Layers whose contents an unfinished commit has changed (qemu-recipes.md §8): from its first byte the base and
-- the layers between read differently. No restore point until the commit has been repeated to its end.
CREATE TABLE tainted_layers (
  image_id TEXT PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
  operation_id TEXT NOT NULL,
  top_image_id TEXT NOT NULL,
  base_image_id TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT;

CREATE TABLE vm_events (
  vm_id TEXT NOT NULL REFERENCES vms (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  event TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX vm_events_by_vm ON vm_events (vm_id, at);
