"""Where a result's link may lead: a table of addresses, names that change, certificates."""

import io
import ssl

import pytest

from midsync_portal.videos import download as downloads
from midsync_portal.videos import guard
from midsync_portal.videos.download import Limits, NotFetched, download
from tests.result_host import CERTIFICATE, ORIGIN, VIDEO, ResultHost, http

PUBLIC = ["1.1.1.1", "93.184.216.34", "100.63.255.255", "172.32.0.1", "2606:4700::1111"]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - refused
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
]


@pytest.fixture
def host(monkeypatch):
    host = ResultHost(monkeypatch)
    yield host
    host.finish()


@pytest.fixture
def limits():
    return Limits(bytes_max=1_000_000, deadline=downloads.monotonic() + 60)


@pytest.fixture
def trusting(monkeypatch):
    """This machine's authorities are replaced by the one that signed media.example.com."""
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    monkeypatch.setattr(downloads, "tls_context", lambda: context)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address):
    assert guard.is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_every_other_address_is_not(address):
    assert not guard.is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_that_leads_there_gets_no_socket(host, limits, address):
    host.names["media.example.com"] = [[address]]
    with pytest.raises(NotFetched, match="no public address"):
        download("https://media.example.com/v.mp4", "video", io.BytesIO(), limits)
    assert host.dialled == []


def test_a_name_that_changes_after_the_check_gains_nothing(host, limits, trusting):
    host.speak_tls()
    host.names["media.example.com"] = [["93.184.216.34"], ["127.0.0.1"]]
    host.paths["/v.webm"] = host.paths["/media/v.webm"]
    download("https://media.example.com/v.webm", "video", io.BytesIO(), limits)
    assert host.dialled == [("93.184.216.34", 443)]
    with pytest.raises(NotFetched, match="no public address"):
        download("https://media.example.com/v.webm", "video", io.BytesIO(), limits)
    assert host.dialled == [("93.184.216.34", 443)]


def test_of_several_addresses_only_the_public_ones_are_tried(host, limits, monkeypatch):
    def nobody(address, port, seconds):
        host.dialled.append((address, port))
        raise ConnectionRefusedError

    monkeypatch.setattr(guard, "dial", nobody)
    host.names["media.example.com"] = [["10.0.0.1", "93.184.216.34", "::1", "2606:4700::1111"]]
    with pytest.raises(NotFetched, match="ConnectionRefusedError"):
        download("https://media.example.com/v.mp4", "video", io.BytesIO(), limits)
    assert host.dialled == [("93.184.216.34", 443), ("2606:4700::1111", 443)]


def test_a_trusted_origin_may_be_private_but_only_exactly(host, limits, settings):
    assert download(VIDEO, "video", io.BytesIO(), limits).content_type == "video/webm"
    assert host.dialled == [("127.0.0.1", 8900)]
    for url in (
        "http://127.0.0.1:8901/media/v.webm",
        "https://127.0.0.1:8900/media/v.webm",
        "http://localhost:8900/media/v.webm",
        "http://127.0.0.1:8900@evil.example/media/v.webm",
    ):
        with pytest.raises(NotFetched, match="does not use"):
            download(url, "video", io.BytesIO(), limits)
    assert host.dialled == [("127.0.0.1", 8900)]


def test_results_lie_on_named_hosts_only_where_they_are_named(host, limits, settings):
    settings.RESULT_HOSTS = ["example.com"]
    with pytest.raises(NotFetched, match="does not use"):
        download("https://media.example.org/v.mp4", "video", io.BytesIO(), limits)
    assert host.dialled == []


def test_a_certificate_of_nobody_we_know_is_refused(host, limits):
    host.speak_tls()
    host.names["media.example.com"] = [["93.184.216.34"]]
    with pytest.raises(NotFetched, match=r"certificate of media\.example\.com is refused"):
        download("https://media.example.com/v.webm", "video", io.BytesIO(), limits)
    assert host.requests == []


def test_a_certificate_for_another_name_is_refused(host, limits, trusting):
    host.speak_tls()
    host.names["other.example.com"] = [["93.184.216.34"]]
    with pytest.raises(NotFetched, match=r"certificate of other\.example\.com is refused"):
        download("https://other.example.com/v.webm", "video", io.BytesIO(), limits)
    assert host.requests == []


# --- Redirects ------------------------------------------------------------------------------------


def moved(to: str, status: str = "302 Found") -> bytes:
    return http(b"<h1>moved</h1>", status, Location=to, Content_Type="text/html")


@pytest.mark.parametrize("status", ["301 A", "302 A", "303 A", "307 A", "308 A"])
def test_a_redirect_is_followed_with_its_relative_path(host, limits, status):
    host.paths["/old"] = moved("/media/v.webm?a=1", status)
    host.paths["/media/v.webm?a=1"] = host.paths["/media/v.webm"]
    download(f"{ORIGIN}/old", "video", io.BytesIO(), limits)
    assert host.asked() == ["/old", "/media/v.webm?a=1"]


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8901/",
        "https://127.0.0.1/",
        "https://localhost/",
        "http://media.example.com/v.mp4",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_",
        "data:video/mp4,x",
        "//169.254.169.254/latest/meta-data/",
        "https://user@example.com/",
        "http://[::1",
    ],
)
def test_a_redirect_leads_nowhere_that_a_link_may_not(host, limits, place):
    host.paths["/old"] = moved(place)
    with pytest.raises(NotFetched):
        download(f"{ORIGIN}/old", "video", io.BytesIO(), limits)
    assert host.dialled == [("127.0.0.1", 8900)]


def test_a_redirect_to_a_name_of_a_private_address_gets_no_socket(host, limits):
    host.names["intern.example.com"] = [["10.1.2.3"]]
    host.paths["/old"] = moved("https://intern.example.com/v.mp4")
    with pytest.raises(NotFetched, match="no public address"):
        download(f"{ORIGIN}/old", "video", io.BytesIO(), limits)
    assert host.dialled == [("127.0.0.1", 8900)]


def test_three_redirects_are_followed_and_no_more(host, limits):
    for number in range(4):
        host.paths[f"/{number}"] = moved(f"/{number + 1}")
    host.paths["/4"] = host.paths["/media/v.webm"]
    download(f"{ORIGIN}/1", "video", io.BytesIO(), limits)
    with pytest.raises(NotFetched, match="more than 3 times"):
        download(f"{ORIGIN}/0", "video", io.BytesIO(), limits)
    host.paths["/0"] = http(status="302 Found")
    with pytest.raises(NotFetched, match="more than 3 times"):
        download(f"{ORIGIN}/0", "video", io.BytesIO(), limits)


def test_promise_14_nothing_of_ours_goes_along(host, limits, settings, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ana password canary-password")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://10.0.0.1:3128")
    monkeypatch.setenv("http_proxy", "http://10.0.0.1:3128")
    host.paths["/media/v.webm"] = http(
        status="302 Found", Location="/2", Set_Cookie="a=canary-cookie"
    )
    host.paths["/2"] = http(b"\xff\xd8\xff" + b"0" * 100, Content_Type="image/jpeg")
    download(f"{ORIGIN}/2", "image", io.BytesIO(), limits)
    with pytest.raises(NotFetched):
        download(VIDEO, "video", io.BytesIO(), limits)
    assert host.dialled == [("127.0.0.1", 8900)] * 3
    for request in host.requests:
        names = {line.split(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
        assert names == {b"host", b"user-agent", b"accept", b"accept-encoding", b"connection"}
        assert b"canary" not in request
        assert settings.MIDSYNC_API_KEY.encode() not in request
