"""Who calls the S3 server of tests."""

ADMIN, ADMIN_SECRET = "admin:rw", "admin-secret"
READER, READER_SECRET = "reader:ro", "reader-secret"
