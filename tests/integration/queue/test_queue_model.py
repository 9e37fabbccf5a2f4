# SPDX-License-Identifier: MIT
"""Random walks of the scripts beside the reference model, and walks with a write missing."""

import os
from pathlib import Path

import pytest

from queue_scripts import Queue, mutated, mutations, sources
from queue_server import START_MS
from queue_walk import Noticed, Walk

WALKS, STEPS = 20, 250                   # of the default run
SHORT_WALKS, SHORT_STEPS = 2000, 20      # of the default run too: many ways to begin
LONG_WALKS, LONG_STEPS = 40, 1500        # of the slow one
MUTANT_WALKS, MUTANT_STEPS = 80, 200     # within which a missing write must be noticed
MUTATIONS = Path(__file__).with_name("mutations.txt")
TEXTS = sources()
# QUEUE_SEED=n starts the walks at another seed than 0; a failure names the seed.
FIRST_SEED = int(os.environ.get("QUEUE_SEED", "0"))


def walk(server, seed, steps, texts=TEXTS):
    server.now_ms = START_MS
    with server.client(decode_responses=True) as client:
        client.flushall()
        listener = client.pubsub()
        try:
            listener.psubscribe("*")
            assert listener.get_message(timeout=5)["type"] == "psubscribe"
            run = Walk(seed, server, Queue(client, texts=texts), listener)
            run.run(steps)
            run.compare_published()
            return run
        finally:
            listener.close()


reached = {}  # number of a walk -> its totals


@pytest.mark.parametrize("number", range(WALKS))
def test_scripts_do_what_the_model_does(server, number):
    reached[number] = walk(server, FIRST_SEED + number, STEPS).model.totals


def test_walks_reach_every_outcome_of_a_job(server):
    """A walk that never comes where something can go wrong proves nothing."""
    totals = {}
    for number in range(WALKS):
        if number not in reached:
            reached[number] = walk(server, FIRST_SEED + number, STEPS).model.totals
        for name, times in reached[number].items():
            totals[name] = totals.get(name, 0) + times
    few = {name: totals.get(name, 0) for name in (
        "enqueued known conflict taken done later unsure never deferred crashed poison exhausted "
        "dead released put_aside trimmed retried discarded paused resumed").split()
        if totals.get(name, 0) < 3}
    assert not few, f"of {totals}"


@pytest.mark.parametrize("part", range(4))
def test_thousands_of_short_sequences_do_what_the_model_does(server, part):
    for number in range(part, SHORT_WALKS, 4):
        walk(server, 2_000_000 + FIRST_SEED + number, SHORT_STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(LONG_WALKS))
def test_scripts_do_what_the_model_does_for_long(server, number):
    walk(server, 1_000_000 + FIRST_SEED + number, LONG_STEPS)


@pytest.mark.parametrize("mutation", mutations(TEXTS), ids=str)
def test_a_missing_write_is_noticed(server, mutation):
    texts = mutated(TEXTS, mutation)
    for seed in range(MUTANT_WALKS):
        try:
            walk(server, seed, MUTANT_STEPS, texts)
        except Noticed:
            return
    pytest.fail(f"{MUTANT_WALKS} walks went on as if nothing were missing")


def test_the_written_list_of_mutations_is_current():
    """mutations.txt names every write that was taken out in turn, one a line."""
    current = "".join(f"{mutation}\n" for mutation in mutations(TEXTS))
    if os.environ.get("QUEUE_WRITE_MUTATIONS"):
        MUTATIONS.write_text(current)
    assert MUTATIONS.read_text() == current, \
        "writes changed: run this test with QUEUE_WRITE_MUTATIONS=1 and look at the difference"
