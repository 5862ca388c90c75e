"""Owns the command line: argv in, one function a command, exit codes out."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from . import __version__
from .domain.errors import ConfigError, CrimeDetectError
from .domain.roles import PERSONAL_ROLES, ROLES

EXIT_FAILED, EXIT_USAGE, EXIT_UNREADABLE = 1, 2, 3


def main(argv: Sequence[str] | None = None) -> int:
    """0 all fine, 1 failed, 2 wrong usage or configuration, 3 some input could not be read."""
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("paho", "twilio", "aiohttp.access", "alembic", "libav"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        return run_command(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except CrimeDetectError as error:
        print(f"crime-detect: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 130


def run_command(arguments: argparse.Namespace) -> int:
    """Commands live in modules that are imported only when asked for: the command line answers at once."""
    module, _, function = arguments.function.partition(":")
    code: int = getattr(import_module(module, __package__), function)(arguments)
    return code


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="crime-detect", description="Recognises incidents over time in camera streams, on this machine."
    )
    parser.add_argument("--version", action="version", version=f"crime-detect {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell more")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_service(commands)
    _add_analyze(commands)
    _add_learning(commands)
    _add_administration(commands)
    return parser


def _command(commands: Any, name: str, function: str, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(function=function)
    return parser


def _add_service(commands: Any) -> None:
    run = _command(commands, "run", ".invocation:run_command", "watch the cameras and serve the page")
    run.add_argument("--config", type=Path, metavar="FILE", help="configuration, see docs/deployment.md")
    run.add_argument("--camera", action="append", default=[], metavar="NAME=URL", help="a camera without a file")
    run.add_argument("--demo", action="store_true", help="a synthetic camera and the demo model")
    run.add_argument("--host", help="address to listen on, default 127.0.0.1 (0.0.0.0 in containers)")
    run.add_argument("--port", type=_port, default=8099, help="0 takes a free one")
    _add_data(run)


def _add_analyze(commands: Any) -> None:
    analyze = _command(commands, "analyze", ".analysis:analyze_command", "classify videos and photos")
    analyze.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    analyze.add_argument("--model", default="default", metavar="NAME")
    analyze.add_argument("--device", default="auto", choices=("auto", "cuda", "openvino", "cpu"))
    analyze.add_argument("--json", action="store_true", help="one JSON object a line")
    analyze.add_argument("--overlay", type=Path, metavar="FILE-or-DIR", help="write videos with label and confidence")
    analyze.add_argument("--fps", type=_rate, metavar="F", help="sample at F frames a second instead of the model's")


def _add_stress(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--stress", nargs="?", const="all", metavar="SECTIONS",
        help="also robustness,footage,splices,occlusion,adversarial,hard_negatives, of the folds; takes long",
    )  # fmt: skip
    command.add_argument("--footage", type=Path, nargs="+", metavar="DIR", help="more ordinary footage for --stress")
    command.add_argument("--hard-negatives", type=Path, metavar="DIR", help="DIR/<kind>/*.mp4 for --stress")


def _add_learning(commands: Any) -> None:
    module = ".training"
    train = _command(commands, "train", f"{module}:train_command", "train a model from a recipe")
    train.add_argument("--recipe", type=Path, required=True)
    train.add_argument("--data", type=Path, help="DIR/<class>/*.mp4")
    train.add_argument("--out", type=Path)
    _add_stress(train)
    train.set_defaults(model=None, report=None)
    _add_cache(train)
    evaluate = _command(commands, "evaluate", f"{module}:evaluate_command", "measure a recipe or a model")
    evaluate.add_argument("--recipe", type=Path, help="retrains per fold and pools the out-of-fold scores")
    evaluate.add_argument("--model", metavar="NAME")
    evaluate.add_argument("--data", type=Path, help="DIR/<class>/*.mp4")
    evaluate.add_argument("--groups", type=Path, metavar="CSV", help="path,group[,fold]")
    evaluate.add_argument("--layout", default="folders", metavar="NAME", help="of --data, see docs/extending.md")
    evaluate.add_argument("--split", choices=("test",), help="the official test part of a published set")
    evaluate.add_argument(
        "--scores", type=Path, nargs="+", metavar="RUN", help="folds trained before: RUN/fold*/scores.json, one a seed"
    )
    evaluate.add_argument("--allow-train", action="store_true", help="accept clips the model was trained on")
    _add_stress(evaluate)
    evaluate.add_argument("--json", action="store_true")
    evaluate.add_argument("--report", type=Path, metavar="DIR")
    _add_cache(evaluate)
    calibrate = _command(commands, "calibrate", f"{module}:calibrate_command", "fit the temperature of a model")
    calibrate.add_argument("--model", required=True, metavar="NAME")
    calibrate.add_argument("--data", type=Path, required=True)
    calibrate.add_argument("--groups", type=Path, metavar="CSV")
    calibrate.add_argument("--layout", default="folders", metavar="NAME", help="of --data, see docs/extending.md")
    export = _command(commands, "export", f"{module}:export_command", "write a model for a backend")
    export.add_argument("--model", required=True, metavar="NAME")
    export.add_argument("--backend", default="openvino", choices=("openvino",))
    export.add_argument("--out", type=Path, help="a folder; without it, the model's own place among yours")
    export.add_argument("--data", type=Path, help="the recipe's clips: calibrate int8 and prove bf16 and int8 on them")
    models = _command(commands, "models", f"{module}:models_command", "list the models and what they know")
    models.add_argument("--json", action="store_true")
    _add_promotion(commands, models.add_subparsers(metavar="ACTION"))


def _add_promotion(commands: Any, model_actions: Any) -> None:
    module = ".promotion"
    recipe = _command(commands, "recipe", f"{module}:recipe_command", "write a first recipe for clips of your own")
    recipe.add_argument("folder", type=Path, metavar="DIR", help="DIR/<class>/*.mp4, or a published set as it unpacks")
    recipe.add_argument("--name", required=True, help="of the model")
    recipe.add_argument("--out", type=Path, metavar="FILE", help="default NAME.toml")
    activate = _command(model_actions, "activate", f"{module}:activate_command", "put a model in force")
    activate.add_argument("name", metavar="NAME")
    activate.add_argument("--config", type=Path, metavar="FILE", help="of the engine, default crime_detect.yaml here")
    _add_data(activate)


def _add_cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cache", type=Path, metavar="DIR", help="decoded clips; default .cache beside the results")
    parser.add_argument("--cache-gb", type=float, default=50.0, metavar="GB", help="its bound, default 50")


def _add_administration(commands: Any) -> None:
    bench = _command(commands, "bench", ".benchmark:bench_command", "speed on this machine, as ratios in one run")
    bench.add_argument("--json", action="store_true")
    bench.add_argument("--seconds", type=float, default=30.0, help="length of the eight-camera run")
    doctor = _command(commands, "doctor", ".doctor:doctor_command", "what works here and what to do about the rest")
    doctor.add_argument("--json", action="store_true")
    doctor.add_argument("--config", type=Path, metavar="FILE")
    _add_data(doctor)
    _add_accounts(commands)
    _add_evidence(commands)
    _add_media(commands)
    _add_audit(commands)
    _add_retention(commands)


def _add_accounts(commands: Any) -> None:
    module = ".accounts"
    people = commands.add_parser("user", help="people with accounts").add_subparsers(required=True, metavar="ACTION")
    add = _command(people, "add", f"{module}:add_user_command", "give somebody an account")
    change = _command(people, "change", f"{module}:change_user_command", "another role or other cameras")
    change.add_argument("--all-cameras", action="store_true")
    listed = [_command(people, "list", f"{module}:list_users_command", "who has an account")]
    password = _command(people, "password", f"{module}:password_command", "another password for somebody")
    named = [add, change, password, _command(people, "remove", f"{module}:remove_user_command", "delete an account")]
    for action, help_text in (("disable", "let nobody in with an account"), ("enable", "let them in again")):
        named.append(_command(people, action, f"{module}:change_user_command", help_text))
    for command in named:
        command.add_argument("name", metavar="NAME")
    for action, command in zip(("change", "disable", "enable"), (change, *named[-2:]), strict=True):
        command.set_defaults(action=action)
    add.add_argument("--display-name", metavar="TEXT", help="shown on pages instead of the name")
    for command in (add, password):
        command.add_argument("--password-file", type=Path, metavar="FILE", help="its first line; - is standard input")
        command.add_argument("--must-change", action="store_true", help="another one is demanded at the first sign-in")
    tokens = commands.add_parser("token", help="API tokens").add_subparsers(required=True, metavar="ACTION")
    create = _command(tokens, "create", f"{module}:create_token_command", "make an API token; printed once")
    create.add_argument("--name", default="command line", help="shown in the audit")
    create.add_argument("--scopes", nargs="+", metavar="SCOPE", help="limit it to these uses, see docs/access.md")
    create.add_argument("--expires", metavar="TIME", help="after which it ends, like 90d")
    listed.append(_command(tokens, "list", f"{module}:list_tokens_command", "tokens that are valid"))
    revoke = _command(tokens, "revoke", f"{module}:revoke_token_command", "end a token")
    revoke.add_argument("id", type=int, metavar="ID", help="as `token list` tells")
    add.add_argument("--role", required=True, choices=PERSONAL_ROLES)
    change.add_argument("--role", choices=PERSONAL_ROLES)
    create.add_argument("--role", required=True, choices=ROLES)
    for command in (add, change, create):
        command.add_argument("--cameras", nargs="*", metavar="CAMERA[=ROLE]", help="only these; a role there is lower")
    for command in listed:
        command.add_argument("--json", action="store_true", help="one JSON object a line")
    for command in (*named, *listed, create, revoke):
        command.add_argument("--config", type=Path, metavar="FILE", help="the service's, where it names a database")
        _add_data(command)


def _add_media(commands: Any) -> None:
    actions = commands.add_parser("media", help="pictures and clips that lie sealed").add_subparsers(
        required=True, metavar="ACTION"
    )
    unseal = _command(actions, "unseal", ".unsealing:unseal_command", "open one sealed file with the key")
    unseal.add_argument("file", type=Path, metavar="FILE")
    unseal.add_argument("--out", type=Path, metavar="FILE", help="a new file; without it, standard output")
    unseal.add_argument("--key-file", type=Path, metavar="FILE", help="default keys/media.key among the data")
    unseal.add_argument("--name", metavar="NAME", help="what the file was called, where somebody renamed it")
    export = _command(actions, "export", ".unsealing:export_command", "write an incident's picture and clip in clear")
    export.add_argument("incident", metavar="ID")
    export.add_argument("--out", type=Path, metavar="DIR", help="default ID")
    export.add_argument("--originals", action="store_true", help="the unblurred ones too; audited")
    export.add_argument("--config", type=Path, metavar="FILE", help="the service's")
    collect = _command(actions, "collect", ".collecting:collect_command", "clips that people judged, to learn from")
    collect.add_argument("folder", type=Path, metavar="DIR", help="gets CLASS/*.mp4 and clips.csv; later what is new")
    collect.add_argument("--camera", help="of this one only")
    collect.add_argument("--originals", action="store_true", help="the unblurred ones where they are kept; audited")
    collect.add_argument("--config", type=Path, metavar="FILE", help="the service's")
    for command in (unseal, export, collect):
        _add_data(command)


def _add_evidence(commands: Any) -> None:
    actions = commands.add_parser("evidence", help="packages for others, and what proves them")
    actions = actions.add_subparsers(required=True, metavar="ACTION")
    verify = _command(actions, "verify", ".evidence:verify_command", "check a package: exit code 0 good, 3 bad")
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.add_argument("--public-key", type=Path, metavar="FILE", help="the installation's, PEM; others are refused")
    verify.add_argument("--signature", type=Path, metavar="FILE", help="the one that came beside the package")
    verify.add_argument("--json", action="store_true")
    key = _command(actions, "key", ".evidence:key_command", "print this installation's public key")
    _add_data(key)
    chain = _command(actions, "chain", ".evidence:chain_command", "check this installation's own records")
    chain.add_argument("--files", action="store_true", help="read pictures and clips too")
    export = _command(actions, "export", ".evidence:export_command", "make a package without the service")
    export.add_argument("incident", metavar="ID")
    export.add_argument("--out", type=Path, metavar="FILE", help="default ID.zip; its signature lies beside it")
    for command in (chain, export):
        command.add_argument("--config", type=Path, metavar="FILE", help="the service's, where it names a database")
        _add_data(command)


def _add_retention(commands: Any) -> None:
    actions = commands.add_parser("retention", help="what is kept").add_subparsers(required=True, metavar="ACTION")
    plan = _command(actions, "plan", ".retention_plan:plan_command", "what the next clean-up would delete, and why")
    plan.add_argument("--json", action="store_true", help="all of it")
    plan.add_argument("--config", type=Path, metavar="FILE", help="the service's, where the rules are")
    _add_data(plan)


def _add_audit(commands: Any) -> None:
    actions = commands.add_parser("audit", help="who did and saw what").add_subparsers(required=True, metavar="ACTION")
    export = _command(actions, "export", ".audit_commands:export_command", "write the audit to a file")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    export.add_argument("--format", default="jsonl", choices=("jsonl", "csv"), help="only jsonl can be checked")
    export.add_argument("--config", type=Path, metavar="FILE", help="the service's, where it names a database")
    _add_data(export)
    verify = _command(actions, "verify", ".audit_commands:verify_command", "check a file: exit code 0 good, 3 bad")
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.add_argument("--public-key", type=Path, metavar="FILE", help="the installation's, PEM; others are refused")
    verify.add_argument("--json", action="store_true")


def _rate(text: str) -> float:
    rate = float(text)
    if not 1.0 <= rate <= 60.0:
        raise argparse.ArgumentTypeError(f"{text} is not a rate from 1 to 60 frames a second")
    return rate


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 0 to 65535")
    return port


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="database, media and tokens")


if __name__ == "__main__":
    sys.exit(main())
