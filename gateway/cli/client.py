"""A typed client of the gateway's HTTP interface, for the command line and for scripts.

What the server refuses is raised as `ServerProblem`, which is also a problem of its family. Private keys stay here: the
client signs statements, after it has checked what they say, and sends signatures. `docs/client.md` shows it at work.
"""

from __future__ import annotations

from pathlib import Path

import httpx

from gateway.cli.calls.log import LogCalls
from gateway.cli.calls.matters import MatterCalls
from gateway.cli.calls.people import PeopleCalls
from gateway.cli.calls.releases import ReleaseCalls
from gateway.cli.calls.renditions import RenditionCalls, RenditionUnfinished
from gateway.cli.calls.traces import TraceCalls
from gateway.cli.line import NoAnswer, PackageDiffers, ServerProblem
from gateway.cli.shapes import (
    Approval,
    ApprovalRequest,
    Approvals,
    Classification,
    Clearance,
    Clearances,
    Consistency,
    DemandItem,
    ExportClass,
    ExportControl,
    Field,
    Fields,
    Health,
    Inclusion,
    Keys,
    Licence,
    Matter,
    MatterLine,
    Me,
    Name,
    Names,
    Original,
    Part,
    Person,
    ProblemPage,
    Progress,
    Proposal,
    Quorum,
    Readiness,
    Receipt,
    Receipts,
    Recipient,
    Release,
    ReleaseDetail,
    Rendition,
    RenditionLine,
    RequestDiffers,
    Review,
    Shredding,
    Token,
    Trace,
    TracedCopy,
    Upload,
    checked_request,
)

__all__ = [
    "DEFAULT_URL",
    "Approval",
    "ApprovalRequest",
    "Approvals",
    "Classification",
    "Clearance",
    "Clearances",
    "Client",
    "Consistency",
    "DemandItem",
    "ExportClass",
    "ExportControl",
    "Field",
    "Fields",
    "Health",
    "Inclusion",
    "Keys",
    "Licence",
    "Matter",
    "MatterLine",
    "Me",
    "Name",
    "Names",
    "NoAnswer",
    "Original",
    "PackageDiffers",
    "Part",
    "Person",
    "ProblemPage",
    "Progress",
    "Proposal",
    "Quorum",
    "Readiness",
    "Receipt",
    "Receipts",
    "Recipient",
    "Release",
    "ReleaseDetail",
    "Rendition",
    "RenditionLine",
    "RenditionUnfinished",
    "RequestDiffers",
    "Review",
    "ServerProblem",
    "Shredding",
    "Token",
    "Trace",
    "TracedCopy",
    "Upload",
    "checked_request",
]

DEFAULT_URL = "http://127.0.0.1:8470"


class Client(PeopleCalls, MatterCalls, ReleaseCalls, RenditionCalls, TraceCalls, LogCalls):
    """The interface as calls, one for each operation; lists are iterators that fetch page after page."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        ca_file: Path | None = None,
        patience_s: float = 30,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, token, ca_file=ca_file, patience_s=patience_s, transport=transport)
