"""Owns the tests of the sealed file: it opens as it was sealed and under its own name, or not at all."""

from __future__ import annotations

import io
import secrets

import pytest
from crime_detect_engine.store.sealing import (
    CHUNK,
    HEADER_BYTES,
    SealedReader,
    SealedWriter,
    SealError,
    content_bytes,
    is_sealed,
    key_id,
    seal,
    sealed_bytes,
    sealing,
    unseal,
)
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = bytes(range(32))
NAME = "01ARZ3NDEKTSV4RRFFQ69G5FAV.mp4"
TAG = 16
LARGE = secrets.token_bytes(3 * CHUNK + 1234)
SEALED = seal(LARGE, KEY, NAME)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5])
def test_what_was_sealed_opens_and_its_size_is_known(size):
    content = secrets.token_bytes(size)
    sealed = seal(content, KEY, NAME)
    assert unseal(sealed, KEY, NAME) == content
    assert len(sealed) == sealed_bytes(size)
    assert content_bytes(len(sealed)) == size
    assert is_sealed(sealed)


def test_nothing_of_the_content_is_seen_and_no_two_files_are_alike():
    content = b"\xff\xd8\xff\xe0 front door " * 20
    one, other = seal(content, KEY, NAME), seal(content, KEY, NAME)
    assert b"front door" not in one
    assert b"\xff\xd8\xff" not in one
    assert one[HEADER_BYTES:] != other[HEADER_BYTES:]
    assert KEY not in one


def test_every_flipped_bit_of_a_small_file_is_found():
    sealed = seal(b'{"camera": "yard"}', KEY, NAME)
    for place in range(len(sealed)):
        for bit in range(8):
            spoilt = bytearray(sealed)
            spoilt[place] ^= 1 << bit
            assert is_sealed(bytes(spoilt)), "a spoilt sign must not pass for a file in clear"
            with pytest.raises(SealError):
                unseal(bytes(spoilt), KEY, NAME)


def test_a_spoilt_byte_in_each_chunk_of_a_large_file_is_found_when_it_is_read():
    for index in range(4):
        spoilt = bytearray(SEALED)
        spoilt[HEADER_BYTES + index * (CHUNK + TAG) + 77] ^= 1
        with pytest.raises(SealError):
            unseal(bytes(spoilt), KEY, NAME)


def test_a_file_that_was_cut_anywhere_near_a_chunks_end_does_not_open():
    ends = [HEADER_BYTES + index * (CHUNK + TAG) for index in range(4)]
    for end in [*ends, len(SEALED)]:
        for cut in range(max(0, end - 20), min(end + 20, len(SEALED))):
            with pytest.raises(SealError):
                SealedReader(io.BytesIO(SEALED[:cut]), KEY, NAME)


def test_a_file_that_was_lengthened_does_not_open():
    for more in (b"x", b"x" * TAG, b"x" * (CHUNK + TAG), SEALED[HEADER_BYTES:]):
        with pytest.raises(SealError):
            unseal(SEALED + more, KEY, NAME)


def test_chunks_in_another_order_and_of_another_file_are_found():
    head, body = SEALED[:HEADER_BYTES], SEALED[HEADER_BYTES:]
    chunks = [body[at : at + CHUNK + TAG] for at in range(0, len(body), CHUNK + TAG)]
    swapped = [chunks[1], chunks[0], *chunks[2:]]
    with pytest.raises(SealError):
        unseal(head + b"".join(swapped), KEY, NAME)
    with pytest.raises(SealError):
        unseal(head + b"".join([chunks[0], *chunks[2:]]), KEY, NAME)
    other = seal(LARGE, KEY, NAME)
    at = HEADER_BYTES + CHUNK + TAG
    with pytest.raises(SealError):
        unseal(SEALED[:at] + other[at : at + CHUNK + TAG] + SEALED[at + CHUNK + TAG :], KEY, NAME)


def test_a_file_opens_under_its_own_name_only():
    with pytest.raises(SealError, match="another file than its name says"):
        unseal(SEALED, KEY, "01ARZ3NDEKTSV4RRFFQ69G5FAV.original.mp4")


def test_another_key_is_told_from_a_spoilt_file():
    other = secrets.token_bytes(32)
    with pytest.raises(SealError, match=f"with the key {key_id(KEY).hex()}, and this is {key_id(other).hex()}"):
        unseal(SEALED, other, NAME)


def test_a_later_format_is_refused_by_its_number():
    later = bytearray(SEALED)
    later[8] = 9
    with pytest.raises(SealError, match="of format 9"):
        unseal(bytes(later), KEY, NAME)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(LARGE) + 10), st.integers(0, 2 * CHUNK))
def test_any_part_is_what_it_is_in_clear(start, count):
    with SealedReader(io.BytesIO(SEALED), KEY, NAME) as reader:
        reader.seek(start)
        buffered = io.BufferedReader(reader, CHUNK)
        assert buffered.read(count) == LARGE[start : start + count]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=2 * CHUNK), max_size=6))
def test_however_it_is_written_it_is_one_content(pieces):
    target = io.BytesIO()
    with sealing(target, KEY, NAME) as writer:
        for piece in pieces:
            assert writer.write(piece) == len(piece)
    assert unseal(target.getvalue(), KEY, NAME) == b"".join(pieces)


def test_a_file_whose_writing_was_given_up_never_opens():
    target = io.BytesIO()
    writer = SealedWriter(target, KEY, NAME)
    writer.write(LARGE[: 2 * CHUNK + 1])
    with pytest.raises(SealError):
        unseal(target.getvalue(), KEY, NAME)
    with pytest.raises(RuntimeError), sealing(failed := io.BytesIO(), KEY, NAME) as writer:
        writer.write(b"half")
        raise RuntimeError
    with pytest.raises(SealError):
        unseal(failed.getvalue(), KEY, NAME)


def test_places_outside_the_file():
    with SealedReader(io.BytesIO(SEALED), KEY, NAME) as reader:
        assert reader.seek(-5, io.SEEK_END) == len(LARGE) - 5
        assert reader.read() == LARGE[-5:]
        assert reader.seek(10**9) == 10**9
        assert reader.read(1) == b""
        with pytest.raises(ValueError, match="before the file"):
            reader.seek(-1)
    assert reader.closed


@pytest.mark.parametrize("head", [b"", b"\xff\xd8\xff\xe0\0\x10JF", b"\0\0\0\x18ftypisom", b'{\n "incident"'])
def test_pictures_clips_and_records_in_clear_are_not_taken_for_sealed(head):
    assert not is_sealed(head)
