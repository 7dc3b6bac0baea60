"""What a hostile original withholds is searched for in the documents too: behind walls, and with a clock."""

from __future__ import annotations

import pytest

from gateway.release.model import State
from gateway.residue import walled
from gateway.residue.walled import NotVerified
from gateway.sandbox.ports import Limits
from tests.attacks.conftest import TABLE
from tests.support.world import World


def test_a_submission_whose_documents_cannot_be_searched_in_time_stays_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    matter = world.matter()
    original, release = world.upload(matter, "customer_list", TABLE).original, world.draft(matter)
    world.render(release, original)
    builder, releases = world.actors["builder"], world.gateway.releases
    with monkeypatch.context() as patch:
        patch.setattr(walled, "limits_for", lambda _size: Limits(wall_s=0))
        with pytest.raises(NotVerified):
            releases.submit(builder, release.id)
    assert releases.get(release.id).state is State.DRAFT
    assert releases.submit(builder, release.id).state is State.IN_REVIEW
