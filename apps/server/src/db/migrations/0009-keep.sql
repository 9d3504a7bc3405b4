-- What compacting an image would give back, with the state of the file in which that was measured.
ALTER TABLE image_memory ADD COLUMN measured TEXT CHECK (measured IS NULL OR json_valid(measured));
-- To whom a deleted image belonged: the chain it stood in, the VMs of that chain.
ALTER TABLE trash ADD COLUMN belonged TEXT CHECK (belonged IS NULL OR json_valid(belonged));
-- What a person has settled for all of Strata.
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL CHECK (json_valid(value))
) STRICT;
