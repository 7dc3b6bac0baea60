"""A format that one database keeps and another refuses would be no format of the gateway."""

from __future__ import annotations

import pytest

from gateway.render.model import State
from tests.support import journey
from tests.support.originals import planted
from tests.support.world import World


@pytest.mark.parametrize("label", ["customer_list_xlsx", "order_book_ods"])
def test_a_workbook_is_taken_and_rendered(world: World, label: str) -> None:
    rendition = journey.rendered(world, [planted(label)]).renditions[label]
    assert rendition.state is State.CLEAN
