"""A real time-stamping authority on this machine: `openssl ts -reply` behind a small HTTP server."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

_CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
certs = {folder}/root.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
ess_cert_id_alg = sha256
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[stamping]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Authority:
    """Keys, certificates and the command; `answer` is what the server does, for tests to replace."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.root = folder / "root.pem"
        self.url = ""
        self.answer: Callable[[bytes], bytes | None] = self.reply
        (folder / "config").write_text(_CONFIG.format(folder=folder), "utf-8")
        (folder / "serial").write_text("01\n", "ascii")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", folder / "config"]
        root = ["-keyout", folder / "root.key", "-out", self.root, "-extensions", "root", "-days", "3650"]
        self._openssl("req", "-x509", *key, *root, "-subj", "/CN=Root of the test authority")
        self._openssl(
            "req", "-new", *key, "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr", "-subj", "/CN=Test TSA"
        )
        self._openssl(
            "x509", "-req", "-in", folder / "tsa.csr", "-CA", self.root, "-CAkey", folder / "root.key", "-out",
            folder / "tsa.pem", "-days", "3650", "-extfile", folder / "config", "-extensions", "stamping",
        )  # fmt: skip

    def reply(self, request: bytes) -> bytes:
        """What openssl answers."""
        (self.folder / "request").write_bytes(request)
        arguments = ["-config", self.folder / "config", "-queryfile", self.folder / "request"]
        self._openssl("ts", "-reply", *arguments, "-out", self.folder / "response")
        return (self.folder / "response").read_bytes()

    def _openssl(self, *arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=60, check=True)

    @contextmanager
    def serving(self) -> Iterator[Authority]:
        """Answer at `url` on the loopback interface; status 500 where `answer` gives None."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(500 if answer is None else 200)
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_told: object) -> None:
                """Nothing on stderr."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/tsr"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
