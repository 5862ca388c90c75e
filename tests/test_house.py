"""Owns the laws of the house: layers, one home a library, clocks, excepts, sizes, mirrored tests."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "crime_detect_engine"
ENGINE = ROOT / "addon" / PACKAGE
STAGES = {
    "sources", "sampling", "vision", "tracking", "decision", "store", "outputs", "learning", "analytics", "web",
}  # fmt: skip
FILE_LINES = 350
FUNCTION_LINES = 60

# Which folders or files of the engine may import a library; what is not listed is free.
HOMES: dict[str, tuple[str, ...]] = {
    "av": ("sources/", "store/"),
    "cv2": ("sampling/", "tracking/", "store/"),
    "torch": ("vision/", "learning/"),
    "torchvision": ("vision/", "learning/"),
    "openvino": ("vision/", "learning/"),
    "safetensors": ("vision/", "learning/"),
    "sklearn": ("learning/",),
    "matplotlib": ("learning/",),
    "sqlalchemy": ("store/",),
    "alembic": ("store/",),
    "sqlite3": ("store/",),
    "cryptography": ("store/", "web/", "outputs/mqtt_tls.py"),
    "jwt": ("web/",),
    "rfc3161_client": ("store/",),
    "psycopg": ("store/",),
    "sqlcipher3": ("store/",),
    "paho": ("outputs/",),
    "reportlab": ("analytics/",),
    "zeroconf": ("outputs/",),
    "ifaddr": ("outputs/",),
    "pynvml": ("gpu.py",),
    "twilio": ("outputs/",),
    "aiosmtplib": ("outputs/",),
    "smtplib": ("outputs/",),
    "aiohttp": ("web/", "outputs/", "sources/", "supervisor.py"),
    "aiohttp.web": ("web/",),
    "ruamel": ("config/",),
    "platformdirs": ("config/",),
}
FORBIDDEN_LIBRARIES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
BROAD_EXCEPTS = {"sources/capture.py", "outputs/outbox.py"}
CLOCK = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"}
CLOCK_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def engine_files() -> list[str]:
    return sorted(path.relative_to(ENGINE).as_posix() for path in ENGINE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def stage_of(file: str) -> str:
    """`store` of store/media.py, `pipeline` of pipeline.py."""
    return file.split("/")[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute dotted names that a module imports anywhere in its text, `from a import b` as `a.b`, with the line."""
    package = path.relative_to(ENGINE.parent).parent.parts if path.is_relative_to(ENGINE) else ()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = ".".join((*base, *([node.module] if node.module else [])))
            for alias in node.names:
                yield f"{prefix}.{alias.name}", node.lineno


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def dotted(node: ast.expr) -> str:
    """`datetime.now` of `datetime.now(UTC)`'s function; what it is called on is `?` where that has no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "?")
    return ".".join(reversed(parts))


def calls_of(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


# --- law 1: layers ------------------------------------------------------------------------------------------------


def may_import(stage: str, part: str) -> bool:
    """Whether a part of the engine may import another: app → web, pipeline → stages → domain."""
    if stage == "domain" or part == "cli":
        return False
    if stage in STAGES:
        return part == "domain" or (stage, part) == ("learning", "vision")
    if stage == "config":
        return part == "domain" or part in STAGES
    return stage in {"app", "cli", "doctor", "door", "invocation"} or part not in {"app", "door", "web"}


def test_stages_import_only_the_domain() -> None:
    wrong = []
    for file in engine_files():
        stage = stage_of(file)
        if stage == "__init__":
            continue
        for name, line in imports_of(ENGINE / file):
            part = name.split(".")[1] if within(name, PACKAGE) and "." in name else ""
            if part in ("", "__version__", stage):
                continue
            if not may_import(stage, part):
                wrong.append(f"{file}:{line} imports {name}")
            elif stage == "config" and part in STAGES and not re.search(r"\.[A-Z]\w+$", name):
                wrong.append(f"{file}:{line} may take schemas and options of a stage, not {name}")
    assert not wrong


def test_the_domain_needs_only_the_standard_library_and_numpy() -> None:
    wrong = []
    for path in (ENGINE / "domain").glob("*.py"):
        for name, line in imports_of(path):
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and top not in {"numpy", PACKAGE}:
                wrong.append(f"{path.name}:{line} imports {name}")
    assert not wrong


def test_the_engine_never_imports_models_bench_or_tests() -> None:
    wrong = [
        f"{file}:{line} imports {name}"
        for file in engine_files()
        for name, line in imports_of(ENGINE / file)
        if name.split(".")[0] in {"models", "bench", "tests", "custom_components"}
    ]
    assert not wrong


# --- law 2: one home a library ------------------------------------------------------------------------------------


def test_each_library_has_one_home() -> None:
    wrong = []
    for file in engine_files():
        for name, line in imports_of(ENGINE / file):
            for library, homes in HOMES.items():
                if within(name, library) and not file.startswith(homes):
                    wrong.append(f"{file}:{line} imports {name}; its home is {', '.join(homes)}")
    assert not wrong


def test_environment_and_user_folders_are_read_in_config_only() -> None:
    wrong = []
    for file in engine_files():
        if stage_of(file) == "config":
            continue
        wrong += [
            f"{file}:{node.lineno} reads the environment"
            for node in ast.walk(tree_of(ENGINE / file))
            if isinstance(node, ast.Attribute) and dotted(node) in {"os.environ", "os.environb", "os.getenv"}
        ]
        wrong += [
            f"{file}:{line} imports {name}"
            for name, line in imports_of(ENGINE / file)
            if name in {"os.environ", "os.environb", "os.getenv"}
        ]
        wrong += [
            f"{file}:{call.lineno} calls {name}"
            for name, call in calls_of(ENGINE / file)
            if name in {"Path.home", "os.path.expanduser"} or name.endswith(".expanduser")
        ]
    assert not wrong


def test_torch_openvino_and_twilio_are_imported_only_when_they_are_used() -> None:
    """The CPU image has no torch, and a help text must not cost seconds."""
    code = (
        f"import sys, {PACKAGE}.cli, {PACKAGE}.app, {PACKAGE}.pipeline;"
        "late = {'torch', 'torchvision', 'openvino', 'twilio', 'sklearn', 'matplotlib', 'reportlab'};"
        "print(*late & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


# --- laws 11, 12, 14: excepts, safety, clocks ---------------------------------------------------------------------


def test_broad_excepts_have_two_homes() -> None:
    broad = {"Exception", "BaseException"}
    wrong = []
    for file in engine_files():
        for node in ast.walk(tree_of(ENGINE / file)):
            if isinstance(node, ast.ExceptHandler):
                names = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type] if node.type else []
                if (not names or broad & {dotted(name) for name in names}) and file not in BROAD_EXCEPTS:
                    wrong.append(f"{file}:{node.lineno} catches everything")
                if "BaseException" in {dotted(name) for name in names} or node.type is None:
                    wrong.append(f"{file}:{node.lineno} catches interrupts too")
        for name, call in calls_of(ENGINE / file):
            if name.endswith("suppress") and broad & {dotted(argument) for argument in call.args}:
                wrong.append(f"{file}:{call.lineno} suppresses everything")
    assert not wrong


def test_no_clock_outside_the_domain() -> None:
    wrong = []
    for file in engine_files():
        if file == "domain/clock.py":
            continue
        for name, line in imports_of(ENGINE / file):
            if name in {f"time.{function}" for function in CLOCK}:
                wrong.append(f"{file}:{line} imports {name}")
        for name, call in calls_of(ENGINE / file):
            if name in {f"time.{function}" for function in CLOCK} or name.endswith(tuple(CLOCK_CALLS)):
                wrong.append(f"{file}:{call.lineno} calls {name}")
    assert not wrong


def test_nothing_runs_text_or_unpickles() -> None:
    wrong = []
    for file in engine_files():
        for name, line in imports_of(ENGINE / file):
            if name.split(".")[0] in FORBIDDEN_LIBRARIES:
                wrong.append(f"{file}:{line} imports {name}")
        for name, call in calls_of(ENGINE / file):
            shell = any(word.arg == "shell" for word in call.keywords)
            unsafe = any(
                isinstance(word.value, ast.Constant) and word.value.value == "unsafe" for word in call.keywords
            )
            if name in {"eval", "exec", "compile", "os.system", "os.popen", "torch.load"} or shell or unsafe:
                wrong.append(f"{file}:{call.lineno} calls {name}")
    assert not wrong


# --- sizes and words ----------------------------------------------------------------------------------------------


def product_files() -> list[Path]:
    return sorted(path for folder in (ENGINE, ROOT / "bench", ROOT / "models") for path in folder.rglob("*.py"))


def test_files_and_functions_stay_short() -> None:
    long = []
    for path in product_files():
        name = path.relative_to(ROOT)
        lines = len(path.read_text().splitlines())
        if lines > FILE_LINES:
            long.append(f"{name} has {lines} lines")
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION_LINES:
                    long.append(f"{name}:{node.lineno} {node.name} has {size} lines")
    assert not long


def test_every_module_says_what_it_owns() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in product_files()
        if not (ast.get_docstring(tree_of(path)) or "").startswith("Owns ")
    ]
    assert not silent


def test_names_say_what_a_thing_is() -> None:
    vague = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in product_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Helper|Handler|Util|Utils)$", node.name)
    ]
    assert not vague


# --- tests mirror the engine --------------------------------------------------------------------------------------


def test_each_test_stands_at_its_modules_path() -> None:
    stray = []
    for path in sorted((ROOT / "tests" / "engine").rglob("test_*.py")):
        mirrored = ENGINE / path.relative_to(ROOT / "tests" / "engine")
        module = mirrored.with_name(mirrored.name.removeprefix("test_"))
        if not (module.is_file() or module.with_suffix("").is_dir()):
            stray.append(str(path.relative_to(ROOT)))
    assert not stray


def test_each_source_backend_and_output_has_its_test() -> None:
    missing = []
    for folder in ("sources", "vision/backends", "outputs", "decision"):
        for path in sorted((ENGINE / folder).glob("*.py")):
            test = ROOT / "tests" / "engine" / folder / f"test_{path.name}"
            if path.name != "__init__.py" and not test.is_file():
                missing.append(str(test.relative_to(ROOT)))
    assert not missing


def test_what_needs_torch_stands_where_torch_is_tested() -> None:
    """`scripts/test train` runs the tests of these two stages; elsewhere such a test would skip everywhere."""
    needs = re.compile(r"mark\.torch|importorskip\(\"(torch|sklearn|torchvision|nncf)")
    stray = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if needs.search(path.read_text())
        and path != Path(__file__)
        and not path.is_relative_to(ROOT / "tests" / "engine" / "vision")
        and not path.is_relative_to(ROOT / "tests" / "engine" / "learning")
    ]
    assert not stray
