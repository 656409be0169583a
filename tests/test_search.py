"""Support's one search: exact ids, e-mail, words in any script; hostile terms are answered."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from midsync_portal.admin.evidence import COUNTED_MAX
from midsync_portal.management.commands.worker import Worker
from midsync_portal.models import PromptGrams, Task
from midsync_portal.search import find, grams, index_new_prompts, indexing, words

pytestmark = pytest.mark.django_db

SEARCH = reverse("admin:support_search")


@pytest.fixture
def support(client, tess):
    """A browser that Tess of support is logged in with."""
    client.force_login(tess)
    return client


@pytest.fixture
def only_index(monkeypatch):
    """All prompts are older than what is read without the index."""
    monkeypatch.setattr(words, "NEWEST", 0)


def found(term):
    """The tasks that a term finds."""
    return list(Task.objects.filter(pk__in=find(term).tasks))


@pytest.mark.parametrize(
    "term",
    [
        "{task.public_id}",
        "  {task.public_id}  ",
        "https://portal.example/tasks/{task.public_id}/",
        "see http://x/tasks/{task.public_id}/video/?download=1",
        "https://portal.example/admin/midsync_portal/task/{task.pk}/change/",
        "ms-one",
        "pv-one",
    ],
)
def test_an_exact_id_goes_straight_to_the_task(support, make_task, term):
    task = make_task(midsync_task_id="ms-one", provider_task_id="pv-one")
    make_task(prompt="ms-one pv-one", midsync_task_id="ms-two", provider_task_id="pv-two")
    answer = support.get(SEARCH, {"q": term.format(task=task)})
    assert answer.status_code == 302
    assert answer["Location"] == reverse("admin:midsync_portal_task_change", args=[task.pk])


def test_an_id_of_several_tasks_lists_them(support, make_task):
    two = [make_task(provider_task_id="pv-same") for _ in range(2)]
    page = support.get(SEARCH, {"q": "pv-same"})
    assert set(page.context["tasks"]) == set(two)


def test_an_address_finds_the_person_their_teams_and_all_tasks_of_these(
    support, make_task, ana, ben
):
    anas = make_task()
    of_the_team = make_task(ordered_by=ben)
    make_task(customer=ben.customers.first(), ordered_by=ben)
    page = support.get(SEARCH, {"q": ana.email.upper()})
    assert set(page.context["tasks"]) == {anas, of_the_team}
    assert "Alder Films" in page.content.decode()
    assert len(found(ben.email)) == 2


def test_who_has_ordered_nothing_is_found_all_the_same(support, ben):
    assert "Birch Studio" in support.get(SEARCH, {"q": ben.email}).content.decode()


PROMPTS = {
    "a red fox in the snow": ("fox", "RED fox", "snow red", "fo", "a fox"),
    "雪の中の赤い狐の動画": ("動画", "狐", "赤い狐", "雪の 動画"),
    "4K の猫、ﾄﾞｳｶﾞ": ("4k", "4K 猫", "ドウガ"),
    "夕陽下的狐狸影片": ("影片", "狐狸"),
    "Ein Füchslein über Zürich 🦊": ("FÜCHS", "zürich", "🦊"),
    "ไก่ในสวน": ("สวน",),
    "여우 한 마리": ("여우",),
}


@pytest.mark.usefixtures("only_index")
@pytest.mark.parametrize(
    ("prompt", "term"), [(prompt, term) for prompt, terms in PROMPTS.items() for term in terms]
)
def test_words_of_any_script_are_found_by_the_index_alone(make_task, prompt, term):
    tasks = {text: make_task(prompt=text) for text in PROMPTS}
    assert found(term) == []
    assert index_new_prompts() == len(PROMPTS)
    assert tasks[prompt] in found(term)
    assert all(grams.fits(task.prompt, grams.words_of_term(term)) for task in found(term))


def test_what_is_new_is_found_before_the_worker_has_seen_it(make_task):
    task = make_task(prompt="雪の動画")
    assert not PromptGrams.objects.exists()
    assert found("動画") == [task]


@pytest.mark.usefixtures("only_index")
def test_a_gram_that_only_seems_to_fit_is_read_again(make_task, monkeypatch):
    monkeypatch.setattr(grams, "crc32", lambda data: 8)
    grams.grams_of_prompt.cache_clear()
    make_task(prompt="a cat")
    index_new_prompts()
    assert found("fox") == []
    grams.grams_of_prompt.cache_clear()


@pytest.mark.usefixtures("only_index")
def test_all_is_found_however_far_back_it_lies(make_task, monkeypatch):
    monkeypatch.setattr(words, "STRETCHES", (2, 4))
    monkeypatch.setattr(words, "AT_ONCE", 2)
    tasks = [make_task(prompt="a fox" if number % 3 else "a cat") for number in range(12)]
    index_new_prompts()
    foxes = [task.pk for number, task in enumerate(tasks) if number % 3]
    assert list(find("fox").tasks) == foxes[::-1]
    monkeypatch.setattr(words, "FOUND_MAX", 3)
    assert list(find("fox").tasks) == foxes[::-1][:3]
    assert not find("fox").is_all


def test_the_worker_writes_grams_once_in_batches_also_for_late_commits(make_task, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 2)
    tasks = [make_task() for _ in range(5)]
    assert index_new_prompts() == 5
    PromptGrams.objects.filter(task=tasks[1]).delete()  # its number was given, then it committed
    assert index_new_prompts() == 1
    assert index_new_prompts() == 0
    assert PromptGrams.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_the_worker_does_it_by_itself(make_task, worker: Worker):
    make_task()
    worker.look()
    worker.wait()
    assert PromptGrams.objects.count() == 1


HOSTILE = [
    "\x00",
    "\ud800",
    "%",
    "_",
    "'; drop table",
    '" OR "',
    "a" * 5_000,
    "動" * 5_000,
    " ".join("abcdefgh"[number % 8] * 4 for number in range(3_000)),
    "@",
    "x" * 300 + "@" + "y" * 300,
    "💥",
    "\u202e\u2066gnp",
    "12345678901234567890123456789",
    "/task/999999999999999999999/",
    "٣٣٣",
    "Ⅷ",
    "ﷺ" * 200,
    "*",
    "NEAR(a b)",
]


@pytest.mark.parametrize("term", HOSTILE)
@pytest.mark.parametrize("reads_newest", [True, False])
def test_a_hostile_term_is_answered(support, make_task, monkeypatch, term, reads_newest):
    make_task()
    index_new_prompts()
    if not reads_newest:
        monkeypatch.setattr(words, "NEWEST", 0)
    if "\ud800" in term:
        assert find(term).tasks == ()
        return
    assert support.get(SEARCH, {"q": term}).status_code == 200


def queries_of(act):
    """How many queries something makes."""
    with CaptureQueriesContext(
        connection,
    ) as caught:
        act()
    return len(caught)


@pytest.mark.parametrize("term", ["ms-1", "ana@alder.example", "fox", "動画", "nothing like it"])
def test_the_number_of_queries_does_not_grow_with_the_tasks(support, make_task, term):
    make_task(midsync_task_id="ms-1", prompt="fox 動画")
    support.get(SEARCH, {"q": term})
    few = queries_of(lambda: support.get(SEARCH, {"q": term}))
    for _ in range(10):
        make_task(prompt="fox 動画")
    index_new_prompts()
    assert queries_of(lambda: support.get(SEARCH, {"q": term})) == few


def test_each_exact_look_up_uses_an_index_of_its_own(make_task):
    make_task()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    plans = {
        "midsync_task_id": "task_midsync_id_once",
        "provider_task_id": "task_provider_id",
        "public_id": "public_id",
    }
    for field, index in plans.items():
        value = "0" * 8 + "-0000-4000-8000-" + "0" * 12 if field == "public_id" else "x"
        rows = Task.objects.filter(**{field: value})
        if field != "public_id":
            rows = rows.exclude(**{field: ""})
        assert index in rows.explain(), (field, rows.explain())


def test_a_long_list_is_counted_only_so_far(support, make_task, monkeypatch):
    monkeypatch.setattr("midsync_portal.admin.evidence.COUNTED_MAX", 2)
    for _ in range(3):
        make_task()
    page = support.get(reverse("admin:midsync_portal_task_changelist"))
    assert page.context["cl"].result_count == 2
    assert COUNTED_MAX > 1_000


def test_only_who_may_view_tasks_may_search(client, ana, tess, make_task):
    client.force_login(ana)
    assert client.get(SEARCH).status_code == 302
    tess.groups.clear()
    client.force_login(tess)
    assert client.get(SEARCH).status_code == 403
