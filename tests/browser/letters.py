# SPDX-License-Identifier: MIT
"""Letters to a buyer and to an amicale, as the worker composes them and the mail server
gets them."""

from dataclasses import dataclass

from support.play import order
from support.process import wait_until
from support.seed import seed_demo

AMOUNT_MINOR = 2500
# The longest name that a French commune has.
AMICALE = "Amicale des sapeurs-pompiers de Saint-Remy-en-Bouzemont-Saint-Genest-et-Isson"


@dataclass
class Letter:
    html: str
    number: str   # "2026-000123"
    amount: str   # "25,00 €"


def euros(minor):
    return f"{minor // 100},{minor % 100:02d} €"


def html_of(message):
    return message.get_body(("html",)).get_content()


def play_letters(stack):
    """{"receipt": ..., "refund": ..., "dispute": ...} of a payment that was refunded in
    part and is disputed."""
    demo = seed_demo(stack)
    demo["amicale_id"] = stack.tocsin("amicale", "add", "--name", AMICALE, "--email",
                                      "bureau@amicale.test", json_output=True)["amicale"]
    stack.stripesim.control("play", order(
        demo, 1, with_address=True, mix={"partially_refunded": 1},
        amount_least=AMOUNT_MINOR, amount_most=AMOUNT_MINOR))
    wait_until(lambda: len(stack.mail.messages()) == 2, "the receipt and the notice", 60)
    summary = stack.stripesim.control("summary")
    (payment,), (refund,) = summary["payments"], summary["refunds"]
    dispute = stack.stripesim.control(f"payment_intents/{payment['id']}/dispute",
                                      {"reason": "fraudulent"})["object"]
    wait_until(lambda: len(stack.mail.messages()) == 3, "the letter about the dispute", 60)
    numbers = dict(stack.sql("SELECT subject, number FROM receipts"))
    by_subject = {message["Message-ID"].strip("<>").split("@")[0]: html_of(message)
                  for message in stack.mail.messages()}
    return {
        "receipt": Letter(by_subject[f"receipt.{payment['id']}"], numbers[payment["id"]],
                          euros(payment["amount"])),
        "refund": Letter(by_subject[f"refund.{refund['id']}"], numbers[refund["id"]],
                         euros(refund["amount"])),
        "dispute": Letter(by_subject[f"dispute.{dispute['id']}.amicale"],
                          numbers[f"{dispute['id']}:amicale"], euros(dispute["amount"])),
    }
