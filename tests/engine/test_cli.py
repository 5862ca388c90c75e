"""Owns the tests of the command line itself; what the commands do is tested with them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from crime_detect_engine import cli
from crime_detect_engine.cli import main
from crime_detect_engine.domain.errors import ConfigError, StoreError


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom crime_detect_engine.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'av', 'aiohttp', 'sqlalchemy', 'openvino', 'torch'} & set(sys.modules)\n"
        "print('heavy:', *heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy:"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run --port 70000", "not a port"),
        ("run --port x", "--port"),
        ("analyze --fps 0 a.mp4", "not a rate"),
        ("analyze --fps nan a.mp4", "not a rate"),
        ("analyze --fps fast a.mp4", "--fps"),
        ("", "COMMAND"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what(line: str, said: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"), [(ConfigError("bad line 3"), 2), (StoreError("disk full"), 1), (KeyboardInterrupt(), 130)]
)
def test_errors_become_exit_codes_without_a_traceback(monkeypatch: Any, capsys: Any, error: Any, code: int) -> None:
    def fail(_arguments: Any) -> int:
        raise error

    monkeypatch.setattr(cli, "run_command", fail)
    assert main(["models"]) == code
    assert "Traceback" not in capsys.readouterr().err
