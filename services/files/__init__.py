"""The files service: records, presigned uploads and downloads, examination of content, expiry."""
