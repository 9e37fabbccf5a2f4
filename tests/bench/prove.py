# SPDX-License-Identifier: MIT
"""python -m bench.prove [--rounds N]: the crash trials, in rounds.

In each round a worker, Redis and MariaDB are killed (kill -9) one after the other, in an
order by chance, while webhooks come in; then the account must balance. What was sent again
because its answer was lost carries the same Message-ID, and is counted.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from support.stack import Stack
from support.trials import Trial

PAYMENTS = 300
RATE = 60


def one_round(stack, chance):
    """The victims in the order of their deaths, and the account."""
    trial = Trial(stack, PAYMENTS, RATE)
    victims = ["worker", "redis", "mariadb", "worker"]
    chance.shuffle(victims)
    for victim in victims:
        trial.wait_accepted(chance.randrange(30, 120))
        if victim == "worker":
            trial.kill_worker(chance.choice(stack.workers))
        elif victim == "redis":
            trial.kill_redis()
        else:
            trial.kill_mariadb()
    return victims, trial.finish()


def main(words):
    parser = argparse.ArgumentParser(prog="./dev prove", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30),
                        help="repeats the order of the deaths")
    options = parser.parse_args(words)
    chance = random.Random(options.seed)
    print(f"{options.rounds} rounds, seed {options.seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="tocsin-prove-"))
    failed = 0
    with Stack(directory, workers=2) as stack:
        for number in range(1, options.rounds + 1):
            began = time.monotonic()
            victims, account = one_round(stack, chance)
            failed += 0 if account.balances else 1
            print(f"round {number}: killed {', '.join(victims)}; "
                  f"{time.monotonic() - began:.0f} s\n{account.text()}", flush=True)
    if failed == 0:
        shutil.rmtree(directory, ignore_errors=True)
        print(f"all {options.rounds} rounds balanced")
        return 0
    print(f"{failed} of {options.rounds} rounds did not balance; the logs are in {directory}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
