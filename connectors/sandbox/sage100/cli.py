"""Command line: build a company and print, as one line of JSON, how to reach it."""

import argparse
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, get_args

from .build import Merchant, build
from .demo.pictures import draw_pictures
from .sandbox import Sage100Sandbox
from .schema import Dialect


def main(argv: Sequence[str] | None = None) -> int:
    """Build the company the arguments ask for, print its connection strings, return 0.

    ``--items`` without ``--merchant`` asks for the generated merchant. Errors of the database are raised.
    """
    arguments = _parser().parse_args(argv)
    merchant: Merchant = arguments.merchant or ("generated" if arguments.items else "demo")
    sandbox = build(
        arguments.path or arguments.postgres,
        merchant=merchant,
        items=arguments.items or 1000,
        seed=arguments.seed,
        variants_share=arguments.variants_share,
        emulation=arguments.emulation,
        today=arguments.today,
    )
    described = describe(sandbox)
    if arguments.pictures:
        draw_pictures(sandbox, arguments.pictures)
        described["pictures"] = str(arguments.pictures.resolve())
    print(json.dumps({"merchant": merchant, "seed": arguments.seed, **described}, ensure_ascii=False))
    return 0


def describe(sandbox: Sage100Sandbox) -> dict[str, Any]:
    """Where a company is and how a client reaches it, ready for JSON."""
    with sandbox.session(write=False) as session:
        articles = session.all("SELECT COUNT(*) FROM F_ARTICLE")[0][0]
        variants = session.all("SELECT COUNT(*) FROM F_ARTENUMREF")[0][0]
    sqlite = sandbox.dialect is Dialect.SQLITE
    return {
        "engine": str(sandbox.dialect),
        "path" if sqlite else "dsn": str(sandbox.path) if sqlite else sandbox.dsn,
        "odbc": sandbox.odbc_connection_string(),
        "odbc_read_only": sandbox.odbc_connection_string(read_only=True),
        "articles": articles,
        "variants": variants,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sage100", description="Builds a Sage 100 stand-in database.")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--path", help="SQLite file to write (replaced)")
    target.add_argument("--postgres", metavar="DSN", help="PostgreSQL database to fill (its Sage tables are replaced)")
    parser.add_argument("--merchant", choices=get_args(Merchant), help="default: demo, or generated with --items")
    parser.add_argument("--items", type=int, default=0, help="articles of the generated merchant (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--variants-share", type=float, default=0.0, help="share of generated articles with sizes, 0 to 1"
    )
    parser.add_argument(
        "--emulation",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="behave as the Sage driver on writes (numbers, totals); without it the tables take only complete rows",
    )
    parser.add_argument(
        "--today", type=date.fromisoformat, help="day around which the demo merchant's purchase orders are dated"
    )
    parser.add_argument("--pictures", type=Path, help="folder to draw the pictures into that the articles name")
    return parser
