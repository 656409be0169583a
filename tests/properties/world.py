"""A MidSync of the state machine: it charges, remembers, forgets nothing, and can be crashed into.

`ledger` is the truth about charges; `may_have_charged` counts, per task of ours, the orders whose
outcome the portal was never told to be "nothing charged".
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import requests
from requests.packages.urllib3.exceptions import NewConnectionError

from tests.wire import Wire, response

NOT_CHARGED = {
    "refuse": (422, {"success": False, "error": "no"}),
    "no-points": (402, {"success": False, "error": "no points"}),
    "busy": (429, {"error": "slow down"}),
    "bad-key": (401, {"error": "bad key"}),
    "not-sent": requests.ConnectionError(NewConnectionError(None, "Connection refused")),
}
# MidSync took the order, but its answer does not say so.
CHARGED_UNSAID = {
    "timeout": requests.ReadTimeout("slow"),
    "reset": requests.ConnectionError("reset"),
    "error-500": (500, {"error": "boom"}),
    "unreadable": (200, "<html>ready</html>"),
}
# As these, but MidSync did not take it: the portal cannot know.
UNCHARGED_UNSAID = {f"{name}-before-charging": said for name, said in CHARGED_UNSAID.items()}
ANSWERS = ["accept", "accept-without-provider-id"]
ANSWERS += [*NOT_CHARGED, *CHARGED_UNSAID, *UNCHARGED_UNSAID]


class Crash(BaseException):
    """The process dies here; nothing in it may go on."""


@dataclass
class Charge:
    """One line of the ledger, and how its video stands."""

    number: int
    key: str
    at: datetime
    word: str = "submitted"

    @property
    def ids(self) -> tuple[str, str]:
        """MidSync's number and its provider's."""
        return f"ms-{self.number}", f"pv-{self.number}"


@dataclass
class World:
    """MidSync, the clock, and what the next order meets."""

    wire: Wire
    began: datetime
    answer: str = "accept"
    crash_at: str = ""
    ahead: timedelta = timedelta()
    ledger: list[Charge] = field(default_factory=list)
    may_have_charged: Counter[str] = field(default_factory=Counter)
    before_answer: Any = None

    def __post_init__(self) -> None:
        self.wire.answers |= {"generate": self.generate, "status": self.status, "logs": self.logs}

    def now(self) -> datetime:
        """The portal's clock and MidSync's."""
        self.ahead += timedelta(milliseconds=1)
        return self.began + self.ahead

    def charge_of(self, key: str) -> Charge | None:
        """What was charged for a task of ours, by its public id."""
        return next((charge for charge in self.ledger if charge.key == key), None)

    def generate(self, request: requests.PreparedRequest) -> Any:
        """Take an order as the script says: charge for it or not, and say so or not."""
        if self.crash_at == "D":
            raise Crash("D")
        key = str(request.headers["Idempotency-Key"])
        if self.answer in NOT_CHARGED:
            said = NOT_CHARGED[self.answer]
        elif self.answer in UNCHARGED_UNSAID:
            self.may_have_charged[key] += 1
            said = UNCHARGED_UNSAID[self.answer]
        else:
            self.may_have_charged[key] += 1
            charge = Charge(len(self.ledger) + 1, key, self.now())
            self.ledger.append(charge)
            body = {"success": True, "taskId": charge.ids[0], "pointsCharged": 35}
            if self.answer == "accept":
                body["providerTaskId"] = charge.ids[1]
            said = CHARGED_UNSAID.get(self.answer, (200, body))
        if self.before_answer:
            self.before_answer()
        if self.crash_at == "E":
            raise Crash("E")
        if isinstance(said, Exception):
            raise said
        return response(request, *said)

    def status(self, request: requests.PreparedRequest) -> Any:
        """What the status endpoint says of a number."""
        number = request.path_url.split("/")[-2]
        charge = next((one for one in self.ledger if number in one.ids), None)
        if charge is None:
            return response(request, 404, {"error": "not found"})
        return response(request, 200, self.report_of(charge))

    def report_of(self, charge: Charge) -> dict[str, Any]:
        """What there is to say about a charge."""
        body = {"success": True, "taskId": charge.ids[0], "status": charge.word}
        if charge.word == "completed":
            body["output"] = f"https://cdn.example.com/{charge.number}.mp4"
        return body

    def logs(self, request: requests.PreparedRequest) -> Any:
        """The usage logs: one row per charge, whatever was said about it."""
        rows = [
            {
                "id": f"log-{charge.number}",
                "model": "kling-2.5-turbo",
                "pointsCharged": float(Decimal(35)),
                "createdAt": charge.at.astimezone(UTC).isoformat(),
            }
            for charge in self.ledger
        ]
        page = {"page": 1, "limit": 100, "total": len(rows)}
        return response(request, 200, {"logs": rows, "pagination": page})
