"""A site in this process with its hub, and bin/web on each database."""

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client

from midsync_portal.serving.site import Site
from tests.databases import DATABASES, new_database
from tests.serving import Loop, Page, request

from .people import browser_of
from .processes import Stream, Worker, environment, serving


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    """A database of its own."""
    with new_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def env(tmp_path, database_url):
    """The environment of the portal's processes."""
    return environment(database_url, tmp_path)


@pytest.fixture
def web(tmp_path, env):
    """bin/web with two workers."""
    with serving(env, tmp_path) as web:
        yield web


@pytest.fixture
def worker(env, web):
    """The process that changes tasks."""
    worker = Worker(env)
    yield worker
    worker.end()


@pytest.fixture
def open_stream(env):
    """Opens streams, which are closed after the test."""
    streams = []

    def open_stream(cookie: str, tasks: list[str]) -> Stream:
        streams.append(Stream(int(env["PORT"]), cookie, tasks))
        return streams[-1]

    yield open_stream
    for stream in streams:
        stream.close()


# --- In this process ---------------------------------------------------------------------------


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def site(loop, transactional_db):
    async def make() -> Site:
        site = Site(get_wsgi_application())
        await site.hub.start()
        return site

    site = loop.run(make())
    yield site
    loop.run(site.finish())


@pytest.fixture
def open_page(loop, site):
    """Opens a page with a stream: for whom, and with which query."""
    pages = []

    def open_page(
        client: Client,
        *,
        rows=(),
        detail=None,
        new=False,
        kind="rows",
        counts_from=None,
        language="",
        team=None,
    ) -> Page:
        query = f"{kind}={','.join(str(task.public_id) for task in rows)}"
        if detail:
            query += f"&detail={detail.public_id}"
        if new:
            query += "&list=1"
        if counts_from is not None:
            query += f"&list={counts_from}"
        if language:
            query += f"&lang={language}"
        if team:
            query += f"&team={team.pk}"
        pages.append(Page(loop, site, client, query))
        return pages[-1]

    yield open_page
    for page in pages:
        page.read_on()
        page.leave()


@pytest.fixture
def anas_browser(ana) -> Client:
    return browser_of(ana)


@pytest.fixture
def ask(loop, site):
    """Asks for a stream that is going to be refused."""

    def ask(client: Client, query: str, method: str = "GET"):
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        return request(loop, site, "/stream/", method, query=query, headers={"cookie": cookies})

    return ask
