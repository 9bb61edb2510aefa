"""The one entry: publish a file or a pipe."""

from __future__ import annotations

from consumers.ingest.files import ingest_file
from consumers.ingest.pipes import ingest_pipe
from consumers.ingest.request import IngestReport, IngestRequest
from sentiment.errors import UsageError
from sentiment.progress import Progress
from sentiment.settings import Settings
from sentiment.sources import detect_format, find_input


def run_ingest(settings: Settings, request: IngestRequest, progress: Progress) -> IngestReport:
    """Publish a file or a pipe. Blocks until its end.

    Raises:
        InputError, UsageError: the input cannot be published, or not in the way that was asked for.
        BrokerUnavailable, TransactionFailed: Kafka cannot be reached, or did not recover in time.
        IngestTakenOverError: another process publishes the same file.
    """
    if request.append and request.rebase_time:
        raise UsageError("--append and --rebase-time exclude each other: each run would shift the times differently")
    given = find_input(request.argument, request.reading)
    file_format = detect_format(given)
    if given.repeatable:
        return ingest_file(settings, request, given, file_format, progress)
    return ingest_pipe(settings, request, given, file_format, progress)
