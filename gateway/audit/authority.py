"""A time-stamping authority over HTTP: one request to one configured address, bounded in time and size."""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from cryptography.x509 import Certificate

from gateway.base.problems import Unavailable
from gateway.seal.timestamp import REQUEST_TYPE, TimeStamp, check_response, request_for

_TIMEOUT_S = 10.0
_DEADLINE_S = 20.0
_RESPONSE_BYTES_MAX = 64 * 1024
_PORTION_BYTES = 4096
_OK = 200


class TimeStampUnavailable(Unavailable):
    """The authority does not answer, or not in time, or not with a time stamp."""

    slug = "time-stamp-unavailable"
    title = "The time-stamping authority does not answer"


class TimeStampAuthority:
    """An RFC 3161 authority at `url`, trusted by `roots`. Follows no redirect."""

    def __init__(self, url: str, roots: Sequence[Certificate], *, required: bool) -> None:
        self._url = urlsplit(url)
        self._roots = roots
        self.required = required

    def stamp(self, data: bytes) -> TimeStamp:
        """A checked time stamp over `data`; raises `TimeStampUnavailable` or `TimeStampInvalid`."""
        request = request_for(data)
        try:
            answer = self._asked(request.as_bytes())
        except (OSError, http.client.HTTPException) as error:
            raise _unavailable() from error
        return check_response(answer, request, data, self._roots)

    def _asked(self, request: bytes) -> bytes:
        deadline = time.monotonic() + _DEADLINE_S
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=_TIMEOUT_S)
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        try:
            connection.request("POST", target, request, {"Content-Type": REQUEST_TYPE})
            response = connection.getresponse()
            if response.status != _OK:
                raise _unavailable()
            answer = b""
            while portion := response.read1(_PORTION_BYTES):
                answer += portion
                if len(answer) > _RESPONSE_BYTES_MAX or time.monotonic() > deadline:
                    raise _unavailable()
            return answer
        finally:
            connection.close()


def _unavailable() -> TimeStampUnavailable:
    return TimeStampUnavailable(
        "The time-stamping authority gave no time stamp, and nothing was changed; try again later, or check "
        "GATEWAY_TSA_URL."
    )
