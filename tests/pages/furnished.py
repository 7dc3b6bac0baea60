"""One of everything that pages show."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from PIL import Image

from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from tests.support.office import CUSTOMERS, Office

# Stands in every original's name and title, and may stand on a page only as text.
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"
# Stands in the original of the customer list and is withheld by its policy.
SECRET = "gruen"


@dataclass(frozen=True)
class Furnished:
    """An office and the ids of what lies in it."""

    office: Office
    matter: str
    customers: str
    photo: str
    waiting: str
    clean: str
    drawn: str
    draft: str
    in_review: str

    def places(self) -> dict[str, str]:
        """Every page that is there to be read, by its route."""
        return {
            "/desk": "/desk",
            "/desk/matters": "/desk/matters",
            "/desk/matters/new": "/desk/matters/new",
            "/desk/matters/{matter_id}": f"/desk/matters/{self.matter}",
            "/desk/originals/{original_id}": f"/desk/originals/{self.customers}",
            "/desk/releases/{release_id}": f"/desk/releases/{self.in_review}",
            "/desk/releases/{release_id}/approval": f"/desk/releases/{self.in_review}/approval?role=legal",
            "/desk/releases/{release_id}/files/{path}": f"/desk/releases/{self.in_review}/files/withheld.csv",
            "/desk/renditions/{rendition_id}": f"/desk/renditions/{self.clean}",
            "/desk/renditions/{rendition_id}/boxes": f"/desk/renditions/{self.drawn}/boxes",
            "/desk/content/renditions/{rendition_id}/pages/{number}": f"/desk/content/renditions/{self.drawn}/pages/1",
            "/desk/content/originals/{original_id}/pages/{number}": f"/desk/content/originals/{self.photo}/pages/1",
            "/desk/policies": "/desk/policies",
            "/desk/policies/{ref}": "/desk/policies/cn-mofcom-single.customer-list@1.0.0",
            "/desk/audit": "/desk/audit",
            "/desk/administration": "/desk/administration",
        }

    def get(self, name: str, path: str, language: str = "en") -> httpx.Response:
        """A page, as this person reads it."""
        return self.office[name].get(path, headers={"Accept-Language": language})

    @contextmanager
    def browser(self, name: str) -> Iterator[Browser]:
        """The browser of a person who signs in with their token."""
        origin = str(self.office.world.gateway.settings.origin)
        with self.office.client() as client:
            told = {"token": self.office.token(name), "to": "/desk/account"}
            entered = client.post("/desk/sign-in", data=told, headers={"Origin": origin})
            assert (entered.status_code, entered.headers["location"]) == (303, "/desk/account"), entered.text
            page = client.get("/desk/account").text
            yield Browser(client, re.findall(r'name="csrf" value="([^"]+)"', page)[0], origin)

    def send(self, name: str, path: str, fields: Mapping[str, object] | None = None, **headers: str) -> httpx.Response:
        """A form, as a browser sends it from a page of the desk."""
        origin = str(self.office.world.gateway.settings.origin)
        told = {"Origin": origin, "Sec-Fetch-Site": "same-origin", **headers}
        return self.office[name].post(path, data=dict(fields or {}), headers=told)


@dataclass
class Browser:
    """Somebody's browser, signed in by the page, with the secret of its session."""

    client: httpx.Client
    csrf: str
    origin: str

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """A form, as this browser sends it."""
        told = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", **headers}
        return self.client.post(path, data=fields, headers=told)

    def upload(self, matter: str, secret: str | None = None, **headers: str) -> httpx.Response:
        """A file by the plain form of a matter's page."""
        fields = {**({} if secret is None else {"csrf": secret}), "kind": "customer_list"}
        told = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", **headers}
        files = {"file": ("Kunden.csv", CUSTOMERS, "text/csv")}
        return self.client.post(f"/desk/matters/{matter}/originals", data=fields, files=files, headers=told)


def furnished(office: Office) -> Furnished:
    """An office whose desks are not empty."""
    world = office.world
    matter = world.matter()
    customers = world.upload(matter, "customer_list", CUSTOMERS, name=f"Kunden {HOSTILE}.csv".replace("/", "")).original
    photo = world.upload(matter, "production_photo", _photo(), name="Halle 3.jpg").original
    submitted, draft, other = (world.draft(matter) for _ in range(3))
    named = Answers(columns={"column/8": "drop"})
    clean = world.render(submitted, customers, named)
    assert clean.state == "clean", clean.reason
    world.gateway.releases.submit(world.actors["builder"], submitted.id)
    waiting = world.render(draft, customers)
    assert waiting.state == "waiting", waiting.state
    area = Answers(regions=(Region("work_area", Box(0, 0, 320, 240)),), confirmed=True)
    drawn = world.render(other, photo, area)
    assert drawn.object_id, drawn.reason
    return Furnished(office, matter.id, customers, photo, waiting.id, clean.id, drawn.id, draft.id, submitted.id)


def _photo() -> bytes:
    data = io.BytesIO()
    Image.linear_gradient("L").resize((480, 320)).convert("RGB").save(data, "JPEG")
    return data.getvalue()
