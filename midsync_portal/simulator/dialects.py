"""Bodies of callbacks and status answers, in MidSync's supposed shape and in those of others.

MidSync documents neither, so the first dialect is a guess::

    {"taskId": "…", "providerTaskId": "…", "model": "runway", "status": "completed",
     "progress": 100, "output": {"url": "https://…", "cover_url": "https://…"},
     "pointsCharged": 10}

A failure has ``"error": {"code": "…", "message": "…"}`` in place of ``output``. The other
dialects are those of similar gateways; they carry the provider's id, as a gateway that passes
messages on would.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from .prices import as_number
from .reports import Report


class Dialect(StrEnum):
    """Whose way of speaking; also a word in square brackets in the prompt."""

    MIDSYNC = "midsync"
    KIE = "kie"
    KIE_VEO = "kie-veo"
    KIE_RUNWAY = "kie-runway"
    FAL = "fal"
    REPLICATE = "replicate"
    RUNWAY = "runway-own"
    PIXVERSE = "pixverse"
    MINIMAX = "minimax"
    KLING = "kling"
    UNIFICALLY = "unifically"
    PIXELBYTE = "pixelbyte"
    EVOLINK = "evolink"
    MAXAPI = "maxapi"


#: These also call back when the work starts, not only at the end.
TELL_EVERY_CHANGE = frozenset({Dialect.REPLICATE, Dialect.MINIMAX, Dialect.KLING})
#: These call back only at the end: they have no words for anything before it.
TELL_ONLY_THE_END = frozenset({Dialect.KIE_VEO, Dialect.KIE_RUNWAY, Dialect.FAL, Dialect.PIXVERSE})
#: Runway's own API knows no callbacks.
NEVER_CALLS_BACK = frozenset({Dialect.RUNWAY})


def callback_body(dialect: Dialect, report: Report) -> bytes:
    """The JSON that is POSTed to the callback URL."""
    return json.dumps(_CALLBACK[dialect](report), ensure_ascii=False).encode()


def status_body(dialect: Dialect, report: Report) -> dict[str, Any]:
    """The answer to GET /unified-video/{taskId}/status."""
    shape = _STATUS.get(dialect) or _CALLBACK[dialect]
    return shape(report)


def _midsync(report: Report) -> dict[str, Any]:
    body: dict[str, Any] = {
        "taskId": report.task_id,
        "providerTaskId": report.provider_task_id,
        "model": report.model,
        "status": report.status,
        "progress": report.progress,
        "pointsCharged": as_number(report.points),
    }
    if report.is_success:
        body["output"] = (
            {"url": report.video_url, "cover_url": report.cover_url} if report.urls else {}
        )
    if report.is_failure:
        body["error"] = {"code": report.code, "message": report.message}
    return body


def _midsync_status(report: Report) -> dict[str, Any]:
    """``success`` says only that the look-up worked."""
    return {"success": True} | _midsync(report)


def _kie(report: Report) -> dict[str, Any]:
    state = report.say(
        submitted="queuing", processing="generating", completed="success", failed="fail"
    )
    data: dict[str, Any] = {"taskId": report.provider_task_id, "model": report.model}
    data["state"] = "fail" if report.is_failure else state
    if report.is_success:
        data["resultJson"] = json.dumps({"resultUrls": report.urls})
    if report.is_failure:
        data |= {"failCode": report.code, "failMsg": report.message}
        return {"code": 501, "msg": report.message, "data": data}
    return {"code": 200, "msg": "success", "data": data}


def _kie_veo(report: Report) -> dict[str, Any]:
    data: dict[str, Any] = {"taskId": report.provider_task_id, "fallbackFlag": False}
    if report.is_failure:
        return {"code": 501, "msg": report.message, "data": data}
    data["promptJson"] = json.dumps({"prompt": report.prompt})
    data["info"] = {"resultUrls": report.urls, "originUrls": report.urls, "resolution": "1080p"}
    return {"code": 200, "msg": "Veo3.1 video generated successfully.", "data": data}


def _kie_veo_status(report: Report) -> dict[str, Any]:
    """Numbers instead of words: 0 running, 1 success, 2 and 3 failed."""
    flag = 1 if report.is_success else 3 if report.is_failure else 0
    data: dict[str, Any] = {"taskId": report.provider_task_id, "successFlag": flag}
    if report.is_success:
        data["response"] = {"taskId": report.provider_task_id, "resultUrls": report.urls}
        data["info"] = {"resultUrls": report.urls}
    if report.is_failure:
        data |= {"errorCode": 501, "errorMessage": report.message}
    return {"code": 200, "msg": "success", "data": data}


def _kie_runway(report: Report) -> dict[str, Any]:
    data = {
        "task_id": report.provider_task_id,
        "video_id": f"v-{report.provider_task_id}",
        "video_url": report.video_url,
        "image_url": report.cover_url,
    }
    if report.is_failure:
        data |= {"video_url": "", "image_url": ""}
        return {"code": 500, "msg": report.message, "data": data}
    return {"code": 200, "msg": "All generated successfully.", "data": data}


def _kie_runway_status(report: Report) -> dict[str, Any]:
    state = report.say(
        submitted="queuing", processing="generating", completed="success", cancelled="fail"
    )
    data: dict[str, Any] = {"taskId": report.provider_task_id, "state": state}
    if report.is_success:
        data["videoInfo"] = {"videoUrl": report.video_url, "imageUrl": report.cover_url}
        data["video_url"] = report.video_url
    if report.is_failure:
        data |= {"state": "fail", "failMsg": report.message, "failCode": report.code}
    return {"code": 200, "msg": "success", "data": data}


def _fal(report: Report) -> dict[str, Any]:
    ids = {"request_id": report.provider_task_id, "gateway_request_id": report.provider_task_id}
    if report.is_failure:
        detail = [{"loc": ["body", "prompt"], "msg": report.message, "type": report.code}]
        return ids | {"status": "ERROR", "error": report.message, "payload": {"detail": detail}}
    video = {"url": report.video_url, "content_type": "video/webm", "file_name": "output.webm"}
    return ids | {"status": "OK", "payload": {"video": video if report.urls else {}, "seed": 7}}


def _fal_status(report: Report) -> dict[str, Any]:
    if report.is_success or report.is_failure:
        return _fal(report)
    word = report.say(submitted="IN_QUEUE", processing="IN_PROGRESS")
    return {"request_id": report.provider_task_id, "status": word}


def _replicate(report: Report) -> dict[str, Any]:
    return {
        "id": report.provider_task_id,
        "model": report.model,
        "input": {"prompt": report.prompt},
        "status": report.say(submitted="starting", completed="succeeded", cancelled="canceled"),
        "output": report.video_url if report.is_success and report.urls else None,
        "error": report.message if report.is_failure else None,
        "metrics": {"predict_time": float(report.seconds)},
    }


def _runway(report: Report) -> dict[str, Any]:
    words = {"submitted": "PENDING", "processing": "RUNNING", "completed": "SUCCEEDED"}
    body: dict[str, Any] = {
        "id": report.provider_task_id,
        "status": words.get(report.status, report.status.upper()),
        "createdAt": report.time,
    }
    if report.is_success:
        body["output"] = report.urls
    if report.is_failure:
        body |= {"failure": report.message, "failureCode": report.code}
    return body


def _pixverse(report: Report) -> dict[str, Any]:
    number = 1 if report.is_success else 7 if report.is_failure else 5
    return {
        "id": report.provider_task_id,
        "status": number,
        "url": report.video_url if report.is_success else "",
        "size": 123456,
        "has_audio": report.audio,
        "credits": as_number(report.points),
    }


def _minimax(report: Report) -> dict[str, Any]:
    """Says that the video is there but not where: the status endpoint has to be asked."""
    code = 1026 if report.is_failure else 0
    return {
        "task_id": report.provider_task_id,
        "status": report.say(submitted="Queueing", completed="Success", failed="Failed"),
        "file_id": "17" + report.provider_task_id[-6:] if report.is_success else "",
        "base_resp": {"status_code": code, "status_msg": report.message or "success"},
    }


def _kling(report: Report) -> dict[str, Any]:
    body: dict[str, Any] = {
        "task_id": report.provider_task_id,
        "task_status": report.say(completed="succeed", cancelled="failed"),
        "task_status_msg": report.message,
        "updated_at": int(report.at * 1000),
    }
    if report.is_success:
        video = {"id": "1", "duration": str(report.seconds)}
        if report.urls:
            video["url"] = report.video_url
        body["task_result"] = {"videos": [video]}
    return body


def _unifically(report: Report) -> dict[str, Any]:
    body: dict[str, Any] = {"task_id": report.provider_task_id, "status": report.status}
    if report.is_success:
        body["data"] = {"video_url": report.video_url}
    if report.is_failure:
        body["error_message"] = report.message
    return body


def _pixelbyte(report: Report) -> dict[str, Any]:
    body: dict[str, Any] = {
        "jobId": report.provider_task_id,
        "requestId": f"req-{report.provider_task_id}",
        "status": report.status,
    }
    if report.is_success:
        body |= {"output": report.urls, "completedAt": report.time}
    if report.is_failure:
        body["error"] = {"code": report.code, "message": report.message}
    return body


def _evolink(report: Report) -> dict[str, Any]:
    return {
        "id": report.provider_task_id,
        "object": "video.generation.task",
        "status": report.say(submitted="pending"),
        "progress": report.progress,
        "results": report.urls if report.is_success else [],
        "output": report.urls if report.is_success else None,
        "error": {"code": report.code, "message": report.message} if report.is_failure else None,
    }


def _maxapi(report: Report) -> dict[str, Any]:
    words = {"completed": "SUCCESS", "failed": "FAILURE"}
    return {
        "id": report.provider_task_id,
        "status": words.get(report.status, report.status.upper()),
        "result": {"type": "video", "urls": report.urls} if report.is_success else None,
    }


_CALLBACK: dict[Dialect, Callable[[Report], dict[str, Any]]] = {
    Dialect.MIDSYNC: _midsync,
    Dialect.KIE: _kie,
    Dialect.KIE_VEO: _kie_veo,
    Dialect.KIE_RUNWAY: _kie_runway,
    Dialect.FAL: _fal,
    Dialect.REPLICATE: _replicate,
    Dialect.RUNWAY: _runway,
    Dialect.PIXVERSE: _pixverse,
    Dialect.MINIMAX: _minimax,
    Dialect.KLING: _kling,
    Dialect.UNIFICALLY: _unifically,
    Dialect.PIXELBYTE: _pixelbyte,
    Dialect.EVOLINK: _evolink,
    Dialect.MAXAPI: _maxapi,
}
_STATUS: dict[Dialect, Callable[[Report], dict[str, Any]]] = {
    Dialect.MIDSYNC: _midsync_status,
    Dialect.KIE_VEO: _kie_veo_status,
    Dialect.KIE_RUNWAY: _kie_runway_status,
    Dialect.FAL: _fal_status,
    Dialect.MINIMAX: _midsync_status,
}
