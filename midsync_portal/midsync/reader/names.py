"""Every assumption about MidSync's undocumented answers, in one table.

The first real answer that differs is a change here, and a file in tests/payloads. Within a
tuple the order is the order of trust.
"""

from ..types import ReportedStatus


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


# Where facts are looked for: the body itself, then objects under these names, two levels deep.
PLACES = _names("data payload result output")
# Not documented anywhere, but what an envelope is commonly called; looked at last.
MORE_PLACES = _names("task job generation prediction response info")

# --- Ids ---------------------------------------------------------------------------------------
TASK_ID_NAMES = _names("taskId task_id")  # nothing else is ever called that
OTHER_ID_NAMES = _names("id jobId job_id requestId request_id generationId generation_id")
PROVIDER_ID_NAMES = _names("providerTaskId provider_task_id")
ID_NAMES = TASK_ID_NAMES + OTHER_ID_NAMES + PROVIDER_ID_NAMES
# In an error answer these name the call (for tracing), not a task.
TRACING_ID_NAMES = _names("requestId request_id")
# An `id` in here is that of a file.
PLACES_WITHOUT_ID = _names("result output response info")
ID_MAX = 200  # characters

# --- State -------------------------------------------------------------------------------------
STATE_NAMES = _names("status state task_status taskStatus")
STATUS_WORDS: dict[str, ReportedStatus] = {
    word: status
    for status, words in {
        ReportedStatus.QUEUED: (
            "submitted created pending waiting queued queuing in_queue starting initializing "
            "throttled not_start"
        ),
        ReportedStatus.RUNNING: "processing running generating in_progress started",
        ReportedStatus.SUCCEEDED: (
            "success succeeded succeed completed complete done finished ready ok"
        ),
        ReportedStatus.FAILED: (
            "fail failed failure error create_task_failed generate_mp4_failed timeout expired "
            "rejected"
        ),
        ReportedStatus.CANCELLED: "cancelled canceled aborted",
    }.items()
    for word in words.split()
}
# These also describe an envelope ("status": "success" around the real state): a state further
# in speaks louder.
ENVELOPE_WORDS = frozenset({"ok", "success"})
# kie.ai's Veo query.
SUCCESS_FLAG_NAMES = _names("successFlag success_flag")
SUCCESS_FLAGS = {
    0: ReportedStatus.RUNNING,
    1: ReportedStatus.SUCCEEDED,
    2: ReportedStatus.FAILED,
    3: ReportedStatus.FAILED,
}
# PixVerse numbers its `status`. Read only in a body that looks like PixVerse's: none of the
# other dialects puts these beside a numeric status.
PIXVERSE_SIGNS = frozenset({"has_audio", "size", "outputWidth", "output_width"})
PIXVERSE_STATUSES = {
    1: ReportedStatus.SUCCEEDED,
    5: ReportedStatus.RUNNING,
    7: ReportedStatus.FAILED,
    8: ReportedStatus.FAILED,
}
# kie.ai: the code in the body is the outcome where no state is given.
CODE_NAMES = _names("code statusCode status_code")
CODE_SUCCESS = 200
# The last resort: an event called "video.completed" or "task:failed".
EVENT_NAMES = _names("event eventType event_type type")

# --- Results -----------------------------------------------------------------------------------
RESULT_NAMES = _names("output assets")
VIDEO_NAMES = _names("video_url videoUrl outputUrl output_url url")
VIDEO_OBJECT_NAMES = _names("video videos")
VIDEO_LIST_NAMES = _names("resultUrls result_urls videoUrls video_urls outputs")
# The last resort, where none of these names is there: a link that is a video by its ending, in
# whatever is not called an input.
VIDEO_ENDINGS = _names(".mp4 .webm .mov .m4v .mkv")
INPUT_NAMES = frozenset(_names("input inputs request params parameters prompt source reference"))
NESTED_RESULT_NAMES = _names("info task_result taskResult result resultJson result_json")
URLS_NAME = "urls"  # a list of results; Replicate's `urls` is an object of its own addresses
COVER_NAMES = _names("cover_url coverUrl thumbnail thumbnail_url thumbnailUrl")
# Covers in an answer, but inputs in a request: not believed beside a prompt.
DOUBTFUL_COVER_NAMES = _names("image_url imageUrl imageUrls image_urls")
REQUEST_NAMES = frozenset({"images", "image_url", "imageUrl", "imageUrls", "image_urls"})
REQUEST_NAMES |= {"referenceVideoUrls", "callbackUrl", "callback_url", "callBackUrl"}
KIND_NAMES = _names("type kind role mime_type mimeType content_type contentType")
OTHER_KINDS = _names(
    "image audio text cover thumbnail poster preview input reference first_frame last_frame"
)
OTHER_MEDIA = _names("image/ audio/ text/")
OTHER_ENDINGS = _names(
    ".jpg .jpeg .png .webp .gif .avif .bmp .svg .mp3 .wav .m4a .aac .json .txt .vtt .srt"
)
RESULTS_MAX = 20

# --- Reasons -----------------------------------------------------------------------------------
REASON_NAMES = _names(
    "error_message errorMessage failMsg fail_msg failReason fail_reason failure "
    "failureReason failure_reason task_status_msg"
)
PLAIN_REASON_NAMES = _names("message msg")
REASON_CODE_NAMES = _names("failCode fail_code failureCode failure_code error_code errorCode")

# --- Points ------------------------------------------------------------------------------------
QUOTE_POINTS_NAMES = _names(
    "pointsCharged points_charged estimatedPoints estimated_points pointsEstimated "
    "totalPoints points cost price estimatedCredits credits"
)
CHARGED_POINTS_NAMES = _names(
    "pointsCharged points_charged chargedPoints totalPoints points cost price "
    "creditsCharged credits"
)
# Not creditsConsumed or credits: another figure, whose meaning is not documented.
REPORT_POINTS_NAMES = _names("pointsCharged points_charged")
# In an error answer only these prove that something was charged.
PROOF_OF_CHARGE_NAMES = _names("pointsCharged points_charged chargedPoints")
AMOUNT_NAMES = _names("charged total amount value estimated points")

# --- The rest ----------------------------------------------------------------------------------
PROGRESS_NAMES = _names("progress percent percentage progressPercent progress_percent")
ESTIMATE_NAMES = _names("estimatedTimeSec estimated_time_sec estimatedTime estimated_time")
MODEL_NAMES = _names("model")
PROVIDER_MODEL_NAMES = _names("providerModel provider_model")

# What a request may carry, as an error can name it.
REQUEST_FIELDS = _names(
    "model prompt duration resolution quality aspectRatio mode generateAudio images "
    "referenceVideoUrls negativePrompt cfgScale fixedLens nsfwChecker watermark seeds "
    "enableTranslation multiShots multiPrompt klingElements referenceTaskId referenceIndex "
    "projectId callbackUrl"
)
