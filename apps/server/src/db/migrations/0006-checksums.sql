-- Checksums of the file of an image, each with the state of the file that it was computed of.
ALTER TABLE image_memory ADD COLUMN checksums TEXT CHECK (checksums IS NULL OR json_valid(checksums));
