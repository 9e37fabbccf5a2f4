# SPDX-License-Identifier: MIT
"""python -m support.up up|down|restart: Tocsin on this machine, in one directory."""

import argparse
import os
import secrets
import shlex
import sys
import time
from pathlib import Path

from .play import play
from .process import ProcessError, accepts
from .seed import ADMIN_EMAIL, OPERATOR_EMAIL, POMPIER_EMAIL, meet_stripe, seed_demo
from .stack import DATABASE, WRITER, Stack

WORKERS = 2
# Jobs come by themselves, so often that a newcomer sees them.
SETTINGS = {"worker.plans": "true", "books.catchup_s": 5, "books.catchup_accounts_s": 5,
            "books.margin_s": 0}
BEGAN_S = int(os.environ.get("DEV_BEGAN_S", time.time()))


def say(text):
    print(f"[{time.time() - BEGAN_S:3.0f} s] {text}", flush=True)


def read_options(words):
    parser = argparse.ArgumentParser(prog="./dev")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up")
    up.add_argument("--port", type=int, default=8080)
    how = up.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true")
    how.add_argument("--detach", action="store_true")
    down = verbs.add_parser("down")
    restart = verbs.add_parser("restart")
    restart.add_argument("what", choices=("api", "worker", "redis", "mariadb"))
    for verb in (up, down, restart):
        verb.add_argument("--data", type=Path)
    options = parser.parse_args(words)
    called_from = Path(os.environ.get("DEV_CALLED_FROM", "."))
    options.data = ((called_from / options.data) if options.data else Path(".tocsin")).absolute()
    return options


class Refusal(Exception):
    """What was asked for cannot be done; the text says why."""


def hold(directory):
    """The stack that lives in the directory."""
    if not (directory / "stack.json").exists():
        raise Refusal(f"there is nothing of ./dev up in {directory}")
    return Stack(directory, workers=WORKERS)


def write_env(stack):
    """DIR/env: what a shell needs to know."""
    names = {
        "TOCSIN_URL": stack.api.url,
        "TOCSIN_CONF": stack.config,
        "TOCSIN_WEBHOOK_SECRET": stack.webhook_secret,
        "TOCSIN_CONNECT_WEBHOOK_SECRET": stack.connect_webhook_secret,
        "TOCSIN_REDIS_SOCKET": stack.redis.socket,
        "TOCSIN_DB_SOCKET": stack.mariadb.socket,
        "TOCSIN_DB_NAME": DATABASE,
        "TOCSIN_DB_USER": WRITER,
        "TOCSIN_DB_PASSWORD": stack.db_password,
        "TOCSIN_STRIPESIM_URL": stack.stripesim.url,
        "TOCSIN_MAIL_DIR": stack.mail.box,
        "TOCSIN_POMPIER_EMAIL": POMPIER_EMAIL,
        "TOCSIN_ADMIN_EMAIL": ADMIN_EMAIL,
        "TOCSIN_OPERATOR_EMAIL": OPERATOR_EMAIL,
        "TOCSIN_DEMO_PASSWORD": stack.demo_password,
        "TOCSIN_PID_API": stack.api.pid,
        **{f"TOCSIN_PID_{worker.name.upper()}": worker.pid for worker in stack.workers},
        "TOCSIN_PID_REDIS": stack.redis.pid,
        "TOCSIN_PID_MARIADB": stack.mariadb.pid,
    }
    lines = [f"{name}={shlex.quote(str(value if value is not None else ''))}"
             for name, value in names.items()]
    stack.write_private(stack.dir / "env", "\n".join(lines) + "\n")


def start(options):
    """Everything but the play."""
    if options.data.exists() and any(options.data.iterdir()) \
            and not (options.data / "stack.json").exists():
        raise Refusal(f"{options.data} holds something else; choose another --data")
    if (options.data / "stack.json").exists() and \
            any(process.pid for process in hold(options.data).processes()):
        raise Refusal(f"it runs already; ./dev down --data {options.data} stops it")
    if accepts(("127.0.0.1", options.port)):
        raise Refusal(f"port {options.port} is taken; choose another --port")
    stack = Stack(options.data, workers=WORKERS, api_port=options.port,
                  settings=SETTINGS)
    # Its choices by chance, and so its ids, differ from those of the last time.
    stack.stripesim.options = ["--seed", secrets.randbits(60)]
    try:
        say("starting Redis, MariaDB and the mail server")
        stack.start_servers()
        say("migrating the database and adding the demo amicale")
        stack.create_database(keep=True)
        stack.migrate()
        seed_demo(stack)
        say(f"starting the Stripe simulator, the api and {WORKERS} workers")
        # Workers walk the demo account's events as soon as they run.
        stack.stripesim.start()
        meet_stripe(stack)
        stack.start_programs()
        write_env(stack)
    except BaseException:
        stop(stack)
        raise
    return stack


def stop(stack):
    """Stops all that runs; True when all of it left well."""
    well = True
    for process in stack.processes():
        try:
            process.stop()
        except ProcessError as failure:
            print(failure, file=sys.stderr)
            well = False
    (stack.dir / "env").unlink(missing_ok=True)
    return well


def tell_addresses(stack):
    status = stack.api.request("GET", "/ops/")[0]
    if status != 404:
        print(f"  dashboard        {stack.api.url}/ops/")
    print(f"  api              {stack.api.url}/")
    print(f"  mailbox          {stack.mail.box}/")
    print(f"  Stripe simulator {stack.stripesim.url}/")
    print(f"  for a shell      . {stack.dir / 'env'}", flush=True)


def watch(stack):
    """Until Ctrl-C, or until ./dev down stopped it elsewhere; says what died."""
    missing = set()
    while any(process.pid for process in stack.processes()):
        for process in stack.processes():
            if process.pid is None and process.name not in missing:
                say(f"{process.name} is gone; its log: {process.log}")
                missing.add(process.name)
            elif process.pid is not None:
                missing.discard(process.name)
        time.sleep(0.5)


def up(options):
    stack = start(options)
    if options.detach:
        say("ready")
        tell_addresses(stack)
        return 0
    balanced = False
    try:
        balanced = play(stack, say)
        tell_addresses(stack)
        if not options.once:
            say("Ctrl-C ends it")
            watch(stack)
    except KeyboardInterrupt:
        print()
    finally:
        say("stopping")
        well = stop(stack)
    return 0 if well and (balanced or not options.once) else 1


def down(options):
    stack = hold(options.data)
    if not any(process.pid for process in stack.processes()):
        say("nothing runs")
        return 0
    well = stop(stack)
    say("stopped" if well else "stopped, but not all of it left well")
    return 0 if well else 1


def restart(options):
    stack = hold(options.data)
    choices = {"api": [stack.api], "worker": stack.workers,
               "redis": [stack.redis], "mariadb": [stack.mariadb]}[options.what]
    # The dead ones; when none is dead, all of them.
    for process in [one for one in choices if one.pid is None] or choices:
        if process.pid is not None:
            process.stop()
        process.start()
        say(f"{process.name} runs again")
    write_env(stack)
    return 0


def main(words):
    options = read_options(words)
    try:
        return {"up": up, "down": down, "restart": restart}[options.verb](options)
    except (Refusal, ProcessError) as failure:
        print(f"dev: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
