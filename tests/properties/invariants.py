"""What must hold after each step, whatever has happened."""

from typing import Any

from midsync_portal.models import Task, TaskEvent
from midsync_portal.models.status import RANK, Status

from .world import World

TOLD = (
    "status",
    "sent_at",
    "midsync_task_id",
    "provider_task_id",
    "points_charged",
    "charge_unknown",
    "needs_review",
    "failure_code",
    "source_url",
    "progress",
)
Kind = TaskEvent.Kind


def snapshot() -> dict[int, dict[str, Any]]:
    """Every task as it stands, and how many events it has."""
    return {
        task.pk: {name: getattr(task, name) for name in TOLD} | {"events": task.events.count()}
        for task in Task.objects.all()
    }


def nothing_is_charged_twice(world: World) -> None:
    """Promise 2."""
    assert all(count <= 1 for count in world.may_have_charged.values()), world.may_have_charged
    keys = [charge.key for charge in world.ledger]
    assert len(keys) == len(set(keys))


def every_charge_is_explained(world: World, looked_at: set[str], *, sending: bool) -> None:
    """Promise 3; while a send is under way (`sending`) its lease explains its charge, too."""
    for charge in world.ledger:
        task = Task.objects.get(public_id=charge.key)
        explained = (
            bool(set(charge.ids) & {task.midsync_task_id, task.provider_task_id})
            or task.status == Status.UNCONFIRMED
            or bool(task.needs_review)
            or task.charge_unknown
            or charge.key in looked_at  # support has taken it off the list
            or (sending and task.status == Status.SUBMITTING and task.sent_at is not None)
        )
        assert explained, (charge, vars(task))


def ranks_only_rise(before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]) -> None:
    """Promise 5; and a success never changes."""
    for pk, was in before.items():
        now = after[pk]
        assert RANK[Status(now["status"])] >= RANK[Status(was["status"])]
        if was["status"] == Status.SUCCEEDED:
            assert (now["status"], now["source_url"]) == (was["status"], was["source_url"])
        for name in ("midsync_task_id", "points_charged"):
            assert now[name] or not was[name]
        if was["sent_at"] and not now["sent_at"]:
            assert was["status"] == now["status"] == Status.SUBMITTING


def every_change_has_its_event(
    before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]
) -> None:
    """Promise 16, for one step."""
    for pk, now in after.items():
        was = before.get(pk, {"events": 0})
        changed = {name for name in TOLD if was.get(name) != now[name]}
        assert not changed or now["events"] > was["events"], changed
        assert now["events"] >= was["events"]


def the_history_tells_how_it_came(tasks: Any) -> None:
    """Promise 16, over the whole life: created, sent or not, each move from where the last led."""
    for task in tasks:
        events = list(task.events.order_by("pk"))
        assert [event.kind for event in events].count(Kind.CREATED) == 1
        assert events[0].kind == Kind.CREATED
        status, marked = Status.SUBMITTING, False
        for event in events[1:]:
            match event.kind:
                case Kind.SENT:
                    assert (status, marked) == (Status.SUBMITTING, False)
                    marked = True
                case Kind.UNSENT:
                    assert (status, marked) == (Status.SUBMITTING, True)
                    marked = False
                case Kind.MOVE:
                    assert event.status_before == status
                    status = Status(event.status_after)
                case Kind.SUPPORT:
                    assert event.actor
                    assert event.reason
        assert status == task.status
        if status == Status.SUBMITTING:
            assert marked == (task.sent_at is not None)
