"""Which links are forwarded or shown: a table of usable and refused ones, and a property."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midsync_portal.links import LENGTH_MAX, LinkRefused, check_link, is_usable_link

TRUSTED = ("http://127.0.0.1:9000",)

USABLE = [
    "https://media.example.com/v/1.mp4",
    "https://media.example.com",
    "https://media.example.com:443/v.mp4",
    "HTTPS://Media.Example.COM/v.mp4",
    "https://example.com?signature=a%2Fb&expires=1",
    "https://example.com/a@b/c:d;e=f,g~h/(i)'!*$+[j]{k}|l^`#part",
    "https://xn--mnchen-3ya.example/v.mp4",
    "https://my_bucket.s3.example.com/v.mp4",
    "https://a.b.c.d.e.example.museum/",
    "https://1and1.example.com/",
    "https://example.xn--p1ai/",
    "https://example.com/" + "a" * (LENGTH_MAX - 20),
]

REFUSED = [
    "",
    "example.com/v.mp4",
    "//example.com/v.mp4",
    "/v.mp4",
    "http://example.com/v.mp4",
    "ftp://example.com/v.mp4",
    "javascript:alert(1)",
    "javascript://example.com/%0aalert(1)",
    "data:text/html,x",
    "https:example.com",
    "https:/example.com",
    "https:///example.com",
    "https://",
    "https://localhost/",
    "https://localhost.localdomain/",
    "https://portal.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.home.arpa/",
    "https://nas.lan/",
    "https://intranet/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/",
    "https://8.8.8.8/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://example.1/",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@evil.example/",
    "https://example.com\\@evil.example/",
    "https://example.com\\.evil.example/",
    "https://example.com:8443/",
    "https://example.com:/",
    "https://example.com:0443/",
    "https://example.com:443:443/",
    "https://example.com:abc/",
    "https://example.com./",
    "https://.example.com/",
    "https://exa..mple.com/",
    "https://-example.com/",
    "https://example-.com/",
    "https://exam%70le.com/",
    "https://exämple.com/",
    "https://example.com/ü",
    "https://example。com/",
    "https://example.com/a b",
    "https://exam\tple.com/",
    "https://example.com/\n",
    "\nhttps://example.com/",
    " https://example.com/",
    "https://example.com/ ",
    "https://example.com/\x00",
    "https://example.com/\x7f",
    "https://example.com/\u202e4pm.exe",
    "https://example.com/\ud800",
    'https://example.com/"onload=x',
    "https://example.com/<script>",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 130 + "com/",
    "https://example.com/" + "a" * (LENGTH_MAX - 19),
    "http://127.0.0.1:9000/v.mp4",
]


@pytest.mark.parametrize("url", USABLE, ids=lambda url: url[:60])
def test_a_plain_public_https_link_is_usable(url):
    check_link(url)
    assert is_usable_link(url)


@pytest.mark.parametrize("url", REFUSED, ids=lambda url: ascii(url[:60]))
def test_every_other_link_is_refused_with_a_sentence_for_the_customer(url):
    with pytest.raises(LinkRefused) as caught:
        check_link(url)
    reason = caught.value.reason
    assert reason == str(caught.value)
    assert reason[0].isupper()
    assert reason.endswith(".")
    assert not is_usable_link(url)


@pytest.mark.parametrize("value", [None, 7, b"https://example.com/", ["https://example.com/"]])
def test_what_is_no_text_is_no_link(value):
    with pytest.raises(LinkRefused):
        check_link(value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000", "http://127.0.0.1:9000/v.mp4", "http://127.0.0.1:9000?v=1"]
)
def test_a_trusted_origin_may_be_http_and_private(url):
    check_link(url, TRUSTED)
    check_link(url, ("HTTP://127.0.0.1:9000/",))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:9000/",
        "http://127.0.0.1:9001/",
        "http://127.0.0.1/",
        "http://127.0.0.1:90001/",
        "http://127.0.0.1:9000.evil.example/",
        "http://127.0.0.1:9000@evil.example/",
        "http://user@127.0.0.1:9000/",
        "http://localhost:9000/",
        "http://127.0.0.1:9000\\@evil.example/",
        "http://127.0.0.1:9000/ ",
    ],
)
def test_a_trusted_origin_is_exact_and_all_other_rules_hold(url):
    with pytest.raises(LinkRefused):
        check_link(url, TRUSTED)


PIECES = ["https://", "http://", "example", ".com", "@", "\\", "/", ":", "443", "127.0.0.1", "?"]
PIECES += ["#", "%", "[::1]", ".", "-", "_", "localhost", ".local", "\t", "\n", " ", "ü", "\0"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join))
@example("https://example.com/")
def test_a_usable_link_is_read_alike_by_everyone_and_public(url):
    if not is_usable_link(url):
        return
    parts = urlsplit(url)
    assert parts.scheme == "https"
    assert parts.username is None
    assert parts.password is None
    assert parts.port in (None, 443)
    host = parts.hostname or ""
    assert parts.netloc.lower() in (host, f"{host}:443")
    assert "." in host
    assert host.rpartition(".")[2].isascii()
    assert not host.rpartition(".")[2].isdigit()
    assert not host.endswith(("localhost", ".local", ".internal"))
    assert url.isascii()
    assert url.isprintable()
    assert not {" ", "\\", "@"} & set(parts.netloc)
