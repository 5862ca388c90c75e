"""Owns a time-stamping authority on loopback: OpenSSL's, behind a small HTTP server."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

from aiohttp import web

_CONFIG = """
[tsa]
default_tsa = one
[one]
dir = {folder}
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[stamps]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def openssl_missing() -> str | None:
    return None if shutil.which("openssl") else "openssl is not installed"


class Authority:
    """`ca` is its root certificate; `answer` None stamps, bytes are answered instead."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        self.answer: bytes | None = None
        self.status = 200
        self.url = ""
        self._runner: web.AppRunner | None = None

    def make(self) -> None:
        self.folder.mkdir()
        (self.folder / "c.cnf").write_text(_CONFIG.format(folder=self.folder))
        (self.folder / "serial").write_text("01\n")
        new = ["-newkey", "rsa:2048", "-nodes", "-config", "c.cnf", "-days", "30"]
        self._run("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=root", "-extensions", "ca")
        self._run("req", *new[:-2], "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=stamps")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2", "-days", "30", "-out", "tsa.pem"]
        self._run("x509", "-req", "-in", "tsa.csr", *signed, "-extfile", "c.cnf", "-extensions", "stamps")

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=True)

    async def start(self) -> None:
        await asyncio.to_thread(self.make)
        app = web.Application()
        app.router.add_post("/tsr", self._stamp)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/tsr"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _stamp(self, request: web.Request) -> web.Response:
        if request.content_type != "application/timestamp-query":
            return web.Response(status=415)
        if self.answer is None:
            (self.folder / "query").write_bytes(await request.read())
            await asyncio.to_thread(
                self._run, "ts", "-reply", "-config", "c.cnf", "-section", "one", "-queryfile", "query", "-out", "reply"
            )
        body = (self.folder / "reply").read_bytes() if self.answer is None else self.answer
        return web.Response(body=body, status=self.status, content_type="application/timestamp-reply")
