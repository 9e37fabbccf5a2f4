# SPDX-License-Identifier: MIT
"""kill -9 under load: after the restart every acknowledged event is processed, and each
effect is there once. ./dev prove does the same in many rounds."""

import pytest

from support.trials import Trial

pytestmark = pytest.mark.stack(workers=2)

PAYMENTS = 150
RATE = 50


def balanced(account):
    assert account.balances, account.text()


def test_workers_killed_in_the_middle_of_jobs_lose_and_repeat_nothing(own_stack):
    trial = Trial(own_stack, PAYMENTS, RATE)
    for worker in own_stack.workers * 2:
        trial.wait_processed(40)
        trial.kill_worker(worker)
    balanced(trial.finish())


def test_redis_killed_under_load_keeps_every_event_that_was_acknowledged(own_stack):
    trial = Trial(own_stack, PAYMENTS, RATE)
    for _ in range(2):
        trial.wait_accepted(60)
        trial.kill_redis()
    balanced(trial.finish())


def test_mariadb_killed_under_load_gets_every_event_once_it_is_back(own_stack):
    trial = Trial(own_stack, PAYMENTS, RATE)
    for _ in range(2):
        trial.wait_accepted(60)
        trial.kill_mariadb()
    balanced(trial.finish())
    dead = own_stack.tocsin("jobs", "--state", "dead", json_output=True)["jobs"]
    assert dead == []
