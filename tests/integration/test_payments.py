# SPDX-License-Identifier: MIT
"""Payments by card from the phone's request to Stripe and back, refunds, and voided sales:
every state, every refusal, and the row beside Stripe's object."""

import threading
import time

import pytest

from payments_room import PaymentsRoom, Person, metadata, short_directory


@pytest.fixture(scope="module")
def whole(mariadb_server):
    with short_directory() as directory:
        room = PaymentsRoom(directory, mariadb_server).start()
        yield room
        room.stop()


@pytest.fixture
def room(whole):
    whole.clear()
    yield whole
    assert whole.dead() == []


def problem(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer
    return answer.json


# --- create-intent ------------------------------------------------------------------------


def test_a_sale_has_its_row_its_payment_intent_and_a_secret(room):
    made = room.seller.create(1500, local_id="sale-1", receipt_email="acheteur@example.com")
    assert made.status == 200, made
    (intent,) = room.intents()
    assert made.json["payment_intent_id"] == intent["id"]
    assert made.json["client_secret"].startswith(intent["id"] + "_secret_")
    assert {name: made.json[name] for name in (
        "status", "amount", "currency", "payment_method", "capture_method", "local_id",
        "pompier_id", "amicale_id", "application_fee", "amount_received", "last_error")} == {
            "status": "requires_payment_method", "amount": 1500, "currency": "eur",
            "payment_method": "card", "capture_method": "automatic", "local_id": "sale-1",
            "pompier_id": 11, "amicale_id": 1, "application_fee": 0, "amount_received": 0,
            "last_error": None}
    assert intent["destination"] == "acct_one" and intent["receipt_email"] is None
    names = metadata(intent)
    assert names.pop("calendrier_annee") in ("2026", "2027", "2028")
    assert names == {"payment_id": str(made.json["id"]), "local_id": "sale-1",
                     "pompier_id": "11", "pompier_name": "Zoé Le Goff", "amicale_id": "1"}
    row = room.row(made.json["id"], "status, sale_day, sold_at, job_id, send_step")
    assert row[0] == "requires_payment_method" and row[3].startswith("payment.create:11:")
    assert intent["idempotency_key"] == f"{row[3]}/{row[4]}"


def test_a_tapped_card_pays_and_one_receipt_is_sent(room):
    made = room.paid(2500, receipt_email="acheteur@example.com")
    room.wait_quiet()
    assert room.row(made.json["id"], "status, amount_received, stripe_charge_id IS NOT NULL,"
                    " succeeded_at IS NOT NULL") == ("succeeded", 2500, 1, 1)
    (message,) = room.stack.mail.messages()
    assert message["To"] == "acheteur@example.com"


def test_a_declined_card_leaves_the_payment_open_with_its_reason(room):
    made = room.seller.create()
    room.tap(made.json["payment_intent_id"], "insufficient_funds")
    room.stack.wait_sql("SELECT last_error_decline_code FROM payment_intents WHERE id = %s",
                        "insufficient_funds", (made.json["id"],))
    assert room.row(made.json["id"]) == "requires_payment_method"


@pytest.mark.parametrize("fields,field,code", [
    ({"amount": 99}, "amount", "too_small"),
    ({"amount": 50001}, "amount", "too_large"),
    ({"amount": "1500"}, "amount", "wrong_type"),
    ({"amount": 15.5}, "amount", "wrong_type"),
    ({"local_id": "not good"}, "local_id", "bad_format"),
    ({"local_id": "x" * 65}, "local_id", "too_long"),
    ({"receipt_email": "nobody"}, "receipt_email", "bad_format"),
    ({"capture_method": "later"}, "capture_method", "not_a_choice"),
    ({"reciept_email": "a@example.com"}, "reciept_email", "unknown"),
])
def test_a_bad_field_is_named_and_nothing_is_made(room, fields, field, code):
    body = {"amount": 1500, "amicale_id": 1, **fields}
    answer = room.seller.post("/api/payments/create-intent", body)
    assert problem(answer, 422, "invalid_fields")["errors"][0]["field"] == field
    assert answer.json["errors"][0]["code"] == code
    assert room.intents() == [] and room.sql("SELECT id FROM payment_intents") == ()


def test_another_amicale_cannot_be_sold_for(room):
    problem(room.seller.create(amicale=2), 404, "not_found")
    problem(room.admin.create(amicale=999), 404, "not_found")


@pytest.mark.parametrize("who,status", [(11, 200), (12, 200), (13, 200), (31, 403), (32, 403)])
def test_only_who_sells_for_an_amicale_makes_payments(room, who, status):
    assert room.people[who].create().status == status


def test_an_amicale_without_an_account_is_told_so(room):
    room.sql("UPDATE stripe_accounts SET amicale_id = NULL WHERE amicale_id = 1")
    problem(room.seller.create(), 409, "account_missing")
    assert room.sql("SELECT id FROM payment_intents") == ()


def test_an_account_that_cannot_charge_is_told_before_stripe_would(room):
    room.sim.control("accounts/acct_one/stage", {"stage": "restricted"})
    room.stack.wait_sql("SELECT charges_enabled FROM stripe_accounts WHERE amicale_id = 1", 0)
    answer = room.seller.create()
    told = problem(answer, 409, "account_cannot_charge")
    assert told["about"]["stripe_account_id"] == "acct_one"
    assert isinstance(told["about"]["onboarding_completed"], bool)
    assert room.intents() == []


def test_a_key_is_free_again_once_the_account_can_charge(room):
    room.sim.control("accounts/acct_one/stage", {"stage": "restricted"})
    room.stack.wait_sql("SELECT charges_enabled FROM stripe_accounts WHERE amicale_id = 1", 0)
    problem(room.seller.create(key="early"), 409, "account_cannot_charge")
    assert room.sql("SELECT * FROM idempotency_keys") == ()
    room.sim.control("accounts/acct_one/stage", {"stage": "onboarded"})
    room.stack.wait_sql("SELECT charges_enabled FROM stripe_accounts WHERE amicale_id = 1", 1)
    made = room.seller.create(key="early")
    assert made.status == 200 and "Idempotent-Replayed" not in made.headers
    assert room.seller.create(key="early").headers["Idempotent-Replayed"] == "true"
    assert len(room.intents()) == 1


def test_an_account_that_has_become_able_is_looked_at_once(room):
    room.sql("UPDATE stripe_accounts SET charges_enabled = 0 WHERE amicale_id = 1")
    assert room.seller.create().status == 200
    assert room.sql_one("SELECT charges_enabled FROM stripe_accounts WHERE amicale_id = 1") == 1


def test_an_account_that_lost_its_leave_unseen_is_told_as_ours(room):
    room.webhooks(withheld=True)
    try:
        room.sim.control("accounts/acct_one/stage", {"stage": "restricted"})
        answer = room.seller.create(local_id="late")
        problem(answer, 409, "account_cannot_charge")
        assert room.sql_one("SELECT status FROM payment_intents") == "failed"
        room.sim.control("accounts/acct_one/stage", {"stage": "onboarded"})
        again = room.seller.create(local_id="late")
        assert again.status == 200, again
        assert room.row(again.json["id"]) == "requires_payment_method"
        assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 1
        assert len(room.intents()) == 1
    finally:
        room.webhooks(withheld=False)
        room.sim.control("release", {})


def test_a_refusal_of_stripes_is_told_and_the_sale_may_be_tried_again(room):
    room.sql("UPDATE stripe_accounts SET stripe_account_id = 'acct_gone' WHERE amicale_id = 1")
    try:
        answer = room.seller.create(local_id="odd")
        assert (answer.status, answer.code) in ((409, "account_missing"),
                                                (409, "account_cannot_charge"))
        assert room.sql_one("SELECT status FROM payment_intents") == "failed"
    finally:
        room.sql("UPDATE stripe_accounts SET stripe_account_id = 'acct_one',"
                 " deauthorized_at = NULL, charges_enabled = 1"
                 " WHERE stripe_account_id = 'acct_gone'")
    again = room.seller.create(local_id="odd")
    assert again.status == 200 and len(room.intents()) == 1


def test_the_same_sale_asked_for_again_is_the_same_payment(room):
    first = room.seller.create(1500, local_id="s")
    second = room.seller.create(1500, local_id="s")
    assert second.status == 200
    assert second.json == first.json
    assert len(room.intents()) == 1


def test_another_sale_under_a_known_local_id_is_a_conflict(room):
    made = room.seller.create(1500, local_id="s")
    for words in ({"amount": 1600}, {"capture_method": "manual"}):
        answer = room.seller.create(**{"amount": 1500, "local_id": "s", **words})
        about = problem(answer, 409, "local_id_conflict")["about"]
        assert (about["payment_id"], about["amount"]) == (made.json["id"], 1500)
    assert room.second.create(1600, local_id="s").status == 200  # another pompier's own


def test_a_cash_sale_under_the_local_id_is_a_conflict(room):
    cash = room.cash(1500)
    room.sql("UPDATE payment_intents SET local_id = 's' WHERE id = %s", (cash,))
    problem(room.seller.create(1500, local_id="s"), 409, "local_id_conflict")


def test_two_identical_requests_at_once_make_one_payment(room):
    answers = []

    def ask():
        answers.append(room.seller.create(1500, local_id="twice"))
    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bodies = [room.seller.finish(answer) for answer in answers]
    assert {status for status, _ in bodies} == {200}
    assert len({body["payment_intent_id"] for _, body in bodies}) == 1
    assert len(room.intents()) == 1
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 1


def test_the_answer_to_a_key_is_given_again(room):
    first = room.seller.create(1500, key="key-1")
    again = room.seller.create(1500, key="key-1")
    assert again.json == first.json and again.headers["Idempotent-Replayed"] == "true"
    assert len(room.intents()) == 1
    problem(room.seller.create(1600, key="key-1"), 422, "idempotency_mismatch")
    other = room.second.create(1500, key="key-1")  # a key is its user's own
    assert other.status == 200 and other.json["id"] != first.json["id"]


def test_the_answer_to_a_key_outlives_redis_and_is_kept_sealed(room):
    first = room.seller.create(1500, key="key-2")
    room.wait_quiet()
    sealed = room.sql_one("SELECT sealed_answer FROM idempotency_keys")
    assert b"client_secret" not in sealed and b"_secret_" not in sealed
    room.redis.flushall()
    again = room.seller.create(1500, key="key-2")
    assert again.status == 200 and again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(room.intents()) == 1


def test_a_user_who_was_disabled_meanwhile_is_told_and_the_key_stays_free(room):
    room.sql("UPDATE users SET disabled_at = UTC_TIMESTAMP(3) WHERE id = 12")
    try:
        answer = room.second.create(1500, key="k")
        problem(answer, 401, "unauthenticated")
        assert room.intents() == [] and room.sql("SELECT * FROM idempotency_keys") == ()
    finally:
        room.sql("UPDATE users SET disabled_at = NULL WHERE id = 12")


def test_a_user_who_was_moved_meanwhile_does_nothing_for_the_old_amicale(room):
    """With a session of their own: a loop of the front door that reads it meanwhile
    believes for a minute that they are of the other amicale, and says so itself."""
    person = Person(room, 12)
    assert person.get("/api/session").status == 200
    room.sql("UPDATE users SET amicale_id = 2 WHERE id = 12")
    try:
        answer = person.create(1500)
        assert (answer.status, answer.code) in ((403, "role_not_allowed"), (404, "not_found"))
        assert room.intents() == []
    finally:
        room.sql("UPDATE users SET amicale_id = 1 WHERE id = 12")


def test_a_second_payment_intent_of_a_sale_is_reported(room):
    made = room.seller.create(1500)
    room.wait_quiet()
    second = room.made_elsewhere("payment_intents", **{
        "amount": 1500, "currency": "eur", "payment_method_types[0]": "card_present",
        "metadata[payment_id]": made.json["id"], "metadata[amicale_id]": 1,
        "metadata[pompier_id]": 11})
    room.stack.wait_sql("SELECT COUNT(*) FROM reconciliation_findings"
                        " WHERE kind = 'unattributed' AND subject = %s", 1, (second["id"],))
    assert room.row(made.json["id"], "stripe_payment_intent_id") == (
        made.json["payment_intent_id"])


# --- capture ------------------------------------------------------------------------------


def test_what_was_authorised_is_captured(room):
    made = room.authorized(2000)
    answer = room.second.act("capture", made)
    assert answer.status == 200, answer
    assert (answer.json["status"], answer.json["amount_received"]) == ("succeeded", 2000)
    (intent,) = room.intents()
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 2000)


