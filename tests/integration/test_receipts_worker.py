# SPDX-License-Identifier: MIT
"""Receipts through real workers: a worker that dies while it sends."""

import pytest

from support.play import order
from support.process import wait_until
from support.seed import seed_demo


def messages_by_id(stack):
    counts = {}
    for message in stack.mail.messages():
        counts[message["Message-ID"]] = counts.get(message["Message-ID"], 0) + 1
    return counts


# After the kill the row is left alone for as long as sending can take: twice total_ms.
@pytest.mark.stack(settings={"mail.total_ms": 3000})
def test_a_worker_killed_while_sending_leaves_one_receipt_or_two_equal_ones(stack):
    demo = seed_demo(stack)
    stack.mail.fault(slow_ms=600000)
    stack.stripesim.control("play", order(demo, 1, with_address=True,
                                          mix={"succeeded": 1}))
    stack.wait_sql("SELECT COUNT(*) FROM receipts WHERE state = 'sending'", 1)
    (worker,) = stack.workers
    worker.kill9()
    stack.mail.fault()
    worker.start()
    # The dead worker's job goes back when its beat is missed.
    stack.wait_sql("SELECT COUNT(*) FROM receipts WHERE state = 'sent'", 1, timeout_s=60)
    assert stack.sql("SELECT unsure_sends, attempts FROM receipts") == ((1, 2),)
    assert stack.sql_one("SELECT kind FROM reconciliation_findings") == "receipt_unsure"
    wait_until(lambda: len(messages_by_id(stack)) == 1, "the message")
    assert set(messages_by_id(stack).values()) <= {1, 2}


@pytest.mark.stack(workers=2)
def test_every_refund_and_payment_is_told_once_by_two_workers(stack):
    demo = seed_demo(stack)
    stack.stripesim.control("webhooks", {"duplicate_percent": 50, "reorder_ms": 300})
    stack.stripesim.control("play", order(
        demo, 40, with_address=True, mix={"partially_refunded": 2, "refunded": 1,
                                          "declined_then_succeeded": 1}))
    wait_until(lambda: stack.stripesim.control("idle?wait_ms=2000")["idle"], "the play", 60)
    summary = stack.stripesim.control("summary")
    payments = [one["id"] for one in summary["payments"] if one["status"] == "succeeded"]
    refunds = [one["id"] for one in summary["refunds"] if one["status"] == "succeeded"]
    expected = {f"receipt.{name}" for name in payments} | {f"refund.{name}" for name in refunds}
    assert len(payments) == 40 and refunds
    wait_until(lambda: len(messages_by_id(stack)) >= len(expected), "the mail", 60)
    counts = messages_by_id(stack)
    assert {name.strip("<>").split("@")[0] for name in counts} == expected
    assert set(counts.values()) == {1}
