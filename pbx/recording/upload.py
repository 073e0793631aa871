"""Copies of recordings in an S3 bucket, by boto3 (`pip install dzvin[s3]`).

Everything here waits for the network: not for the event loop.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pbx.config.recording import S3Settings
from pbx.recording.records import RecordingRecord

ATTEMPTS: Final = 3  # Of one request; whoever asks tries again later.
TIMEOUT_SECONDS: Final = 20


class UploadError(Exception):
    """The bucket does not take it; the text says why."""


class Bucket:
    def __init__(self, settings: S3Settings) -> None:
        """Raises `UploadError` if boto3 is not installed."""
        self._settings = settings
        try:
            boto3: Any = import_module("boto3")  # It has no types.
            core: Any = import_module("botocore.config")
            failures: Any = import_module("botocore.exceptions")
            transfer: Any = import_module("boto3.exceptions")
        except ImportError as error:
            text = "copies to S3 need boto3: pip install 'dzvin[s3]'"
            raise UploadError(text) from error
        self._errors = (failures.BotoCoreError, failures.ClientError, transfer.Boto3Error, OSError)
        try:
            self._client: Any = boto3.client(
                "s3",
                endpoint_url=settings.endpoint or None,
                region_name=settings.region,
                aws_access_key_id=settings.access_key or None,
                aws_secret_access_key=settings.secret_key or None,
                config=core.Config(
                    retries={"mode": "standard", "max_attempts": ATTEMPTS},
                    connect_timeout=TIMEOUT_SECONDS,
                    read_timeout=TIMEOUT_SECONDS,
                ),
            )
        except (*self._errors, ValueError) as error:
            raise UploadError(f"S3: {error}") from error

    def key(self, record: RecordingRecord) -> str:
        return f"{self._settings.prefix}{record.file}"

    def put(self, record: RecordingRecord, path: Path) -> None:
        """Raises `UploadError`."""
        try:
            self._client.upload_file(str(path), self._settings.bucket, self.key(record))
        except self._errors as error:
            raise UploadError(f"S3: {error}") from error

    def delete(self, record: RecordingRecord) -> None:
        """Raises `UploadError`."""
        try:
            self._client.delete_object(Bucket=self._settings.bucket, Key=self.key(record))
        except self._errors as error:
            raise UploadError(f"S3: {error}") from error
