"""The gateways of table 8.8 of the notes about MidSync, one dialect each.

A dialect says how generate is answered, which callbacks come (one list for success, one for
failure), and what the status endpoint answers at each of the steps in between.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from .orders import Message, Order

POINTS = 48.5
REASON = "The prompt shows a protected brand"


@dataclass(frozen=True)
class Dialect:
    """How one gateway speaks.

    `status` gets the order and one of "waiting", "running", "succeeded", "failed".
    `not_found_times`: how often the status of a new order is answered 404 first.
    """

    name: str
    quoted: Callable[[str, float], object]  # model, points
    accepted: Callable[[Order], object]
    success: Callable[[Order], list[Message]]
    failure: Callable[[Order], list[Message]]
    status: Callable[[Order, str], object]
    offer: str = "objects"
    not_found_times: int = 0


def plain_quote(model: str, points: float) -> object:
    return {"success": True, "model": model, "pointsCharged": points}


def quote_as_text(model: str, points: float) -> object:
    return {"success": True, "model": model, "pointsCharged": f"{points:.2f}"}


def quote_in_data(model: str, points: float) -> object:
    return {"code": 200, "msg": "success", "data": {"model": model, "pointsCharged": points}}


def messages(*bodies: object, **headers: str) -> list[Message]:
    return [Message(body, {k.replace("_", "-"): v for k, v in headers.items()}) for body in bodies]


# --- kie.ai: general tasks -------------------------------------------------------------------


def _kie(order: Order, state: str) -> dict[str, object]:
    words = {"waiting": "queuing", "running": "generating", "succeeded": "success"}
    failed = state == "failed"
    return {
        "code": 501 if failed else 200,
        "msg": "task failed" if failed else "ok",
        "data": {
            "taskId": order.provider_id,
            "model": order.body["model"],
            "state": words.get(state, "fail"),
            "param": json.dumps({"prompt": order.prompt, "url": "https://example.com/in.png"}),
            "resultJson": json.dumps({"resultUrls": [order.video_url]})
            if state == "succeeded"
            else "",
            "failCode": "430" if failed else None,
            "failMsg": REASON if failed else None,
            "costTime": 14,
        },
    }


KIE = Dialect(
    "kie.ai",
    quoted=quote_in_data,
    accepted=lambda o: {
        "code": 200,
        "msg": "success",
        "data": {
            "taskId": o.task_id,
            "providerTaskId": o.provider_id,
            "pointsCharged": POINTS,
            "status": "submitted",
        },
    },
    success=lambda o: messages(
        *(_kie(o, state) for state in ("waiting", "running", "succeeded")),
        X_Webhook_Timestamp="1764000000",
        X_Webhook_Signature="bm90IGNoZWNrZWQ=",
    ),
    failure=lambda o: messages(_kie(o, "running"), _kie(o, "failed")),
    # The look-up works, so its own code is 200 whatever became of the video.
    status=lambda o, state: _kie(o, state) | {"code": 200, "msg": "success"},
    offer="wrapped",
)


# --- kie.ai: Veo -----------------------------------------------------------------------------


def _veo_status(order: Order, state: str) -> object:
    flag = {"waiting": 0, "running": 0, "succeeded": 1, "failed": 2}[state]
    data: dict[str, object] = {"taskId": order.task_id, "successFlag": flag}
    if state == "succeeded":
        data["info"] = {"resultUrls": [order.video_url]}
    if state == "failed":
        data |= {"errorMessage": REASON}
    return {"code": 200, "msg": "success", "data": data}


KIE_VEO = Dialect(
    "kie.ai Veo",
    quoted=quote_in_data,
    accepted=lambda o: {
        "code": 200,
        "msg": "success",
        "data": {"taskId": o.task_id, "pointsCharged": f"{POINTS}"},
    },
    success=lambda o: messages(
        {
            "code": 200,
            "msg": "The video is there.",
            "data": {
                "taskId": o.task_id,
                "prompt": {"text": o.prompt},
                "info": {
                    "resultUrls": [o.video_url],
                    "originUrls": [o.video_url + "?origin"],
                    "resolution": "1080p",
                },
                "fallbackFlag": False,
            },
        }
    ),
    failure=lambda o: messages(
        {"code": 422, "msg": REASON, "data": {"taskId": o.task_id, "fallbackFlag": True}}
    ),
    status=_veo_status,
    offer="strings",
)


# --- kie.ai: Runway --------------------------------------------------------------------------


def _kie_runway(order: Order, code: int, message: str, video: str) -> object:
    return {
        "code": code,
        "msg": message,
        "data": {
            "task_id": order.task_id,
            "video_id": f"v{order.number}",
            "video_url": video,
            "image_url": order.cover_url if video else "",
        },
    }


def _kie_runway_status(order: Order, state: str) -> object:
    words = {"waiting": "wait", "running": "generating", "succeeded": "success", "failed": "fail"}
    data: dict[str, object] = {"task_id": order.task_id, "state": words[state]}
    if state == "succeeded":
        data |= {"video_url": order.video_url, "image_url": order.cover_url}
    if state == "failed":
        data |= {"failMsg": REASON, "failCode": 400}
    return {"code": 200, "msg": "success", "data": data}


KIE_RUNWAY = Dialect(
    "kie.ai Runway",
    quoted=plain_quote,
    accepted=lambda o: {
        "code": 200,
        "msg": "success",
        "data": {"task_id": o.task_id},
        "pointsCharged": POINTS,
    },
    success=lambda o: messages(_kie_runway(o, 200, "all good", o.video_url)),
    failure=lambda o: messages(_kie_runway(o, 400, REASON, "")),
    status=_kie_runway_status,
    offer="keyed",
)


# --- fal.ai ----------------------------------------------------------------------------------


def _fal(order: Order, state: str) -> dict[str, object]:
    head = {"request_id": order.provider_id, "gateway_request_id": f"gw-{order.number}"}
    match state:
        case "succeeded":
            video = {"url": order.video_url, "content_type": "video/webm", "file_size": 30_000}
            return head | {"status": "OK", "payload": {"video": video, "seed": 4711}}
        case "failed":
            detail = [{"loc": ["body", "prompt"], "msg": REASON, "type": "content_policy"}]
            return head | {"status": "ERROR", "error": REASON, "payload": {"detail": detail}}
    return head | {"status": "IN_QUEUE" if state == "waiting" else "IN_PROGRESS"}


FAL = Dialect(
    "fal.ai",
    quoted=quote_as_text,
    accepted=lambda o: {
        "status": "IN_QUEUE",
        "taskId": o.task_id,
        "providerTaskId": o.provider_id,
        "queue_position": 2,
        "pointsCharged": POINTS,
    },
    success=lambda o: messages(
        _fal(o, "succeeded"),
        X_Fal_Webhook_Request_Id=f"wh-{o.number}",
        X_Fal_Webhook_User_Id="user",
        X_Fal_Webhook_Timestamp="1764000000",
        X_Fal_Webhook_Signature="00ff",
    ),
    failure=lambda o: messages(_fal(o, "failed")),
    status=_fal,
    offer="params listed",
)


# --- Replicate -------------------------------------------------------------------------------


def _replicate(order: Order, state: str) -> dict[str, object]:
    words = {"waiting": "starting", "running": "processing"}
    return {
        "id": order.task_id,
        "version": "8a1f",
        "input": {"prompt": order.prompt, "image": "https://example.com/first-frame.png"},
        "logs": "42%|####  | done",
        "status": words.get(state, state),
        "output": order.video_url if state == "succeeded" else None,
        "error": REASON if state == "failed" else None,
        "metrics": {"predict_time": 9.87} if state in {"succeeded", "failed"} else {},
        "urls": {"get": f"https://api.example.com/v1/predictions/{order.task_id}"},
    }


REPLICATE = Dialect(
    "Replicate",
    quoted=plain_quote,
    accepted=lambda o: _replicate(o, "waiting") | {"pointsCharged": str(POINTS)},
    success=lambda o: [
        Message(
            _replicate(o, state),
            {
                "webhook-id": f"msg_{o.number}_{state}",
                "webhook-timestamp": "1764000000",
                "webhook-signature": "v1,bm90IGNoZWNrZWQ= v1,bm9yIHRoaXM=",
            },
        )
        for state in ("waiting", "running", "running", "succeeded", "succeeded")
    ],
    failure=lambda o: messages(_replicate(o, "running"), _replicate(o, "failed")),
    status=_replicate,
    offer="objects",
)


# --- Runway's own API: no callback at all ----------------------------------------------------


def _runway(order: Order, state: str) -> object:
    body: dict[str, object] = {"id": order.task_id, "createdAt": "2026-11-23T08:00:00.000Z"}
    match state:
        case "waiting":
            body |= {"status": "THROTTLED"}
        case "running":
            body |= {"status": "RUNNING", "progress": 0.42}
        case "succeeded":
            body |= {"status": "SUCCEEDED", "output": [order.video_url]}
        case "failed":
            body |= {"status": "FAILED", "failure": REASON, "failureCode": "SAFETY.INPUT"}
    return body


RUNWAY = Dialect(
    "Runway",
    quoted=plain_quote,
    accepted=lambda o: {"id": o.task_id, "pointsCharged": POINTS},
    success=lambda o: [],
    failure=lambda o: [],
    status=_runway,
    offer="strings",
    not_found_times=1,
)


# --- PixVerse --------------------------------------------------------------------------------


def _pixverse(order: Order, state: str) -> dict[str, object]:
    numbers = {"waiting": 5, "running": 5, "succeeded": 1, "failed": 8}
    done = state == "succeeded"
    return {
        "id": order.task_id,
        "status": numbers[state],
        "url": order.video_url if done else "",
        "size": 30_000 if done else 0,
        "has_audio": False,
        "credits": 45,
    }


PIXVERSE = Dialect(
    "PixVerse",
    quoted=plain_quote,
    accepted=lambda o: {"id": o.task_id, "credits": 45, "pointsCharged": POINTS},
    success=lambda o: messages(
        _pixverse(o, "succeeded"),
        Webhook_Timestamp="1764000000",
        Webhook_Nonce=f"n{o.number}",
        Webhook_Signature="bm90IGNoZWNrZWQ=",
    ),
    failure=lambda o: messages(_pixverse(o, "failed")),
    status=_pixverse,
    offer="keyed",
)


# --- MiniMax Hailuo --------------------------------------------------------------------------


def _minimax(order: Order, word: str, fine: bool = True) -> dict[str, object]:
    return {
        "task_id": order.task_id,
        "status": word,
        "file_id": "206" if word == "Success" else "",
        "base_resp": {
            "status_code": 0 if fine else 1026,
            "status_msg": "success" if fine else REASON,
        },
    }


def _minimax_status(order: Order, state: str) -> object:
    words = {
        "waiting": "Queueing",
        "running": "Processing",
        "succeeded": "Success",
        "failed": "Fail",
    }
    body = _minimax(order, words[state], fine=state != "failed")
    if state == "succeeded":  # the callback names a file only; who asks is told where it lies
        body["output"] = {"video_url": order.video_url, "cover_url": order.cover_url}
    return body


MINIMAX = Dialect(
    "MiniMax Hailuo",
    quoted=quote_as_text,
    accepted=lambda o: _minimax(o, "Preparing") | {"pointsCharged": POINTS},
    success=lambda o: messages(
        {"challenge": f"say-{o.number}"},
        _minimax(o, "processing"),
        _minimax(o, "Success"),
    ),
    failure=lambda o: messages({"challenge": f"say-{o.number}"}, _minimax(o, "failed", fine=False)),
    status=_minimax_status,
    offer="objects",
)


# --- Kling's own API -------------------------------------------------------------------------


def _kling(order: Order, state: str) -> dict[str, object]:
    words = {"waiting": "submitted", "running": "processing", "succeeded": "succeed"}
    body: dict[str, object] = {
        "task_id": order.provider_id,
        "task_status": words.get(state, "failed"),
        "task_status_msg": REASON if state == "failed" else "",
        "created_at": 1764000000000,
    }
    if state == "succeeded":
        body["task_result"] = {
            "videos": [{"id": "v1", "url": order.video_url, "duration": "5.041"}]
        }
    return body


KLING = Dialect(
    "Kling",
    quoted=quote_in_data,
    accepted=lambda o: {
        "code": 0,
        "message": "SUCCEED",
        "data": {"task_id": o.task_id, "task_status": "submitted"},
        "providerTaskId": o.provider_id,
        "pointsCharged": POINTS,
    },
    success=lambda o: messages(*(_kling(o, s) for s in ("waiting", "running", "succeeded"))),
    failure=lambda o: messages(_kling(o, "running"), _kling(o, "failed")),
    status=lambda o, state: {"code": 0, "message": "SUCCEED", "data": _kling(o, state)},
    offer="params listed",
)


# --- Unifically, PixelByte, EvoLink, MaxAPI --------------------------------------------------


def _unifically(order: Order, state: str) -> dict[str, object]:
    words = {"waiting": "pending", "running": "processing", "succeeded": "completed"}
    body: dict[str, object] = {"task_id": order.task_id, "status": words.get(state, "failed")}
    if state == "succeeded":
        body["data"] = {"video_url": order.video_url}
    if state == "failed":
        body["error_message"] = REASON
    return body


UNIFICALLY = Dialect(
    "Unifically",
    quoted=plain_quote,
    accepted=lambda o: {"success": True, "data": {"task_id": o.task_id, "pointsCharged": POINTS}},
    success=lambda o: messages(_unifically(o, "succeeded"), _unifically(o, "succeeded")),
    failure=lambda o: messages(_unifically(o, "failed")),
    status=_unifically,
    offer="wrapped",
)


def _pixelbyte(order: Order, state: str) -> dict[str, object]:
    words = {"waiting": "queued", "running": "processing", "succeeded": "completed"}
    body: dict[str, object] = {
        "jobId": order.task_id,
        "requestId": order.provider_id,
        "status": words.get(state, "failed"),
    }
    if state == "succeeded":
        body |= {
            "output": [{"type": "video", "url": order.video_url}],
            "completedAt": "2026-11-23T08:00:09Z",
        }
    if state == "failed":
        body["error"] = {"code": "CONTENT", "message": REASON}
    return body


PIXELBYTE = Dialect(
    "PixelByte",
    quoted=plain_quote,
    accepted=lambda o: {
        "jobId": o.task_id,
        "requestId": o.provider_id,
        "status": "queued",
        "pointsCharged": POINTS,
    },
    success=lambda o: messages(
        _pixelbyte(o, "succeeded"),
        X_PixelByte_Timestamp="1764000000",
        X_PixelByte_Signature="sha256=00ff",
    ),
    failure=lambda o: messages(_pixelbyte(o, "failed")),
    status=_pixelbyte,
    offer="objects",
)


def _evolink(order: Order, state: str) -> dict[str, object]:
    words = {"waiting": "pending", "running": "processing", "succeeded": "completed"}
    progress = {"waiting": 0, "running": 35, "succeeded": 100, "failed": 35}
    return {
        "id": order.task_id,
        "object": "video.generation.task",
        "created": 1764000000,
        "model": order.body["model"],
        "status": words.get(state, "failed"),
        "progress": progress[state],
        "output": {"video": {"url": order.video_url}} if state == "succeeded" else None,
        "error": {"code": "refused_content", "message": REASON} if state == "failed" else None,
    }


EVOLINK = Dialect(
    "EvoLink",
    quoted=plain_quote,
    accepted=lambda o: _evolink(o, "waiting") | {"pointsCharged": POINTS},
    success=lambda o: messages(_evolink(o, "running"), _evolink(o, "succeeded")),
    failure=lambda o: messages(_evolink(o, "failed")),
    status=_evolink,
    offer="keyed",
)


def _maxapi(order: Order, state: str) -> dict[str, object]:
    words = {"waiting": "NOT_START", "running": "IN_PROGRESS", "succeeded": "SUCCESS"}
    done = state == "succeeded"
    body: dict[str, object] = {
        "status": words.get(state, "FAILURE"),
        "result": {"type": "video", "urls": [order.video_url]} if done else None,
    }
    if state == "failed":
        body["failReason"] = REASON
    return body


MAXAPI = Dialect(
    "MaxAPI",
    quoted=quote_as_text,
    accepted=lambda o: {"task_id": o.task_id, "status": "NOT_START", "pointsCharged": POINTS},
    success=lambda o: messages(_maxapi(o, "running"), _maxapi(o, "succeeded")),
    failure=lambda o: messages(_maxapi(o, "failed")),
    status=_maxapi,
    offer="strings",
)

DIALECTS = (
    KIE, KIE_VEO, KIE_RUNWAY, FAL, REPLICATE, RUNWAY, PIXVERSE, MINIMAX, KLING, UNIFICALLY,
    PIXELBYTE, EVOLINK, MAXAPI,
)  # fmt: skip
