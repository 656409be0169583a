"""The simulator itself: takes orders, charges, moves them on, calls back. No HTTP in here."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from . import delivery, dialects, misdelivery, schedule
from .checks import Problem, RequestRefused, check
from .clock import Clock
from .delivery import CallbackFailed, CallbackNotAllowed, Post
from .dialects import Dialect
from .offer import MODELS, UNKNOWN_MODEL, Model
from .prices import price_of, surprise_price
from .reports import WAITING_SHARE, Report, report_of, spec_of
from .scenarios import Scenario, scenarios_in, words_in
from .settings import Settings
from .store import Callback, Generation, Store
from .studio import Studio

STARTING_BALANCE = Decimal(10_000)
FAILURE = ("content_rejected", "The provider stopped the video: a safety check rejected it.")
HOSTILE_FAILURE = (
    "provider_error",
    '<script>document.title="owned"</script><b onclick="alert(1)">Failed</b>, see'
    " https://provider.example/log?token=not-for-customers",
)
BY_HAND = ("stopped", "The video was stopped at MidSync.")


class NotEnoughPoints(Exception):
    """The account cannot pay for the order."""


class Simulator:
    """MidSync as far as the portal can see it.

    ``post`` sends callbacks, ``deliver`` decides where that happens (at once, or on another
    thread), ``pause`` waits for real seconds where an answer is slow on purpose.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        post: Post,
        studio: Studio,
        settings: Settings | None = None,
        *,
        deliver: Callable[[Callable[[], None]], Any] = lambda send: send(),
        pause: Callable[[float], Any] = lambda seconds: None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.studio = studio
        self.settings = settings or Settings()
        self.pause = pause
        self._post = post
        self._deliver = deliver
        if not (self.settings.seed or store.choice("seed")):
            store.choose("seed", f"{random.SystemRandom().getrandbits(64):x}")
        self.seed = self.settings.seed or store.choice("seed")
        self._seen: Counter[str] = Counter()
        clock.watch(store.next_due, self.tick)

    # What the control page can change

    @property
    def balance(self) -> Decimal:
        """Points on the account."""
        return Decimal(self.store.choice("balance", str(STARTING_BALANCE)))

    @property
    def speed(self) -> float:
        """How many times faster than usual videos are made."""
        return float(self.store.choice("speed", str(self.settings.speed)))

    @property
    def models(self) -> tuple[Model, ...]:
        """The models on offer."""
        chosen = self.store.choice("unknown_model", "on" if self.settings.unknown_model else "off")
        return (*MODELS, UNKNOWN_MODEL) if chosen == "on" else MODELS

    def plan_for(self, body: Mapping[str, Any]) -> tuple[frozenset[Scenario], Dialect]:
        """How this order will go: by the words in its prompts, else as the control page says."""
        texts = [body.get("prompt"), *(_shot_texts(body))]
        text = " ".join(text for text in texts if isinstance(text, str))
        scenarios = scenarios_in(text) or scenarios_in(f"[{self.store.choice('scenario')}]")
        known = {dialect.value: dialect for dialect in Dialect}
        named = [known[word] for word in words_in(text) if word in known]
        chosen = known.get(self.store.choice("dialect"), Dialect.MIDSYNC)
        return scenarios, named[0] if named else chosen

    # Orders

    def checked(self, body: Mapping[str, Any]) -> tuple[Model, dict[str, Any]]:
        """The model and the request with defaults filled in. Raises RequestRefused."""
        model = next((one for one in self.models if one.id == body.get("model")), None)
        if model is None:
            raise RequestRefused([Problem("model", "model is not one of the models on offer.")])
        return model, check(model, body)

    def quote(self, body: Mapping[str, Any]) -> Decimal:
        """The price of a request, in points. Raises RequestRefused."""
        model, asked = self.checked(body)
        return price_of(model.id, asked)

    def generate(self, body: Mapping[str, Any], idempotency_key: str = "") -> Generation:
        """Take the order and charge for it. Raises RequestRefused, NotEnoughPoints."""
        model, asked = self.checked(body)
        scenarios, dialect = self.plan_for(body)
        points = price_of(model.id, asked)
        if Scenario.SURPRISE_PRICE in scenarios:
            points = surprise_price(points)
        with self.store.transaction():
            balance = self.balance - points
            if balance < 0:
                raise NotEnoughPoints
            now, n = self.clock.now(), self.store.next_number()
            generation = Generation(
                n=n,
                task_id=f"ms-{self._derived('task', n)[:20]}",
                provider_task_id=self._derived("provider", n)[:32],
                model=model.id,
                asked=asked,
                callback_url=str(body.get("callbackUrl", "")),
                points=points,
                scenarios=scenarios,
                dialect=dialect,
                idempotency_key=idempotency_key,
                status="submitted",
                failure_code="",
                failure_message="",
                created_at=now,
                ready_at=now + self._seconds_for(model, n, scenarios),
                finished_at=None,
            )
            self.store.add(generation, balance)
            self._enqueue_progress(generation)
        if not scenarios & {Scenario.FAIL, Scenario.HOSTILE_REASON, Scenario.CANCEL}:
            self.studio.prepare(generation.task_id, spec_of(generation))
        if Scenario.EARLY in scenarios:
            with self.store.transaction():
                # In one step, so that no ticker sends it later on another thread.
                self.finish(generation.task_id)
                callbacks = self.store.claim(self.clock.now(), generation.task_id)
            self._send(callbacks)
        return generation

    def times_seen(self, what: str) -> int:
        """How often this was asked for, now included; the memory of it ends with the process."""
        with self.store.transaction():
            self._seen[what] += 1
            return self._seen[what]

    def _derived(self, what: str, n: int) -> str:
        """Hexadecimal digits that follow from the seed and the number, also after a restart."""
        return hashlib.sha256(f"{self.seed}:{what}:{n}".encode()).hexdigest()

    def _seconds_for(self, model: Model, n: int, scenarios: frozenset[Scenario]) -> float:
        seconds = random.Random(f"{self.seed}:{n}").uniform(*model.takes) / self.speed  # noqa: S311
        if Scenario.SLOW in scenarios:
            seconds *= 10
        if scenarios & {Scenario.FAIL, Scenario.HOSTILE_REASON, Scenario.CANCEL}:
            seconds /= 2
        return seconds

    # Time

    def tick(self) -> None:
        """End what is due and send the callbacks that are due."""
        now = self.clock.now()
        for generation in self.store.finishing(now):
            self.finish(generation.task_id)
        in_a_row = []
        for callback in self.store.claim(now):
            if Scenario.THOUSAND in self._known(callback.task_id).scenarios:
                in_a_row.append(callback)
            else:
                self._deliver(partial(self._send, [callback]))
        if in_a_row:
            self._deliver(partial(self._send, in_a_row))

    def finish(self, task_id: str) -> None:
        """Bring a generation to the end its scenario has in store."""
        generation = self._known(task_id)
        if Scenario.CANCEL in generation.scenarios:
            self._end(generation, "cancelled", "cancelled", "The video was cancelled at MidSync.")
        elif Scenario.HOSTILE_REASON in generation.scenarios:
            self._end(generation, "failed", *HOSTILE_FAILURE)
        elif Scenario.FAIL in generation.scenarios:
            self._end(generation, "failed", *FAILURE)
        else:
            self._end(generation, "completed")

    def fail(self, task_id: str) -> None:
        """End a generation as failed, by hand."""
        self._end(self._known(task_id), "failed", *BY_HAND)

    def _end(self, generation: Generation, status: str, code: str = "", text: str = "") -> None:
        now = self.clock.now()
        with self.store.transaction():
            if not self.store.finish(generation.task_id, status, now, code, text):
                return
            if Scenario.SILENT not in generation.scenarios:
                for seconds, word in enumerate(schedule.words_at_the_end(generation, status)):
                    self._enqueue(
                        generation, word, now + schedule.lateness(generation) + 2 * seconds
                    )

    def _another_than(self, generation: Generation) -> Generation | None:
        """The latest generation that is not this one."""
        latest = self.store.generations(limit=2)
        return next((one for one in latest if one.task_id != generation.task_id), None)

    def _known(self, task_id: str) -> Generation:
        generation = self.store.generation(task_id)
        if generation is None:
            raise LookupError(task_id)
        return generation

    # What is told, and how

    def report(self, generation: Generation, status: str = "") -> Report:
        """What there is to say about a generation now, or as if it had that status."""
        return report_of(generation, self.clock.now(), self.settings.public_url, status)

    def file(self, name: str) -> Path:
        """The file of a finished video or its cover. Raises LookupError."""
        generation = self._known(name.rpartition(".")[0])
        if generation.status != "completed":
            raise LookupError(name)
        return self.studio.file(name, spec_of(generation))

    # Callbacks

    def _enqueue_progress(self, generation: Generation) -> None:
        """Messages before the end: only some dialects and one scenario have them."""
        only_the_end = generation.dialect in dialects.TELL_ONLY_THE_END
        if Scenario.SILENT in generation.scenarios or only_the_end:
            return
        seconds = generation.ready_at - generation.created_at
        if generation.dialect in dialects.TELL_EVERY_CHANGE:
            start = generation.created_at + seconds * WAITING_SHARE
            self._enqueue(generation, "processing", start)
        if Scenario.UNKNOWN_WORD in generation.scenarios:
            self._enqueue(generation, "percolating", generation.created_at + seconds / 2)

    def _enqueue(self, generation: Generation, word: str, due_at: float) -> None:
        dialect = Dialect(generation.dialect)
        is_end = word in ("completed", "failed", "cancelled")
        if not self._callback_urls(generation) or dialect in dialects.NEVER_CALLS_BACK:
            return
        if dialect in dialects.TELL_ONLY_THE_END and not is_end:
            return
        report = self.report(self._known(generation.task_id), word)
        body = dialects.callback_body(dialect, report)
        for _ in range(schedule.copies(generation, is_end)):
            self.store.enqueue(generation.task_id, word, due_at, body)

    def call_again(self, task_id: str) -> None:
        """Send what the generation has to say now (again), whatever its scenario was."""
        generation = self._known(task_id)
        if not self._callback_urls(generation):
            return
        report = self.report(generation)
        body = dialects.callback_body(Dialect(generation.dialect), report)
        self.store.enqueue(task_id, report.status, self.clock.now(), body)

    def _callback_urls(self, generation: Generation) -> list[str]:
        return misdelivery.addresses(generation, self.settings.account_callback)

    def _send(self, callbacks: list[Callback]) -> None:
        """Send messages one after the other and note what came of each."""
        for callback in callbacks:
            generation = self._known(callback.task_id)
            is_own = generation.dialect == Dialect.MIDSYNC
            named = generation.task_id if is_own else generation.provider_task_id
            state = "due" if callback.attempts <= len(delivery.RETRY_AFTER) else "gave-up"
            try:
                body, extra = misdelivery.as_sent(
                    generation, callback.body, self._another_than(generation)
                )
                headers = delivery.headers_for(
                    self.settings.signature, body, named, f"msg_{callback.n}"
                )
                urls = self._callback_urls(generation)
                statuses = [self._post(to, body, headers | extra) for to in urls]
                answer = ", ".join(map(str, statuses))
                state = "done" if all(200 <= status < 300 for status in statuses) else state
            except CallbackNotAllowed as refusal:
                state, answer = "gave-up", str(refusal)
            except CallbackFailed as failure:
                answer = f"no answer ({failure})"
            due_at = self.clock.now()
            if state == "due":
                due_at += delivery.RETRY_AFTER[callback.attempts - 1]
            self.store.answered(callback.n, state, answer, due_at)


def _shot_texts(body: Mapping[str, Any]) -> list[Any]:
    shots = body.get("multiPrompt")
    return (
        [shot.get("prompt") for shot in shots if isinstance(shot, dict)]
        if (isinstance(shots, list))
        else []
    )
