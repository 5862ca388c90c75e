"""Owns the tests of the signing key: made once, private, never replaced."""

from __future__ import annotations

import hashlib
import subprocess

import pytest
from crime_detect_engine.domain.errors import InvalidInputError, StoreError
from crime_detect_engine.store.evidence.keys import KEY_FILE, PublicKey, SigningKey


def test_it_is_made_once_and_for_its_owner_only(tmp_path):
    first = SigningKey.keep(tmp_path)
    path = tmp_path / KEY_FILE
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert SigningKey.keep(tmp_path).public.key_id == first.public.key_id
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert first.public.pem not in path.read_bytes()


def test_a_file_that_is_no_key_is_left_alone(tmp_path):
    path = tmp_path / KEY_FILE
    path.parent.mkdir()
    path.write_text("something of somebody")
    with pytest.raises(StoreError, match="no Ed25519 key"):
        SigningKey.keep(tmp_path)
    assert path.read_text() == "something of somebody"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot be used"):
        SigningKey.keep(tmp_path)


def test_openssl_agrees(tmp_path):
    key = SigningKey.keep(tmp_path)
    for name, data in (("key.pem", key.public.pem), ("data", b"text"), ("sig", key.sign(b"text"))):
        (tmp_path / name).write_bytes(data)
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "key.pem",
        "-rawin",
        "-in",
        "data",
        "-sigfile",
        "sig",
    ]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert done.returncode == 0, done.stderr
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "key.pem", "-outform", "DER"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert hashlib.sha256(der.stdout).hexdigest() == key.public.key_id


def test_only_public_keys_of_this_kind_are_read():
    rsa = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    for wrong in (b"", b"x", rsa):
        with pytest.raises(InvalidInputError):
            PublicKey.read(wrong)
