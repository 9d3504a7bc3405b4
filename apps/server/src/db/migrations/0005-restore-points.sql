-- What a restore point holds beside the layers of its disks.
-- `kept`: by a revert, of the state that was left. `schedule`: by itself. `found`: made by another tool, and adopted.
ALTER TABLE snapshots ADD COLUMN origin TEXT NOT NULL DEFAULT 'taken'
  CHECK (origin IN ('taken', 'kept', 'schedule', 'found'));
-- The definition of the VM at that moment; null for snapshots from before it was kept.
ALTER TABLE snapshots ADD COLUMN definition TEXT CHECK (definition IS NULL OR json_valid(definition));
-- File names below `vms/<id>/memory/` and `vms/<id>/uefi/`.
ALTER TABLE snapshots ADD COLUMN memory_file TEXT;
ALTER TABLE snapshots ADD COLUMN memory_bytes INTEGER;
ALTER TABLE snapshots ADD COLUMN vars_file TEXT;

-- The memory of a suspended VM: file, size, moment. Null when it is not suspended.
ALTER TABLE vms ADD COLUMN suspended TEXT CHECK (suspended IS NULL OR json_valid(suspended));
-- Automatic snapshots: how often, how many are kept. Null: none were ever wished for.
ALTER TABLE vms ADD COLUMN schedule TEXT CHECK (schedule IS NULL OR json_valid(schedule));
