-- What of a device could not be read when the image was made of it: zeros stand there.
ALTER TABLE image_memory ADD COLUMN unread TEXT CHECK (unread IS NULL OR json_valid(unread));
