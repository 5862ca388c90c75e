"""Owns the tests of the check: every byte, every part, every way to forge, on packages made by hand."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.store.evidence import package
from crime_detect_engine.store.evidence.container import ContainerError, Packer, members
from crime_detect_engine.store.evidence.keys import SigningKey
from crime_detect_engine.store.evidence.links import (
    AUDIT,
    GENESIS,
    INCIDENT,
    Content,
    canonical,
    content_digest,
    make_link,
    sha256,
)
from crime_detect_engine.store.evidence.verify import read_signature, verify_package
from crime_detect_engine.store.stored_file import StoredFile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ID, AT = "01KDWM5XJ2V3F6T8QXN9Z4B7CR", "2026-11-21T03:00:00.000Z"
RECORD = {
    "incident_id": ID, "camera": "yard", "label": "fighting", "confidence": 0.9, "threshold": 0.8, "source": "model",
    "started_at": AT, "ended_at": AT, "model_name": "m", "model_version": "1", "rule": None, "zone": None,
    "latitude": None, "longitude": None, "verdict": None, "acknowledged": False, "hold": False, "note": None,
}  # fmt: skip
SCORES = [{"at": AT, "probabilities": {"fighting": 0.9, "normal": 0.1}}]
ENTRY = {"id": 1, "at": AT, "actor": "anna", "role": "admin", "action": "evidence", "target": ID, "details": {}}


def link_all(*contents: tuple[str, str, str]):
    """Links of (kind, subject, text)."""
    linked, previous = [], None
    for number, (kind, subject, text) in enumerate(contents):
        salt = f"{number:032x}"
        previous = make_link(previous, AT, kind, content_digest(salt, text))
        linked.append((previous, Content(subject, salt, text)))
    return linked


def material(tmp_path: Path, **changes) -> package.Material:
    clip, picture = tmp_path / "c.mp4", tmp_path / "s.jpg"
    clip.write_bytes(b"clip")
    picture.write_bytes(b"jpeg")
    media = {"clip": {"sha256": sha256(b"clip")}, "snapshot": {"sha256": sha256(b"jpeg")}}
    content = {
        "incident": RECORD,
        "scores_sha256": sha256(canonical(SCORES)),
        "media": media,
        "circumstances": {"x": 1},
    }
    links = link_all(
        (GENESIS, GENESIS, "{}"),
        (INCIDENT, ID, canonical(content)),
        (AUDIT, f"{AUDIT}:9", "{}"),
        (AUDIT, f"{AUDIT}:1", canonical(ENTRY)),
    )
    links = [(link, content if number in (1, 3) else None) for number, (link, content) in enumerate(links)][1:]
    made = package.Material(
        incident_id=ID, incident=RECORD, scores=SCORES, circumstances={"x": 1}, custody={"audit": [ENTRY], "files": []},
        links=links, files={"clip": StoredFile(clip), "snapshot": StoredFile(picture)}, missing={}, made_at=AT,
        engine={"uuid": "u", "version": "1"},
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture
def key() -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@pytest.fixture
def good(tmp_path, key) -> Path:
    path = tmp_path / "good.zip"
    with path.open("wb") as target:
        package.build_package(material(tmp_path), key, target)
    return path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path: Path, parts: list[tuple[str, bytes]]) -> Path:
    with path.open("w+b") as file:
        packer = Packer(file)
        for name, data in parts:
            packer.add(name, data)
        packer.finish()
    return path


def sign_again(parts: dict[str, bytes], key: SigningKey, **changes) -> dict[str, bytes]:
    """As a forger who has a key: the manifest fits what is there, and is signed."""
    manifest = json.loads(parts["manifest.json"]) | {"key_id": key.public.key_id} | changes
    own = {"manifest.json", "manifest.sig", "public-key.pem"}
    manifest["parts"] = [
        {"name": name, "bytes": len(data), "sha256": sha256(data)} for name, data in parts.items() if name not in own
    ]
    text = package.readable_json(manifest)
    signed = {"manifest.json": text, "manifest.sig": key.sign(text), "public-key.pem": key.public.pem}
    return {**{name: data for name, data in parts.items() if name not in own}, **signed}


def refused(path: Path, **options) -> str:
    with pytest.raises(ContainerError) as caught:
        verify_package(path, **options)
    return str(caught.value)


def test_a_good_one_is_good_and_ordinary(good, key):
    checked = verify_package(good, key.public)
    assert (checked.incident_id, checked.links, checked.head["seq"]) == (ID, 3, 4)
    assert not verify_package(good).trusted
    assert contents(good)["clip.mp4"] == b"clip"


def test_a_change_of_any_single_byte_is_found(good):
    data = good.read_bytes()
    for offset in range(len(data)):
        changed = bytearray(data)
        changed[offset] ^= 1 << (offset % 8)
        good.write_bytes(changed)
        with pytest.raises(ContainerError):
            verify_package(good)


def test_every_cut_and_every_addition_is_found(good):
    data = good.read_bytes()
    for length in range(0, len(data), 61):
        good.write_bytes(data[:length])
        refused(good)
    for more in (b"\0", data, b"PK\x05\x06" + bytes(18)):
        good.write_bytes(data + more)
        refused(good)
        good.write_bytes(more + data)
        refused(good)


@pytest.mark.parametrize("name", ["README.txt", "clip.mp4", "incident.json", "chain.json", "manifest.sig"])
def test_a_part_that_was_removed_or_exchanged_is_named(tmp_path, good, name):
    parts = contents(good)
    without = pack(tmp_path / "without.zip", [one for one in parts.items() if one[0] != name])
    assert name in refused(without)
    other = pack(tmp_path / "other.zip", [(one, b"x" * 64 if one == name else data) for one, data in parts.items()])
    assert name in refused(other)


def test_reordered_doubled_and_added_members_are_named(tmp_path, good):
    parts = list(contents(good).items())
    swapped = pack(tmp_path / "swapped.zip", [parts[0], parts[2], parts[1], *parts[3:]])
    assert "reordered" in refused(swapped)
    assert "clip.mp4 is there twice" in refused(pack(tmp_path / "twice.zip", [*parts, ("clip.mp4", b"clip")]))
    assert "Clip.mp4 is there twice" in refused(pack(tmp_path / "case.zip", [*parts, ("Clip.mp4", b"clip")]))
    assert "more.txt is not in the manifest" in refused(pack(tmp_path / "more.zip", [*parts, ("more.txt", b"")]))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a\\b", "a/b", "", "a" * 60, "x\0y", ".hidden", "C:x"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, good, name):
    assert "is no name of a member" in refused(pack(tmp_path / "p.zip", [(name, b""), *contents(good).items()]))


def test_a_bomb_is_not_unpacked(tmp_path, good):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", b"\0" * 50_000_000)
    assert refused(path) == "the header of README.txt was changed"
    many = pack(tmp_path / "many.zip", [(f"m{number}", b"") for number in range(100)])
    assert "too many" in refused(many)
    deep = contents(good) | {"manifest.json": b"[" * 100_000}
    assert "manifest.json" in refused(pack(tmp_path / "deep.zip", list(deep.items())))


def test_other_programs_zips_of_the_same_parts_are_refused(tmp_path, good):
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents(good).items():
            archive.writestr(name, data)
    refused(path)


def test_another_key_is_refused_where_the_right_one_is_known(tmp_path, good, key):
    other = SigningKey(Ed25519PrivateKey.generate())
    forged = pack(tmp_path / "forged.zip", list(sign_again(contents(good), other).items()))
    assert "signed by another key" in refused(forged, trusted=key.public)
    checked = verify_package(forged)
    assert (checked.trusted, checked.key_id) == (False, other.public.key_id)  # and that is what it says
    mixed = sign_again(contents(good), other) | {"public-key.pem": key.public.pem}
    assert "manifest.sig does not fit" in refused(pack(tmp_path / "mixed.zip", list(mixed.items())))
    named = sign_again(contents(good), other, key_id=key.public.key_id)
    text = package.readable_json(json.loads(named["manifest.json"]) | {"key_id": key.public.key_id})
    named |= {"manifest.json": text, "manifest.sig": other.sign(text)}
    assert "names another key" in refused(pack(tmp_path / "named.zip", list(named.items())))


FORGERIES = {
    "incident.json": (b'"fighting"', b'"robbery"', "incident.json differs from link 2"),
    "scores.json": (b"0.9", b"0.8", "scores.json differs from link 2"),
    "camera.json": (b"1", b"2", "camera.json differs from link 2"),
    "custody.json": (b"anna", b"bert", "custody.json and link 4 differ"),
    "clip.mp4": (b"clip", b"clop", "clip.mp4 is another file than the one that link 2"),
    "snapshot.jpg": (b"jpeg", b"jpog", "snapshot.jpg is another file than the one that link 2"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_was_exchanged_and_signed_again_differs_from_its_link(tmp_path, good, key, name):
    before, after, said = FORGERIES[name]
    parts = contents(good)
    assert before in parts[name]
    parts[name] = parts[name].replace(before, after)
    forged = pack(tmp_path / "forged.zip", list(sign_again(parts, key).items()))
    assert refused(forged, trusted=key.public).startswith(said)


def alter_chain(path: Path, key: SigningKey, change) -> str:
    parts = contents(path)
    chain = json.loads(parts["chain.json"])
    change(chain)
    parts["chain.json"] = json.dumps(chain).encode()
    return refused(pack(path.with_name("chain.zip"), list(sign_again(parts, key).items())), trusted=key.public)


def test_the_first_bad_link_is_named(good, key):
    assert "link 3: is missing" in alter_chain(good, key, lambda chain: chain.pop(1))
    assert "link 2: is missing" in alter_chain(good, key, lambda chain: chain.pop(0))
    assert "ends before link 4" in alter_chain(good, key, lambda chain: chain.pop())
    assert "link 2: is missing" in alter_chain(good, key, lambda chain: chain.reverse())
    later = {"at": "2027-01-01T00:00:00.000Z"}
    assert "link 3: was changed" in alter_chain(good, key, lambda chain: chain[1]["link"].update(later))
    assert "link 4: does not follow" in alter_chain(good, key, lambda chain: chain[2]["link"].update(previous="0" * 64))
    salt = {"salt": "1"}
    assert "link 2: is the digest of another" in alter_chain(good, key, lambda chain: chain[0]["content"].update(salt))
    assert "has no link of it" in alter_chain(good, key, lambda chain: chain[0].pop("content"))
    assert "which is in no link" in alter_chain(good, key, lambda chain: chain[2].pop("content"))
    assert "not what its name says" in alter_chain(good, key, lambda chain: chain.insert(0, 1))


def test_a_signature_beside_the_file_is_of_this_file_and_key(good, key):
    signature = package.sign_file(package.file_sha256(good), key)
    assert verify_package(good, key.public, signature).links == 3
    assert "beside the file" in refused(good, signature=bytes(64))
    other = SigningKey(Ed25519PrivateKey.generate())
    assert "beside the file" in refused(good, signature=package.sign_file(package.file_sha256(good), other))


def test_signatures_are_read_raw_and_in_base64():
    assert read_signature(b"s" * 64) == b"s" * 64
    assert read_signature(b"c3Nz" * 21 + b"cw==\n") == b"s" * 64
    for wrong in (b"", b"x", b"c3Nz", b"\xff" * 63):
        with pytest.raises(InvalidInputError):
            read_signature(wrong)


def test_a_missing_file_or_another_kind_of_file_is_told(tmp_path):
    assert "cannot be read" in refused(tmp_path / "none.zip")
    for data in (b"", b"PK", b"PK\x05\x06" + bytes(18), b"<html>", bytes(1000)):
        path = tmp_path / "other"
        path.write_bytes(data)
        refused(path)


def test_the_container_is_read_by_anybodys_zip(good):
    with zipfile.ZipFile(io.BytesIO(good.read_bytes())) as archive:
        assert archive.testzip() is None
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert [one.name for one in members(good)] == list(contents(good))
