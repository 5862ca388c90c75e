"""Each kind of attack that peers have had an advisory for, and the tests that hold it off here.

`LIST` is walked by a test: one that names a test that is gone fails. What is held off nowhere else is tried below.
"""

from __future__ import annotations

import ast
import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from crime_detect_engine.analysis import analyze_file
from crime_detect_engine.domain.errors import CrimeDetectError
from crime_detect_engine.vision.classifier import load_classifier
from crime_detect_engine.web.route import Route
from crime_detect_engine.web.routes import ROUTES
from yarl import URL

TESTS = Path(__file__).resolve().parent.parent
HERE = "contract/test_security_list.py"
LIST: dict[str, tuple[str, ...]] = {
    "safe YAML only": (
        "engine/config/test_document.py::test_no_other_tags_and_no_strange_keys",
        "engine/config/test_document.py::test_bombs_are_stopped",
        "test_house.py::test_nothing_runs_text_or_unpickles",
    ),
    "no command, exec:, file:, concat: or pipe: in any address, nested ones too": (
        "contract/test_security.py::test_a_camera_is_never_a_command_or_a_file_protocol",
        "contract/test_security.py::test_an_address_within_an_address_is_not_one",
        "contract/test_security.py::test_other_addresses_are_http_only",
        "contract/test_security.py::test_a_file_to_analyse_is_only_a_file",
        f"{HERE}::test_a_list_of_other_files_is_no_video",
    ),
    "redirects of streams to link-local, metadata, loopback": (
        "engine/sources/test_rtsp.py::test_a_redirect_to_this_machine_is_refused_before_anything_is_connected",
        "engine/sources/test_rtsp.py::test_a_redirect_to_anything_but_rtsp_is_refused",
        "engine/sources/test_web_stream.py::test_a_redirect_or_playlist_to_this_machine_is_refused",
        "engine/sources/test_relay.py::test_a_redirect_in_disguise_is_seen",
        "engine/sources/test_address.py::test_a_redirect_to_loopback_needs_a_configured_loopback_host",
    ),
    "redirects and addresses of webhooks": (
        "engine/outputs/test_webhook.py::test_each_answer_means_what_it_is_and_no_redirect_is_followed",
        "engine/outputs/test_webhook.py::test_addresses_that_webhooks_may_not_reach",
        "engine/outputs/test_webhook.py::test_the_engines_own_machine_is_reached_only_when_that_is_allowed",
        "engine/outputs/test_webhook.py::test_a_name_that_changes_its_mind_between_check_and_connection_gains_nothing",
    ),
    "every route declares its role, and is walked as every role": (
        "engine/web/test_access.py::test_a_route_without_a_role_is_refused",
        "engine/web/test_access.py::test_every_route_as_every_role",
        "engine/web/test_access.py::test_only_the_known_routes_are_public",
        "engine/web/test_scopes.py::test_every_route_of_a_camera_asks_for_the_role_at_that_camera",
        "engine/web/test_scopes.py::test_every_route_has_a_scope",
        "contract/test_fuzz.py::test_a_viewer_gets_no_further_than_a_viewer_may",
        "contract/test_fuzz.py::test_nobody_gets_in_without_a_token",
    ),
    "other cameras' ids, over HTTP and WebSocket": (
        "engine/web/test_access.py::test_cameras_of_others_look_like_cameras_that_do_not_exist",
        "engine/web/test_feed.py::test_a_limited_caller_hears_of_their_cameras_only",
        "engine/web/routes/test_subjects.py::test_who_is_limited_to_cameras_finds_nothing_of_others",
    ),
    "path traversal": (
        f"{HERE}::test_no_parameter_of_an_address_leads_elsewhere",
        "engine/web/routes/test_media.py::test_no_address_leads_out_of_the_media_folder",
        "engine/web/routes/test_analyze.py::test_a_file_name_is_never_a_path",
        "engine/store/test_media.py::test_no_name_leaves_the_folder",
        "engine/store/test_media.py::test_an_altered_path_is_refused",
        "engine/vision/test_checkpoint.py::test_a_digest_cannot_name_a_file_outside_the_folder",
        "engine/store/evidence/test_verify.py::test_names_that_lead_elsewhere_are_refused",
    ),
    "upload bombs: size": (
        "engine/web/routes/test_analyze.py::test_an_upload_over_the_limit_is_cut_off_and_leaves_nothing",
        "engine/web/routes/test_analyze.py::test_the_line_is_bounded",
    ),
    "upload bombs: duration": (
        "contract/test_security.py::test_a_video_that_never_ends_is_given_up_when_it_is_too_long",
    ),
    "upload bombs: resolution": ("contract/test_security.py::test_a_picture_bomb_is_refused_before_it_unfolds",),
    "upload bombs: archive": (
        f"{HERE}::test_an_archive_is_no_video",
        "engine/store/evidence/test_verify.py::test_a_bomb_is_not_unpacked",
    ),
    "XSS in camera names, labels, reports": (
        "engine/web/routes/test_pages.py::test_names_and_notes_never_become_markup",
        "engine/web/routes/test_reports.py::test_nothing_that_people_wrote_runs_in_a_browser_or_a_spreadsheet",
        "engine/outputs/test_message.py::test_a_mail_carries_the_same_and_escapes_what_people_wrote",
        "engine/web/test_server.py::test_pages_forbid_inline_scripts_framing_and_sniffing",
        "browser/test_hostile_names.py::test_names_run_nothing_on_any_page",
    ),
    "CSV formula injection": ("engine/analytics/test_sheets.py::test_no_text_begins_a_formula",),
    "CSRF": (
        "engine/web/test_access.py::test_a_browser_writes_only_with_its_csrf_token",
        "engine/web/test_access.py::test_a_foreign_page_cannot_open_the_event_stream_with_our_cookie",
        "engine/web/test_access.py::test_the_cookie_is_kept_from_scripts_and_other_sites",
    ),
    "brute force": (
        "engine/web/test_access.py::test_guessing_is_slowed_for_right_tokens_too_until_a_minute_has_passed",
        "engine/web/test_sessions.py::test_guessing_one_password_takes_longer_every_time_and_the_answer_says_how_long",
        "engine/web/test_sessions.py::test_many_names_from_one_address_are_slowed_too",
    ),
    "token none, expired, forged": (
        "engine/web/test_access.py::test_wrong_credentials_are_refused_without_being_repeated",
        "engine/web/test_access.py::test_revoking_a_token_ends_its_session_within_half_a_minute",
        "engine/web/test_sessions.py::test_an_expired_token_and_its_session_are_refused",
        "contract/test_fuzz.py::test_nobody_gets_in_without_a_token",
    ),
    "ingress headers forged from another address": (
        "engine/web/test_access.py::test_ingress_headers_from_another_address_count_for_nothing",
    ),
    "RTSP credentials and tokens in logs, diagnostics, errors, metrics, cached answers": (
        "contract/test_security.py::test_passwords_of_failing_cameras_are_told_nowhere",
        "contract/test_security.py::test_an_address_that_cannot_be_read_is_refused_without_its_password",
        "contract/test_security.py::test_the_doctor_tells_no_password",
        "contract/test_security.py::test_shown_settings_and_their_errors_hold_no_password",
        "engine/web/test_access.py::test_wrong_credentials_are_refused_without_being_repeated",
        "engine/web/test_server.py::test_answers_of_the_api_are_not_stored",
        "engine/web/routes/test_audit.py::test_guesses_are_few_lines_and_never_name_the_guess",
    ),
    "weights load without pickle": (
        "test_house.py::test_nothing_runs_text_or_unpickles",
        "engine/vision/test_checkpoint.py::test_an_altered_file_is_refused_by_name",
        "engine/vision/test_checkpoint.py::test_swapped_files_are_refused",
    ),
    "evidence edited, reordered, truncated, forged": (
        "engine/store/evidence/test_verify.py::test_a_change_of_any_single_byte_is_found",
        "engine/store/evidence/test_verify.py::test_every_cut_and_every_addition_is_found",
        "engine/store/evidence/test_verify.py::test_reordered_doubled_and_added_members_are_named",
        "engine/store/evidence/test_verify.py::test_what_was_exchanged_and_signed_again_differs_from_its_link",
        "engine/store/evidence/test_verify.py::test_the_first_bad_link_is_named",
        "engine/store/test_chain.py::test_what_is_edited_in_the_database_is_found",
    ),
}
NAMED = sorted({one for tests in LIST.values() for one in tests})


