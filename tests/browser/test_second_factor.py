"""A security key, which only a browser can use, opens the admin."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from .conftest import Pair
from .portal import SUPPORT
from .visitor import Visitor

pytestmark = pytest.mark.browser

KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


def test_support_adds_a_security_key_and_logs_in_by_it(
    pair: Pair, open_window: Callable[..., Visitor]
) -> None:
    # Browsers offer keys at https addresses and at localhost only.
    localhost = pair.portal.address.replace("127.0.0.1", "localhost")
    sam = open_window(replace(pair.portal, address=localhost, email=SUPPORT))
    page = sam.page
    plugged_in = page.context.new_cdp_session(page)
    plugged_in.send("WebAuthn.enable")
    plugged_in.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    sam.log_in("/admin/")
    page.goto(f"{localhost}/accounts/2fa/webauthn/add/")
    page.fill("input[name=password]", sam.portal.password)
    page.press("input[name=password]", "Enter")
    page.fill("input[name=name]", "the blue one")
    page.get_by_role("button", name="Add").click()
    expect(page).not_to_have_url(re.compile("/add/"))  # the key has answered
    page.goto(f"{localhost}/accounts/2fa/webauthn/")
    expect(page.get_by_role("heading", name="the blue one")).to_be_visible()

    page.goto(f"{localhost}/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Log out").click()
    expect(page).not_to_have_url(re.compile("/logout/"))
    page.goto(f"{localhost}/admin/")
    sam.enter_password()
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url("**/admin/")
    expect(page.get_by_role("heading", name="Look up and repair")).to_be_visible()
