# SPDX-License-Identifier: MIT
"""The account: what Stripe (the simulator) says happened, against the books and the mailbox.

Everything is compared by name, never by count alone: each event, each payment's state and
sums, each refund, each message.
"""

from collections import Counter

LEFT_STATES = ("ready", "leased", "scheduled")
# Jobs that come with each period: there is always a next one, so they are never left.
PERIODIC = ("events.catchup", "payment.reconcile", "books.plan", "books.reconcile",
            "personal_data.erase")
PAID = ("succeeded", "partially_refunded", "refunded")
CLOSED = ("won", "lost", "warning_closed")


def released(payment):
    """What was set aside of the buyer's money and never taken; Stripe tells of it as of a
    refund, although nothing came back."""
    if payment["status"] in ("succeeded", "canceled"):
        return payment["amount"] - payment["amount_received"]
    return 0


def refunded(payment):
    """What the buyer had paid and has again. Stripe counts what was released as well."""
    return max(payment["amount_refunded"] - released(payment), 0)


def expected_status(payment):
    """A payment's state in the books: `refunded` is computed, Stripe does not know it."""
    if payment["status"] == "succeeded" and refunded(payment) > 0:
        whole = refunded(payment) >= payment["amount_received"]
        return "refunded" if whole else "partially_refunded"
    return payment["status"]


def releases(payments, refunds):
    """The ids of the refunds that gave nothing back: of each payment that released money,
    the oldest refund of that amount."""
    waiting = {one["id"]: released(one) for one in payments if released(one) > 0}
    found = set()
    for one in refunds:
        if waiting.get(one["payment_intent"]) == one["amount"]:
            del waiting[one["payment_intent"]]
            found.add(one["id"])
    return found


def jobs_in(stack, state):
    """The first jobs in that state; that there are none is what matters."""
    return stack.tocsin("jobs", "--state", state, "--limit", "500", json_output=True)["jobs"]


def jobs_left(stack):
    """Those that somebody waits for."""
    return [job for state in LEFT_STATES for job in jobs_in(stack, state)
            if job["kind"] not in PERIODIC]


class Marks:
    """What was there before: the account is only about what came after."""

    def __init__(self, stack):
        self.after = {table: stack.sql_one(f"SELECT COALESCE(MAX(id), 0) FROM {table}")
                      for table in ("stripe_events", "payment_intents", "refunds",
                                    "receipts")}
        self.messages = set(stack.mail.files())
        summary = stack.stripesim.control("summary")
        self.played = {one["id"] for part in ("payments", "refunds", "disputes")
                       for one in summary[part]}
        self.played |= {event["id"] for event in
                        stack.stripesim.control("events")["events"]}

    def fresh(self, objects):
        """Those of the simulator's that were not there."""
        return [one for one in objects if one["id"] not in self.played]


