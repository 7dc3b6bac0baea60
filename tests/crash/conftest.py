"""What all crash tests share."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest

from gateway.policy import service as policies
from gateway.policy.load import load_library
from tests.crash.injector import Injector


@pytest.fixture(scope="module")
def one_library() -> Iterator[None]:
    """Parse the policies once: every restart in these tests would read the same, and a hundred take a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policies, "load_library", functools.cache(load_library))
        yield


@pytest.fixture(scope="module")
def injector() -> Iterator[Injector]:
    """The process that forks those that end."""
    with Injector() as running:
        yield running
