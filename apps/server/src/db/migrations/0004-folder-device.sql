-- Which disk a folder was on when it was last read: a folder whose disk is not mounted looks like an empty one.
ALTER TABLE folders ADD COLUMN device TEXT;
