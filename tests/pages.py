"""Pages as a browser without JavaScript reads them: elements, texts, what a form would send."""

from html.parser import HTMLParser
from typing import Any

VOID = frozenset({"input", "img", "link", "meta", "br", "hr", "path", "rect", "source"})


class Page(HTMLParser):
    """An answer, read: `page.roots`, `page.by_id["task-quote"]`, `page.text_of("task-quote")`."""

    def __init__(self, response: Any) -> None:
        super().__init__(convert_charrefs=True)
        self.roots: list[dict[str, str]] = []
        self.elements: list[dict[str, str]] = []
        self.by_id: dict[str, dict[str, str]] = {}
        self._texts: dict[str, list[str]] = {}
        self._open: list[dict[str, str]] = []
        html = response if isinstance(response, str) else response.content.decode()
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element more."""
        element = {"tag": tag} | {name: value or "" for name, value in attrs}
        element["in form"] = next(
            (above.get("id", "?") for above in self._open if above["tag"] == "form"), ""
        )
        element["in select"] = next(
            (above.get("name", "") for above in self._open if above["tag"] == "select"), ""
        )
        if not self._open:
            self.roots.append(element)
        self.elements.append(element)
        if name := element.get("id"):
            assert name not in self.by_id, f"twice on one page: {name}"
            self.by_id[name] = element
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """The innermost element ends, and it must be this one."""
        if tag in VOID:
            return
        element = self._open.pop()
        assert element["tag"] == tag, f"</{tag}> closes {element}"

    def handle_data(self, data: str) -> None:
        """Text, for every element around it."""
        for element in self._open:
            element["text"] = element.get("text", "") + data

    def text_of(self, name: str) -> str:
        """The text of an element, by id, on one line."""
        return " ".join(self.by_id[name].get("text", "").split())

    def with_class(self, name: str) -> list[dict[str, str]]:
        """The elements of a class, in order."""
        return [one for one in self.elements if name in one.get("class", "").split()]

    def form(self, name: str = "task-form") -> dict[str, list[str]]:
        """What the browser sends for a form if no button of it is pressed."""
        sent: dict[str, list[str]] = {}
        for one in self.elements:
            if one["in form"] != name or "disabled" in one:
                continue
            match one["tag"], one.get("type", ""):
                case "input", "checkbox" | "radio" if "checked" not in one:
                    continue
                case "input", _:
                    sent.setdefault(one["name"], []).append(one.get("value", "on"))
                case "textarea", _:
                    text = one.get("text", "").removeprefix("\n")
                    sent.setdefault(one["name"], []).append(text)
                case "option", _ if "selected" in one:
                    sent.setdefault(one["in select"], []).append(one["value"])
        return sent