def test_a_part_is_captured_and_the_rest_is_no_refund(room):
    made = room.authorized(2000)
    answer = room.seller.act("capture", made.json["payment_intent_id"], {"amount": 1200})
    assert (answer.json["status"], answer.json["amount_received"]) == ("succeeded", 1200)
    room.wait_quiet()
    assert room.row(made.json["id"], "status, amount_received, amount_refunded") == (
        "succeeded", 1200, 0)


def test_more_than_was_authorised_is_refused_with_what_there_is(room):
    made = room.authorized(2000)
    answer = room.seller.act("capture", made, {"amount": 2001})
    told = problem(answer, 422, "invalid_fields")
    assert told["errors"][0]["code"] == "above_rest" and told["about"]["rest"] == 2000
    assert room.row(made.json["id"]) == "requires_capture"
    problem(room.seller.act("capture", made, {"amount": 99}), 422, "invalid_fields")


def test_what_is_not_authorised_cannot_be_captured(room):
    made = room.seller.create(capture_method="manual")
    for status in ("requires_payment_method", "canceled"):
        told = problem(room.seller.act("capture", made), 409, "wrong_state")
        assert told["about"]["status"] == status
        room.seller.act("cancel", made)
    paid = room.paid()
    told = problem(room.seller.act("capture", paid), 409, "wrong_state")
    assert told["about"]["status"] == "succeeded"
    told = problem(room.seller.act("capture", room.cash()), 409, "wrong_state")
    assert told["about"] == {"status": "succeeded", "payment_method": "cash"}


