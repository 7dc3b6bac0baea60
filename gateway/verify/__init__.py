"""Packages, audit-log exports and evidence verify offline, with one readable script and the standard library alone."""

from __future__ import annotations

from pathlib import Path

from gateway.verify.verify import Report, WrongUse, main, verify_evidence, verify_export, verify_package

# Shipped verbatim in every package and export.
SCRIPT = Path(__file__).with_name("verify.py")

__all__ = ["SCRIPT", "Report", "WrongUse", "main", "verify_evidence", "verify_export", "verify_package"]
