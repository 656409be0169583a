"""People who log in and order through the HTML form, and press again when the line breaks."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from uuid import UUID

import requests

PATIENCE = 30  # seconds for one answer
PRESSES_MAX = 60
BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)

# What the simulator does with an order, by the words in its prompt; the last figure is how often.
# Orders that are never called back have a model of their own: MidSync's logs tie rows to models,
# not to tasks, so one such charge without an answer makes every unanswered task of its model
# doubtful.
WAYS = (
    ("", ("kling-2.5-turbo", "veo-3.1-fast", "runway"), 10),
    ("[early]", ("kling-2.5-turbo",), 2),
    ("[twice]", ("veo-3.1-fast",), 2),
    ("[out-of-order]", ("runway",), 2),
    ("[replicate]", ("kling-2.5-turbo",), 2),
    ("[fail]", ("runway",), 2),
    ("[lost-answer]", ("veo-3.1-fast",), 1),
    ("[rate-limited]", ("kling-2.5-turbo",), 1),
    ("[refuse]", ("runway",), 1),
    ("[silent]", ("grok-video",), 3),
)


@dataclass
class Form:
    """One form that somebody filled in, and the tasks that its answers led to."""

    prompt: str
    submit_key: str = ""
    answers: list[str] = field(default_factory=list)
    was_left: bool = False  # the person went away when the line broke


class Stuck(Exception):
    """A person cannot get on; the message says where."""


class FormReader(HTMLParser):
    """The fields of the form with an id, as a browser would send them."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._form_id = form_id
        self._inside = False
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = not self._form_id or values.get("id") == self._form_id
        if not self._inside:
            return
        name, value = values.get("name", ""), values.get("value", "")
        match tag:
            case "input" if name and values.get("type") in ("radio", "checkbox"):
                if "checked" in values:
                    self.fields[name] = value
            case "input" if name:
                self.fields[name] = value
            case "select":
                self._select = name
            case "option" if self._select and (
                "selected" in values or self._select not in self.fields
            ):
                self.fields[self._select] = value
            case "textarea":
                self._textarea = name
                self.fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.fields[self._textarea] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._inside = False
            case "select":
                self._select = ""
            case "textarea":
                self._textarea = ""


def fields_of(page: str, form_id: str = "") -> dict[str, str]:
    """What the form of a page holds."""
    reader = FormReader(form_id)
    reader.feed(page)
    return reader.fields


class Person:
    """Somebody with a browser: one tab, one order after the other."""

    def __init__(self, address: str, email: str, password: str, seed: str) -> None:
        self._address, self._email, self._password = address, email, password
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not secret
        self._seed = seed
        self._ordered = 0
        self._pause = threading.Event()
        self._browser = requests.Session()
        self._browser.trust_env = False

    def log_in(self) -> None:
        """Through the log-in page."""
        path = "/accounts/login/"
        page = self._until_answered(lambda: self._get(path))
        fields = fields_of(page.text) | {"login": self._email, "password": self._password}
        answer = self._until_answered(lambda: self._post(path, fields))
        if answer.status_code != 302:
            raise Stuck(f"log-in answers {answer.status_code}")

    def order(self, way: str = "", video_model: str = "") -> Form:
        """Fill in a form, ask for its price, press Generate until an answer leads to a task."""
        if not video_model:
            weights = [often for _, _, often in WAYS]
            way, models, _ = self._random.choices(WAYS, weights)[0]
            video_model = self._random.choice(models)
        self._ordered += 1
        form = Form(f"{self._seed} order {self._ordered} {way}".strip())
        leaves, presses_twice = self._random.random() < 0.1, self._random.random() < 0.15
        page = self._until_answered(lambda: self._get(f"/?model={video_model}"))
        fields = fields_of(page.text, "task-form") | {"prompt": form.prompt}
        if "submit_key" not in fields:
            raise Stuck(f"no form to order with: {page.status_code}")
        form.submit_key = fields["submit_key"]
        fields |= self._price(fields)
        if presses_twice:
            also = threading.Thread(target=self._press_beside, args=(form, dict(fields)))
            also.start()
            self._press(form, fields, leaves=False)
            also.join(PATIENCE)
        else:
            self._press(form, fields, leaves)
        return form

    def _price(self, fields: dict[str, str]) -> dict[str, str]:
        """The key of the price, as htmx puts it into the form."""
        htmx = {"HX-Request": "true"}
        answer = self._until_answered(lambda: self._post("/quote/", fields, htmx))
        _, _, after = answer.text.partition('name="quote_key" value="')
        return {"quote_key": after.partition('"')[0]} if after else {}

    def _press(self, form: Form, fields: dict[str, str], leaves: bool) -> None:
        for _ in range(PRESSES_MAX):
            try:
                answer = self._post("/", fields | {"generate": "1"})
            except BROKEN:
                if leaves:
                    form.was_left = True
                    return
                self._pause.wait(0.2)
                continue
            if answer.status_code == 302 and "/tasks/" in answer.headers["Location"]:
                form.answers.append(str(UUID(answer.headers["Location"].split("/tasks/")[1][:36])))
                return
            if answer.status_code == 302:
                self.log_in()
                fields |= {"csrfmiddlewaretoken": self._token()}
            elif answer.status_code == 422 and (again := fields_of(answer.text, "task-form")):
                if again["submit_key"] != form.submit_key:
                    raise Stuck("the form that was not ordered has another key")
                fields |= again  # a price to look at: press again
            elif answer.status_code in (429, 500, 503):  # 500: the database is away
                self._pause.wait(0.5)
            else:
                raise Stuck(f"an order is answered {answer.status_code}: {answer.text[:300]}")
        raise Stuck(f"{PRESSES_MAX} presses have led nowhere: {form}")

    def _press_beside(self, form: Form, fields: dict[str, str]) -> None:
        """The second click of a double click: whatever comes of it, the first one goes on."""
        try:
            answer = self._post("/", fields | {"generate": "1"})
        except BROKEN:
            return
        if answer.status_code == 302 and "/tasks/" in answer.headers["Location"]:
            form.answers.append(str(UUID(answer.headers["Location"].split("/tasks/")[1][:36])))

    def _token(self) -> str:
        page = self._until_answered(lambda: self._get("/"))
        return fields_of(page.text, "task-form")["csrfmiddlewaretoken"]

    def _until_answered(self, ask: Callable[[], requests.Response]) -> requests.Response:
        """Reload until there is an answer."""
        for _ in range(PRESSES_MAX):
            try:
                answer = ask()
            except BROKEN:
                self._pause.wait(0.2)
                continue
            if answer.status_code < 500:
                return answer
            self._pause.wait(0.5)
        raise Stuck("the portal does not come back")

    def _get(self, path: str) -> requests.Response:
        return self._browser.get(
            self._address + path, timeout=PATIENCE, allow_redirects=path.startswith("/?")
        )

    def _post(
        self, path: str, fields: dict[str, str], headers: dict[str, str] | None = None
    ) -> requests.Response:
        return self._browser.post(
            self._address + path,
            data=fields,
            headers=headers,
            timeout=PATIENCE,
            allow_redirects=False,
        )
