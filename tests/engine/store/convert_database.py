"""Owns conversions that kill themselves: a program `DATA OUT encrypt|decrypt`.

It makes OUT/1, OUT/2, …, each a copy of DATA whose conversion was killed at its next step; the last is whole.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from crime_detect_engine.store import sqlcipher
from crime_detect_engine.store.media_key import MediaKey


def convert(data: Path, step: int, *, encrypt: bool) -> None:
    """Killed before the Nth line of the conversion that was not run before."""
    seen: set[int] = set()

    def trace(frame: Any, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename != sqlcipher.__file__:
            return None
        if event == "line":
            seen.add(frame.f_lineno)
            if len(seen) == step:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    sqlcipher.convert(data / "crime_detect.db", MediaKey(data), 2000, encrypt=encrypt)


def main() -> None:
    data, out, encrypt = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "encrypt"
    status, step = -1, 0
    while status != 0:
        step += 1
        shutil.copytree(data, out / str(step))
        child = os.fork()
        if child == 0:
            convert(out / str(step), step, encrypt=encrypt)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status not in (0, signal.SIGKILL):
            raise SystemExit(f"the conversion failed at step {step}: {status}")


if __name__ == "__main__":
    main()
