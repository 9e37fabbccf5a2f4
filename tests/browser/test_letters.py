# SPDX-License-Identifier: MIT
"""A buyer reads the receipt and the refund notice, and an amicale of a dispute, on a phone or
at a desk, by day or by night. What they see is kept in build/browser/ to be looked at."""

from pathlib import Path

import pytest

SHOTS = Path(__file__).resolve().parents[2] / "build" / "browser"
LEAST_CONTRAST = 4.5  # https://www.w3.org/TR/WCAG21/#contrast-minimum
LEAST_SIZE_PX = 12

ways = pytest.mark.parametrize("scheme", ["light", "dark"])
widths = pytest.mark.parametrize("width", [360, 1200])
names = pytest.mark.parametrize("name", ["receipt", "refund", "dispute"])


@pytest.fixture
def shown(chromium, letters, name, width, scheme):
    seen = chromium.show(letters[name].html, width, scheme)
    chromium.screenshot(SHOTS / f"{name}-{width}-{scheme}.png")
    return seen


@names
@widths
@ways
def test_a_letter_fits_its_screen_and_is_readable(shown, width):
    assert shown["width"] == width
    assert shown["scrollWidth"] <= width
    assert len(shown["texts"]) > 10
    for text in shown["texts"]:
        assert text["left"] >= 0 and text["right"] <= width, text
        assert text["size"] >= LEAST_SIZE_PX, text
        assert text["contrast"] >= LEAST_CONTRAST, text
        assert text["broken"] == [], text


@names
@widths
@ways
def test_the_amount_and_the_number_are_seen_at_once(shown, chromium, letters, name):
    assert chromium.is_on_top(letters[name].amount)
    assert chromium.is_on_top(letters[name].number)


@names
@widths
@ways
def test_a_letter_asks_for_nothing_from_outside(shown):
    assert shown["requests"] == []


@names
@pytest.mark.parametrize("width", [360])
def test_at_night_a_letter_is_dark(chromium, letters, name, width):
    grounds = [chromium.show(letters[name].html, width, scheme)["ground"]
               for scheme in ("light", "dark")]
    assert grounds[0] > 0.9 and grounds[1] < 0.1


# That the tests above can fail.

PAGE = ('<!DOCTYPE html><html lang="fr"><head><meta name="viewport" '
        'content="width=device-width"></head><body>{}</body></html>')


@pytest.mark.parametrize("html, url", [
    ('<img src="http://tracker.example/1.png" alt="">', "http://tracker.example/1.png"),
    ('<style>@import "http://fonts.example/a.css";</style>', "http://fonts.example/a.css"),
    ('<p style="background:url(http://a.example/b)">Bonjour</p>', "http://a.example/b"),
])
def test_a_request_to_outside_is_noticed(chromium, html, url):
    assert url in chromium.show(PAGE.format(html), 360)["requests"]


@pytest.mark.parametrize("style, ratio", [
    ("color:#000;background:#fff", 21), ("color:#777;background:#fff", 4.48),
    ("color:rgba(0,0,0,.5);background:#fff", 3.95), ("color:#000;opacity:.5", 3.95)])
def test_contrast_is_what_the_standard_says(chromium, style, ratio):
    seen = chromium.show(PAGE.format(f'<p style="{style}">Bonjour</p>'), 360)
    assert seen["texts"][0]["contrast"] == pytest.approx(ratio, abs=0.03)


def test_what_is_too_wide_hidden_or_covered_is_noticed(chromium):
    seen = chromium.show(PAGE.format("<p>" + "x" * 200 + "</p>"), 360)
    assert seen["texts"][0]["right"] > 360 and seen["scrollWidth"] > 360
    seen = chromium.show(PAGE.format(
        f'<p style="overflow-wrap:anywhere">{"x" * 200} pi_{"x" * 200}</p>'), 360)
    assert seen["scrollWidth"] == 360 and seen["texts"][0]["broken"] == ["x" * 200]
    chromium.show(PAGE.format(
        '<p>12,00 €</p><p style="display:none">13,00 €</p><p style="margin-top:2000px">14,00 €'
        '</p><p style="position:fixed;top:0;left:0;right:0;height:99px;background:red"></p>'),
        360)
    assert not any(chromium.is_on_top(f"{euros},00 €") for euros in (12, 13, 14))
    chromium.show(PAGE.format("<p>12,00 €</p>"), 360)
    assert chromium.is_on_top("12,00 €")
