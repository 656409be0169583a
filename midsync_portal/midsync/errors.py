"""What can go wrong with MidSync, shaped by what the caller can do about it.

MidSyncError
├ MidSyncRefused         said no; nothing was charged
│ ├ InvalidRequest       the body is wrong; `field` names the culprit if known
│ ├ InsufficientPoints   the account is out of points: the operator should know
│ ├ NotFound             no such task (or, just after creation, not yet)
│ └ TooManyRequests      refused before any work; may be sent again after `retry_after`
├ MidSyncMisconfigured   our key or its scope: nobody but the operator can help
├ MidSyncNotSent         provably never reached MidSync
└ MidSyncUnavailable     outcome unknown: a generate that ends here may have been charged
"""


class MidSyncError(Exception):
    """Something went wrong with MidSync.

    `message` is cleaned and safe to show; `code` is MidSync's own code if it gave one;
    `retry_after` is in seconds; `detail` is for the log and the operator, not for customers.
    """

    default_message = "MidSync could not do this."

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        http_status: int | None = None,
        retry_after: float | None = None,
        detail: str = "",
    ) -> None:
        self.message = message or self.default_message
        self.code = code
        self.http_status = http_status
        self.retry_after = retry_after
        self.detail = detail
        super().__init__(self.message)


class MidSyncRefused(MidSyncError):
    """MidSync said no before doing anything; nothing was charged."""

    default_message = "MidSync refused the request."


class InvalidRequest(MidSyncRefused):
    """The request is wrong; `field` is MidSync's name of the field at fault, if recognisable."""

    default_message = "MidSync did not accept these settings."

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        http_status: int | None = None,
        retry_after: float | None = None,
        detail: str = "",
        field: str | None = None,
    ) -> None:
        super().__init__(
            message, code=code, http_status=http_status, retry_after=retry_after, detail=detail
        )
        self.field = field


class InsufficientPoints(MidSyncRefused):
    """MidSync's account has too few points."""

    default_message = "There are not enough points for this video."


class NotFound(MidSyncRefused):
    """MidSync does not know this task, or not yet."""

    default_message = "MidSync does not know this."


class TooManyRequests(MidSyncRefused):
    """MidSync's limiter said no; may be asked again after `retry_after` seconds, if given."""

    default_message = "MidSync is busy right now."


class MidSyncMisconfigured(MidSyncError):
    """MidSync does not accept our key, or not for this: an operator has to act."""

    default_message = "The connection to MidSync is not set up correctly."


class MidSyncNotSent(MidSyncError):
    """MidSync was provably not reached: no such name, refused, connect timeout, certificate."""

    default_message = "MidSync could not be reached."


class MidSyncUnavailable(MidSyncError):
    """MidSync gave no usable answer; what it did with the request is unknown."""

    default_message = "MidSync did not give a usable answer."
