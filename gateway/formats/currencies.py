"""Marks of currency: what stands beside an amount, and which currency it means. Standard library only."""

from __future__ import annotations

import re

# One mark of two currencies stays itself.
CURRENCIES = {
    "€": "EUR", "EUR": "EUR", "US$": "USD", "$": "USD", "USD": "USD", "£": "GBP", "GBP": "GBP", "CHF": "CHF",
    "¥": "¥", "CNY": "CNY", "RMB": "CNY", "元": "CNY", "JPY": "JPY", "円": "JPY",
}  # fmt: skip
MARKS = "|".join(map(re.escape, sorted(CURRENCIES, key=len, reverse=True)))
