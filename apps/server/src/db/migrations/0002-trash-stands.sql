-- The layer a deleted image stands on: while it may be restored, that one must not change.
ALTER TABLE trash ADD COLUMN backing_id TEXT;

-- Without a reference to `images`: a layer that is deleted and restored is as changed as it was.
CREATE TABLE tainted (
  image_id TEXT PRIMARY KEY,
  operation_id TEXT NOT NULL,
  top_image_id TEXT NOT NULL,
  base_image_id TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT;
INSERT INTO tainted SELECT image_id, operation_id, top_image_id, base_image_id, at FROM tainted_layers;
DROP TABLE tainted_layers;
ALTER TABLE tainted RENAME TO tainted_layers;
