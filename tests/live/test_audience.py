"""What has to be rendered of a task follows from who watches it, at every moment."""

from midsync_portal.live.audience import Audience
from midsync_portal.live.subscriber import Subscriber


def a_page(user=1, language="en"):
    return Subscriber(session=f"session-{user}", user=user, customer=1, language=language)


def test_nobody_wants_anything_of_a_task_that_nobody_watches():
    audience = Audience()
    assert audience.keep_wanted(7) == frozenset()
    audience.add(a_page(), {8: ("row",)})
    assert audience.wanted_of(7) == frozenset()


def test_what_is_wanted_is_reckoned_anew_when_somebody_comes_or_leaves():
    audience = Audience()
    english, japanese = a_page(), a_page(2, "ja")
    audience.add(english, {7: ("row",)})
    assert audience.keep_wanted(7) == {("row", "en")}
    audience.add(japanese, {7: ("row", "status")})
    assert audience.keep_wanted(7) == {("row", "en"), ("row", "ja"), ("status", "ja")}
    assert audience.remove(english) == []
    assert audience.keep_wanted(7) == {("row", "ja"), ("status", "ja")}
    assert audience.remove(japanese) == [7]
    assert audience.keep_wanted(7) == frozenset()
    assert not any(map(len, vars(audience).values()))


def test_it_is_counted_through_once_however_often_it_is_asked():
    asked = []

    class Counted(Subscriber):
        __slots__ = ()

        def fragments_of(self, task):
            asked.append(task)
            return super().fragments_of(task)

    audience = Audience()
    for user in range(5):
        audience.add(Counted(session="s", user=user, customer=1), {7: ("row",)})
    audience.keep_wanted(7)
    assert len(asked) == 5
    assert audience.wanted_of(7) == audience.keep_wanted(7) == {("row", "en")}
    assert len(asked) == 5


def test_what_another_thread_has_reckoned_is_not_kept():
    """It may be old already: somebody may have come meanwhile."""
    audience = Audience()
    audience.add(a_page(), {7: ("row",)})
    assert audience.wanted_of(7) == {("row", "en")}
    assert not audience._wanted


def test_a_new_row_is_wanted_until_it_was_announced():
    audience = Audience()
    page = a_page()
    audience.add(page, {})
    page.unannounced.add(7)
    audience.watch(page, 7, ("row",))
    assert audience.keep_wanted(7) == {("row", "en"), ("new_row", "en")}
    page.unannounced.discard(7)
    assert audience.keep_wanted(7) == {("row", "en")}


def test_who_was_never_here_leaves_without_a_trace():
    audience = Audience()
    audience.add(a_page(), {7: ("row",)})
    assert audience.remove(a_page()) == []
    assert audience.tasks == {7}