@pytest.mark.parametrize("named", NAMED)
def test_what_the_list_names_is_there(named: str) -> None:
    file, _, name = named.partition("::")
    tree = ast.parse((TESTS / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


# --- addresses ----------------------------------------------------------------------------------------------------

WITH_PARAMETERS = [route for route in ROUTES if "{" in route.path]
ELSEWHERE = {
    "dots": "..",
    "dots and slashes": "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "encoded dots": "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "twice encoded": "%252e%252e%252fetc%252fpasswd",
    "backslashes": "..%5c..%5c..%5cetc%5cpasswd",
    "absolute": "%2fetc%2fpasswd",
    "NUL": "yard%00",
    "NUL and a suffix": "%00.jpg",
    "4 kB of letters": "a" * 4096,
    "4 kB of Unicode": "%e2%84%80" * 450,
    "not Unicode": "%ff%fe%80",
    "line breaks": "yard%0d%0aSet-Cookie:%20x=1",
    "a device": "con",
}


@pytest.mark.parametrize("what", ELSEWHERE)
async def test_no_parameter_of_an_address_leads_elsewhere(what: str, served: Any) -> None:
    """As it is sent, not as a client would tidy it up; whoever asks may do everything."""
    address = f"http://127.0.0.1:{served.server.port}"
    headers = {"Authorization": "Bearer admin-token"}
    async with ClientSession(headers=headers) as client:
        for route in WITH_PARAMETERS:
            parts = [ELSEWHERE[what] if part.startswith("{") else part for part in route.path.split("/")]
            url = URL(f"{address}{'/'.join(parts)}", encoded=True)
            async with client.request(route.method, url, json=body_of(route), allow_redirects=False) as answer:
                said = await answer.read()
            where = f"{route.method} {url}"
            assert 400 <= answer.status < 500, (where, answer.status)
            assert b"root:" not in said, where
            assert "Set-Cookie" not in answer.headers or "x=1" not in answer.headers["Set-Cookie"], where


def body_of(route: Route) -> dict[str, Any] | None:
    return None if route.method in ("GET", "DELETE") else {}


# --- uploads ------------------------------------------------------------------------------------------------------


def archives() -> dict[str, bytes]:
    """A hundred million zeros, packed to next to nothing."""
    zeros = b"\0" * 10**8
    packed, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("video.mp4", zeros)
    with tarfile.open(fileobj=tarred, mode="w:bz2") as archive_:
        info = tarfile.TarInfo("video.mp4")
        info.size = len(zeros)
        archive_.addfile(info, io.BytesIO(zeros))
    return {"zip": packed.getvalue(), "gz": gzip.compress(zeros), "tar.bz2": tarred.getvalue()}


def test_an_archive_is_no_video(tmp_path: Path) -> None:
    classifier, _ = load_classifier("default", "cpu")
    for kind, data in archives().items():
        for suffix in (".mp4", ".mkv", ".avi", ".jpg", f".{kind}"):
            upload = tmp_path / f"upload{suffix}"
            upload.write_bytes(data)
            with pytest.raises(CrimeDetectError):
                analyze_file(upload, classifier)


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".ffconcat", ".txt", ".sdp", ".jpg"])
@pytest.mark.parametrize("kind", ["playlist", "list", "session", "mpd"])
def test_a_list_of_other_files_is_no_video(kind: str, suffix: str, tmp_path: Path) -> None:
    """The decoder knows files that name others; an upload may name none, or it would show what is on the machine."""
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(_video(tmp_path))
    told = {
        "playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{secret}\n#EXT-X-ENDLIST\n",
        "list": f"ffconcat version 1.0\nfile '{secret}'\n",
        "session": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 49000 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "mpd": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        f"<Representation id='1'><BaseURL>{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    }
    upload = tmp_path / f"upload{suffix}"
    upload.write_text(told[kind])
    classifier, _ = load_classifier("default", "cpu")
    with pytest.raises(CrimeDetectError):
        analyze_file(upload, classifier)


def _video(folder: Path) -> bytes:
    import av

    path = folder / "made.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=8, options={"preset": "ultrafast"})
        stream.width = stream.height = 64
        for _ in range(24):
            output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode(None))
    return path.read_bytes()