def test_a_payment_is_captured_by_one_request_alone(room):
    made = room.authorized(2000)
    answers = []

    def ask(person):
        answers.append(person.finish(person.act("capture", made, {"amount": 1500})))
    threads = [threading.Thread(target=ask, args=(person,))
               for person in (room.seller, room.second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(body.get("code", body["status"]) for _, body in answers) == [
        "succeeded", "wrong_state"]
    room.wait_quiet()
    assert room.row(made.json["id"], "status, amount_received") == ("succeeded", 1500)


# --- cancel -------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [None, "abandoned", "requested_by_customer"])
def test_an_open_payment_is_canceled_and_once_more_changes_nothing(room, reason):
    made = room.seller.create()
    body = {"reason": reason} if reason else {}
    first = room.second.act("cancel", made, body)
    assert (first.status, first.json["status"]) == (200, "canceled")
    again = room.seller.act("cancel", made, body)
    assert again.json == first.json
    assert [intent["status"] for intent in room.intents()] == ["canceled"]


def test_an_authorised_payment_is_canceled_and_nothing_was_given_back(room):
    made = room.authorized(2000)
    assert room.seller.act("cancel", made).json["status"] == "canceled"
    room.wait_quiet()
    assert room.row(made.json["id"], "status, amount_received, amount_refunded") == (
        "canceled", 0, 0)


def test_what_is_paid_cannot_be_canceled(room):
    told = problem(room.seller.act("cancel", room.paid()), 409, "wrong_state")
    assert told["about"]["status"] == "succeeded"
    problem(room.seller.act("cancel", room.cash()), 409, "wrong_state")
    problem(room.seller.act("cancel", room.seller.create(), {"reason": "no"}), 422,
            "invalid_fields")


def test_a_sale_that_was_never_sent_is_canceled_by_itself(room):
    made = room.seller.create()
    room.wait_quiet()  # its event would give the row its PaymentIntent back
    room.sql("UPDATE payment_intents SET stripe_payment_intent_id = NULL, status = 'new',"
             " first_sent_at = NULL WHERE id = %s", (made.json["id"],))
    answer = room.seller.act("cancel", made)
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert answer.json["payment_intent_id"] is None


def test_a_sale_that_was_sent_and_not_answered_is_found_and_canceled(room):
    made = room.seller.create()
    room.wait_quiet()
    room.sql("UPDATE payment_intents SET stripe_payment_intent_id = NULL, status = 'new'"
             " WHERE id = %s", (made.json["id"],))
    answer = room.seller.act("cancel", made.json["id"])
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert answer.json["payment_intent_id"] == made.json["payment_intent_id"]
    assert [intent["status"] for intent in room.intents()] == ["canceled"]


# --- refund -------------------------------------------------------------------------------


def test_a_refund_in_parts_up_to_the_whole(room):
    paid = room.paid(1500, receipt_email="acheteur@example.com")
    first = room.admin.act("refund", paid, {"amount": 500, "reason": "duplicate"})
    assert first.status == 200, first
    assert (first.json["refund"]["amount"], first.json["refund"]["reason"],
            first.json["refund"]["status"]) == (500, "duplicate", "succeeded")
    assert (first.json["payment"]["status"], first.json["payment"]["amount_refunded"]) == (
        "partially_refunded", 500)
    rest = room.admin.act("refund", paid)
    assert rest.json["refund"]["amount"] == 1000
    assert rest.json["refund"]["reason"] == "requested_by_customer"
    assert rest.json["payment"]["status"] == "refunded"
    assert sorted(refund["amount"] for refund in room.refunds()) == [500, 1000]
    room.wait_quiet()
    subjects = sorted(message["Subject"] for message in room.stack.mail.messages())
    assert len(subjects) == 3, subjects  # the receipt, and a notice for each refund


def test_the_transfer_comes_back_and_no_fee_that_was_not_taken(room):
    paid = room.paid()
    refund = room.admin.act("refund", paid).json["refund"]
    assert room.row(paid.json["id"], "destination_account_id") == "acct_one"
    shown = room.shown(f"refunds/{refund['refund_id']}")
    assert shown["transfer_reversal"] is not None
    assert shown["metadata"] == {"refund_id": str(refund["id"]),
                                 "payment_id": str(paid.json["id"])}


def test_more_than_is_left_is_refused_with_what_is_left(room):
    paid = room.paid(1500)
    told = problem(room.admin.act("refund", paid, {"amount": 1501}), 422, "invalid_fields")
    assert told["errors"][0]["code"] == "above_rest" and told["about"]["rest"] == 1500
    room.admin.act("refund", paid, {"amount": 900})
    told = problem(room.admin.act("refund", paid, {"amount": 601}), 422, "invalid_fields")
    assert told["about"]["rest"] == 600
    assert room.admin.act("refund", paid, {"amount": 600}).status == 200
    told = problem(room.admin.act("refund", paid), 409, "wrong_state")
    assert told["about"]["status"] == "refunded"
    assert sum(refund["amount"] for refund in room.refunds()) == 1500


def test_a_small_rest_is_given_back_whole_but_not_by_amount(room):
    paid = room.paid(1500)
    room.admin.act("refund", paid, {"amount": 1450})
    problem(room.admin.act("refund", paid, {"amount": 50}), 422, "invalid_fields")
    answer = room.admin.act("refund", paid)
    assert answer.json["refund"]["amount"] == 50
    assert answer.json["payment"]["status"] == "refunded"


@pytest.mark.parametrize("who,status", [(11, 403), (13, 200), (21, 403), (23, 404), (31, 403),
                                        (32, 200)])
def test_only_treasurers_of_the_amicale_refund(room, who, status):
    paid = room.paid()
    assert room.people[who].act("refund", paid).status == status


def test_what_is_not_paid_cannot_be_refunded(room):
    for made in (room.seller.create(), room.authorized()):
        problem(room.admin.act("refund", made), 409, "wrong_state")
    problem(room.admin.act("refund", room.cash()), 409, "wrong_state")
    problem(room.admin.act("refund", 987654), 404, "not_found")
    problem(room.admin.act("refund", "pi_unknown"), 404, "not_found")
    assert room.refunds() == [] or all(
        refund["idempotency_key"] is None for refund in room.refunds())


def test_a_payment_whose_event_is_still_on_its_way_can_be_refunded(room):
    room.webhooks(withheld=True)
    try:
        made = room.seller.create(1500)
        room.tap(made.json["payment_intent_id"])
        answer = room.admin.act("refund", made)
        assert answer.status == 200, answer
        assert answer.json["payment"]["status"] == "refunded"
    finally:
        room.webhooks(withheld=False)
        room.sim.control("release", {})
    room.wait_quiet()
    assert room.row(made.json["id"], "status, amount_refunded") == ("refunded", 1500)


def test_two_phones_that_refund_at_once_never_give_back_more_than_was_received(room):
    paid = room.paid(1500)
    answers = []

    def ask(person, body):
        answers.append(person.finish(person.act("refund", paid, body)))
    bodies = ({"amount": 1000}, {"amount": 1000}, {}, {"amount": 400}, {"amount": 600})
    threads = [threading.Thread(target=ask, args=(person, body))
               for person, body in zip((room.admin, room.people[32]) * 3, bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    room.wait_quiet()
    given = sum(refund["amount"] for refund in room.refunds())
    assert given <= 1500
    assert given == sum(body["refund"]["amount"] for status, body in answers if status == 200)
    assert room.row(paid.json["id"], "amount_refunded") == given
    assert all(status == 200 or body["code"] in ("invalid_fields", "wrong_state")
               for status, body in answers), answers


def test_a_refund_that_fails_later_can_be_given_again(room):
    paid = room.paid(1500)
    refund = room.admin.act("refund", paid).json["refund"]
    room.sim.control(f"refunds/{refund['refund_id']}/fail", {})
    room.wait_row(paid.json["id"], "succeeded")
    again = room.admin.act("refund", paid)
    assert again.status == 200, again
    assert again.json["payment"]["status"] == "refunded"
    assert again.json["payment"]["amount_refunded"] == 1500


def test_a_refund_that_stripe_refuses_counts_no_more(room):
    paid = room.paid(1500)
    room.sim.control(f"payment_intents/{paid.json['payment_intent_id']}/dispute", {})
    answer = room.admin.act("refund", paid, {"amount": 700})
    told = problem(answer, 422, "stripe_refused")
    assert told["about"]["code"] == "charge_disputed"
    assert room.sql("SELECT status, failure_reason, stripe_refund_id FROM refunds") == (
        ("failed", "charge_disputed", None),)
    assert room.row(paid.json["id"], "status, amount_refunded") == ("succeeded", 0)


def forget_answers(room):
    """As a month later."""
    room.wait_quiet()
    room.redis.flushall()
    room.sql("DELETE FROM idempotency_keys")


def test_a_key_whose_answer_was_forgotten_refunds_nothing_else(room):
    paid, other = room.paid(1500), room.paid(1500)
    first = room.admin.act("refund", paid, {"amount": 500}, key="refund")
    assert first.status == 200
    for payment, amount in ((other, 500), (paid, 400)):
        forget_answers(room)
        problem(room.admin.act("refund", payment, {"amount": amount}, key="refund"), 422,
                "idempotency_mismatch")
    forget_answers(room)
    again = room.admin.act("refund", paid, {"amount": 500}, key="refund")
    assert again.json == first.json
    assert [refund["amount"] for refund in room.refunds()] == [500]


def test_what_went_back_elsewhere_leaves_nothing_to_give(room):
    paid = room.paid(1500)
    room.sql("INSERT INTO refunds (payment_id, amount, status) VALUES (%s, 1000, 'new'),"
             " (%s, 1500, 'succeeded')", (paid.json["id"], paid.json["id"]))
    told = problem(room.admin.act("refund", paid, {"amount": 100}), 422, "invalid_fields")
    assert told["errors"][0]["code"] == "above_rest" and told["about"]["rest"] == 0
    problem(room.admin.act("refund", paid), 409, "wrong_state")


def test_a_refund_that_was_taken_for_refused_counts_once_it_is_seen(room):
    paid = room.paid(1500)
    room.webhooks(withheld=True)
    try:
        refund = room.admin.act("refund", paid, {"amount": 600}).json["refund"]
        room.sql("UPDATE refunds SET stripe_refund_id = NULL, status = 'failed'")
        room.sql("UPDATE payment_intents SET status = 'succeeded', amount_refunded = 0")
    finally:
        room.webhooks(withheld=False)
        room.sim.control("release", {})
    room.wait_row(paid.json["id"], "partially_refunded")
    assert room.sql("SELECT id, stripe_refund_id, status FROM refunds") == (
        (refund["id"], refund["refund_id"], "succeeded"),)


def test_a_refund_made_in_stripes_dashboard_fulfils_the_row_that_it_names(room):
    paid, other = room.paid(1500), room.paid(1500)
    room.sql("INSERT INTO refunds (id, payment_id, amount, status, job_id)"
             " VALUES (501, %s, 600, 'new', 'payment.refund:13:lost')", (paid.json["id"],))
    for payment, count in ((other, 2), (paid, 2)):
        made = room.made_elsewhere("refunds", **{
            "payment_intent": payment.json["payment_intent_id"], "amount": 600,
            "reverse_transfer": "true", "metadata[refund_id]": 501})
        room.wait_row(payment.json["id"], "partially_refunded")
        assert room.sql_one("SELECT COUNT(*) FROM refunds") == count
        assert room.sql_one("SELECT stripe_refund_id FROM refunds WHERE id = 501") == (
            made["id"] if payment is paid else None)


# --- void ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["cash", "cheque"])
def test_a_mistaken_sale_is_voided_and_kept(room, method):
    sale = room.cash(1000, method=method)
    answer = room.seller.act("void", sale, {"reason": "saisie deux fois"})
    assert (answer.status, answer.json["status"]) == (200, "voided")
    assert room.row(sale, "status, voided_by, void_reason, voided_at IS NOT NULL, amount") == (
        "voided", 11, "saisie deux fois", 1, 1000)
    again = room.seller.act("void", sale, {"reason": "saisie deux fois"})
    assert again.json == answer.json
    told = problem(room.seller.act("void", sale, {"reason": "autre"}), 409, "wrong_state")
    assert told["about"]["status"] == "voided"
    problem(room.admin.act("void", sale, {"reason": "saisie deux fois"}), 409, "wrong_state")


@pytest.mark.parametrize("who,status", [(11, 200), (12, 403), (13, 200), (21, 404), (23, 404),
                                        (31, 403), (32, 200)])
def test_a_sale_is_voided_by_its_seller_or_a_treasurer(room, who, status):
    assert room.people[who].act("void", room.cash(), {"reason": "erreur"}).status == status


def test_a_card_payment_is_not_voided(room):
    told = problem(room.admin.act("void", room.paid(), {"reason": "non"}), 409, "wrong_state")
    assert told["about"] == {"status": "succeeded", "payment_method": "card"}
    problem(room.admin.act("void", room.cash(), {"reason": "   "}), 422, "invalid_fields")
    problem(room.admin.act("void", room.cash(), {}), 422, "invalid_fields")


# --- names and fees -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["0", "-1", "abc", "ch_123", "pi_a-b", "pi_%2e%2e", "1e3"])
@pytest.mark.parametrize("verb", ["capture", "cancel", "refund", "void"])
def test_what_names_no_payment_is_not_found(room, verb, name):
    problem(room.admin.act(verb, name, {"reason": "duplicate"} if verb != "capture" else {}),
            404, "not_found")


def test_payments_of_another_amicale_are_not_found_by_either_name(room):
    made = room.seller.create()
    for name in (made.json["id"], made.json["payment_intent_id"]):
        problem(room.people[21].act("cancel", name), 404, "not_found")
        problem(room.people[21].act("capture", name), 404, "not_found")


def test_ten_intents_a_minute_and_user(room):
    """And one more for each 6 s that it takes to ask."""
    began = time.monotonic()
    made = 0
    while (answer := room.seller.create(100 + made)).status == 200 and made < 100:
        made += 1
    assert 10 <= made <= 10 + (time.monotonic() - began) / 6
    assert (answer.status, answer.code) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) >= 1
    assert room.second.create().status == 200
    assert len(room.intents()) == made + 1