class Account:
    """One comparison. `problems` is empty when everything balances."""

    def __init__(self, stack, marks):
        self.stack = stack
        self.marks = marks
        self.problems = []
        self.lines = []
        self.summary = stack.stripesim.control("summary")
        self.payments = marks.fresh(self.summary["payments"])
        self.refunds = marks.fresh(self.summary["refunds"])
        self.disputes = marks.fresh(self.summary["disputes"])
        self.releases = releases(self.payments, self.refunds)
        self._events(marks.fresh(stack.stripesim.control("events")["events"]))
        self._payments(self.payments)
        self._refunds(self.refunds)
        self._mail()
        self._queue()

    def _rows(self, table, columns):
        return self.stack.sql(f"SELECT {columns} FROM {table} WHERE id > %s",
                              (self.marks.after[table],))

    def _line(self, what, text):
        self.lines.append(f"  {what:10} {text}")

    def _problem(self, text):
        self.problems.append(text)

    def _differ(self, what, expected, found):
        """Complains about members of one set that the other lacks."""
        for name, extra in (("missing", expected - found), ("not expected", found - expected)):
            if extra:
                some = ", ".join(str(one) for one in sorted(extra, key=str)[:3])
                self._problem(f"{len(extra)} {what} {name}: {some}")

    def _events(self, events):
        sent = {event["id"] for event in events}
        rows = self._rows("stripe_events", "stripe_event_id, processed_at IS NOT NULL")
        found = Counter(row[0] for row in rows)
        processed = {row[0] for row in rows if row[1]}
        hooks = self.summary["webhooks"]
        self._line("events", f"{len(sent)} sent ({hooks['attempts']} requests, "
                             f"{hooks['duplicates']} doubled on purpose, "
                             f"{hooks['failed']} refused or lost and sent again), "
                             f"{len(found)} in stripe_events, "
                             f"{len(processed)} processed")
        self._differ("events in stripe_events", sent, set(found))
        self._differ("processed events", sent, processed)
        for name, times in found.items():
            if times != 1:
                self._problem(f"{name} is {times} times in stripe_events")
        for name in ("outstanding", "given_up", "withheld"):
            if hooks[name]:
                self._problem(f"the simulator has {hooks[name]} webhooks {name}")

    def _payments(self, payments):
        expected = {(one["id"], expected_status(one), one["amount_received"],
                     refunded(one)) for one in payments}
        found = set(self._rows(
            "payment_intents",
            "stripe_payment_intent_id, status, amount_received, amount_refunded"))
        self._differ("payments", expected, found)
        states = Counter(status for _, status, _, _ in found)
        self._line("payments", f"{len(found)}: " + ", ".join(
            f"{count} {state}" for state, count in sorted(states.items())))
        self._line("money", f"{sum(one[2] for one in found) / 100:,.2f} EUR received, "
                            f"{sum(one[3] for one in found) / 100:,.2f} EUR refunded")

    def _refunds(self, refunds):
        expected = {(one["id"], one["status"], one["amount"], one["id"] in self.releases)
                    for one in refunds}
        found = {(*row[:3], bool(row[3])) for row in self._rows(
            "refunds", "stripe_refund_id, status, amount, is_release")}
        self._differ("refunds", expected, found)
        self._line("refunds", f"{len(found)}, {len(self.releases)} of them of money that "
                              "was authorised and not taken")

    def _mail(self):
        """One message for each receipt: the payments that succeeded and have an address."""
        rows = self._rows("receipts", "template, subject, state, message_id, unsure_sends")
        buyers = {one["id"]: one["metadata"]["receipt_email"]
                  for one in self.payments
                  if "receipt_email" in one["metadata"] and expected_status(one) in PAID}
        self._differ("receipts", set(buyers),
                     {row[1] for row in rows if row[0] == "receipt"})
        notices = {one["id"] for one in self.refunds
                   if one["status"] == "succeeded" and one["payment_intent"] in buyers
                   and one["id"] not in self.releases}
        # A refund that failed before its notice was sent gets none.
        failed = {one["id"] for one in self.refunds if one["status"] != "succeeded"}
        # So does an admin of a dispute that was closed before the letter was sent.
        closed = {one["id"] for one in self.disputes if one["status"] in CLOSED}
        letters = {row[1]: row[1].partition(":")[0] for row in rows if row[0] == "dispute"}
        failed |= {subject for subject, dispute in letters.items() if dispute in closed}
        self._differ("disputes that an admin was told of",
                     {one["id"] for one in self.disputes} - closed,
                     set(letters.values()) - closed)
        refused = {row[1] for row in rows if row[2] != "sent" and row[1] not in failed}
        if refused:
            self._problem(f"{len(refused)} receipts not sent: {sorted(refused)[:3]}")
        told = {row[1] for row in rows if row[0] == "refund"}
        self._differ("notices", notices, told - failed)

        messages = self.stack.mail.messages(besides=self.marks.messages)
        arrived = Counter(message["Message-ID"].strip("<>") for message in messages)
        wanted = {row[3].strip("<>"): row for row in rows if row[2] == "sent"}
        # Its row could not be written, and when it was read again its reason was gone, as
        # that of a letter about a dispute which was closed meanwhile; all others are above.
        unsure = {row[3].strip("<>") for row in rows if row[2] == "unsure"}
        self._differ("messages", set(wanted), set(arrived) - unsure)
        self.repeated = 0
        for name, times in arrived.items():
            # Sent once more only after its answer was lost, and the row says so.
            allowed = 1 + (wanted[name][4] if name in wanted else 0)
            self.repeated += times - 1
            if times > allowed:
                self._problem(f"message {name} arrived {times} times")
        for message in messages:
            row = wanted.get(message["Message-ID"].strip("<>"))
            if row and row[0] == "receipt" and message["Delivered-To"] != buyers.get(row[1]):
                self._problem(f"the receipt for {row[1]} went to somebody else")
        again = (f", {self.repeated} of them sent again after a lost answer"
                 if self.repeated else "")
        self._line("mailbox", f"{len(messages)} messages for "
                              f"{len(buyers)} receipts and "
                              f"{len(wanted) - len(buyers) - len(letters)} notices of "
                              f"refunds and {len(letters)} letters about disputes{again}")

    def _queue(self):
        dead = jobs_in(self.stack, "dead")
        left = jobs_left(self.stack)
        self._line("queue", f"{len(dead)} dead, {len(left)} left")
        for what, jobs in (("dead", dead), ("left", left)):
            if jobs:
                self._problem(f"{len(jobs)} jobs {what}: "
                              + ", ".join(job["id"] for job in jobs[:3]))

    @property
    def balances(self):
        return not self.problems

    def text(self):
        verdict = ("everything is accounted for" if self.balances else
                   "NOT everything is accounted for:")
        return "\n".join([*self.lines, f"  {verdict}",
                          *(f"    - {problem}" for problem in self.problems)])
