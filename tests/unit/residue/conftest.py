from __future__ import annotations

import pytest

from tests.support.renditions import encoded, rendition


@pytest.fixture(scope="session", params=["image/jpeg", "image/png"])
def media_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def clean(media_type: str) -> bytes:
    return encoded(rendition(), media_type)
