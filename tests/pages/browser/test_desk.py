"""The desk in a real browser: by mouse, by keys, without a script, and found usable by axe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.pages.furnished import Furnished

READERS = {"audit": "auditor", "administration": "dispatcher", "new": "builder", "boxes": "builder"}


@contextmanager
def signed_in(chromium: Browser, desk: Furnished, name: str, **more: Any) -> Iterator[Page]:
    """Somebody's browser, signed in by the page; whatever the browser complains of fails the test."""
    origin = str(desk.office.world.gateway.settings.origin)
    context = chromium.new_context(base_url=origin, viewport={"width": 1280, "height": 800}, **more)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/desk/sign-in")
    page.locator("input[name=token]").fill(desk.office.token(name))
    page.locator('form[action="/desk/sign-in"] button').click()
    expect(page.locator("a.me")).to_be_visible()
    yield page
    context.close()
    assert complaints == []


@pytest.mark.nightly
def test_boxes_are_drawn_by_mouse_and_by_keys(chromium: Browser, desk: Furnished) -> None:
    with signed_in(chromium, desk, "builder") as page:
        page.goto(f"/desk/renditions/{desk.another()}/boxes")
        canvas = page.locator("canvas")
        expect(canvas).to_be_visible()
        page.locator("[data-next]").select_option("face")
        place = canvas.bounding_box()
        assert place is not None
        scale = 480 / place["width"]
        page.mouse.move(place["x"] + 200 / scale, place["y"] + 60 / scale)
        page.mouse.down()
        page.mouse.move(place["x"] + 260 / scale, place["y"] + 120 / scale, steps=4)
        page.mouse.up()
        row = page.locator("[data-box]").nth(1)
        numbers = [int(row.locator(f"[name={name}]").input_value()) for name in ("left", "top", "width", "height")]
        assert all(abs(found - drawn) <= 2 for found, drawn in zip(numbers, (200, 60, 60, 60), strict=True)), numbers
        canvas.press("n")
        added = page.locator("[data-box]").nth(2)
        expect(added.locator("[name=class]")).to_have_value("face")
        before = int(added.locator("[name=left]").input_value())
        canvas.press("Alt+ArrowRight")
        expect(added.locator("[name=left]")).to_have_value(str(before + 1))
        canvas.press("Delete")
        expect(added.locator("[name=class]")).to_have_value("")
        page.get_by_role("button", name="Keep and render again").click()
        expect(page.locator("h1")).to_have_text("Photograph of production", timeout=20_000)
        made = page.url.rpartition("/")[2]
    (_, drawn) = desk.office.world.gateway.renders.answers(made).regions
    assert (drawn.name, drawn.box.left_px) == ("face", numbers[0])


@pytest.mark.nightly
def test_files_are_uploaded_in_parts_by_the_script_and_by_a_form_without_it(chromium: Browser, desk: Furnished) -> None:
    intake = desk.office.world.gateway.intake
    files: Any = [
        {"name": f"Liste {n}.csv", "mimeType": "text/csv", "buffer": b"Kunde;Land\r\nA;DE\r\n"} for n in (1, 2)
    ]
    before = len(intake.originals(desk.matter))
    for script in (True, False):
        with signed_in(chromium, desk, "builder", java_script_enabled=script) as page:
            page.goto(f"/desk/matters/{desk.matter}")
            page.locator("select[name=kind]").select_option("customer_list")
            page.locator("input[type=file]").set_input_files(files if script else files[:1])
            page.get_by_role("button", name="Upload").click()
            more = 2 if script else 3
            expect(page.locator("#originals ~ .scroll tbody tr")).to_have_count(before + more)
        assert len(intake.originals(desk.matter)) == before + more


def violations(page: Page) -> list[tuple[str, object]]:
    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["target"]) for one in found]


@pytest.mark.nightly
def test_the_review_has_nothing_that_axe_finds(chromium: Browser, desk: Furnished) -> None:
    with signed_in(chromium, desk, "legal1") as page:
        page.goto(f"/desk/renditions/{desk.clean}")
        assert violations(page) == []


@pytest.mark.nightly
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(chromium: Browser, desk: Furnished, language: str, scheme: Any) -> None:
    pages = [path for path in (*desk.places().values(), "/desk/account") if "/content/" not in path]
    for name in sorted({READERS.get(path.rpartition("/")[2], "legal1") for path in pages}):
        with signed_in(chromium, desk, name, locale=language, color_scheme=scheme) as page:
            for path in pages:
                if READERS.get(path.rpartition("/")[2], "legal1") == name:
                    page.goto(path)
                    assert violations(page) == [], path


@pytest.mark.nightly
def test_nothing_is_wider_than_a_tablet(chromium: Browser, desk: Furnished) -> None:
    with signed_in(chromium, desk, "legal1") as page:
        page.set_viewport_size({"width": 820, "height": 1180})
        for path in desk.places().values():
            if "/content/" not in path and READERS.get(path.rpartition("/")[2], "legal1") == "legal1":
                page.goto(path)
                assert page.evaluate("document.documentElement.scrollWidth") <= 820, path
