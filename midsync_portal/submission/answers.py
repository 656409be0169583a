"""MidSync's answer to generate, read as reports of the task."""

from dataclasses import replace

from midsync_portal.midsync.reader import read_report
from midsync_portal.midsync.types import Generation, ReportedStatus, StatusReport

FINAL = frozenset({ReportedStatus.SUCCEEDED, ReportedStatus.FAILED, ReportedStatus.CANCELLED})


def report_of(generation: Generation) -> tuple[StatusReport, StatusReport | None]:
    """That MidSync has accepted the task, and, where it has ended already, how."""
    said = read_report(generation.raw)
    ids = (generation.midsync_task_id, generation.provider_task_id or "")
    report = replace(
        said,
        status=generation.status,
        midsync_task_id=generation.midsync_task_id,
        provider_task_id=generation.provider_task_id,
        ids=tuple(found for found in ids if found),
        points=generation.points_charged,
        estimated_seconds=generation.estimated_seconds,
    )
    if generation.status in FINAL:
        return replace(report, status=ReportedStatus.QUEUED), report
    return replace(report, status=generation.status or ReportedStatus.QUEUED), None
