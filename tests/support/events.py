# SPDX-License-Identifier: MIT
"""Stripe events as a test needs them, and their signature.

The signature is computed here from Stripe's description of it, independently of the
programs under test."""

import hashlib
import hmac
import json
import secrets
import time


def stripe_id(prefix):
    return f"{prefix}_{secrets.token_hex(12)}"


def event(kind, data, account=None, **fields):
    """An event of this type about this object."""
    made = {"id": stripe_id("evt"), "object": "event", "api_version": "2024-06-20",
            "created": int(time.time()), "livemode": False, "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None}, "type": kind,
            "data": {"object": data}, **fields}
    if account:
        made["account"] = account
    return made


def payment_event(kind="payment_intent.succeeded", status="succeeded", amount=1500,
                  amicale_id=None, pompier_id=None, **fields):
    """An event about a payment by card, without a receipt unless `fields` ask for one."""
    metadata = {"calendrier_annee": "2027"}
    if amicale_id:
        metadata |= {"amicale_id": str(amicale_id), "pompier_id": str(pompier_id)}
    return event(kind, {
        "id": stripe_id("pi"), "object": "payment_intent", "amount": amount,
        "amount_capturable": 0,
        "amount_received": amount if status == "succeeded" else 0,
        "application_fee_amount": None, "capture_method": "automatic",
        "created": int(time.time()), "currency": "eur", "latest_charge": None,
        "livemode": False, "metadata": metadata, "receipt_email": None, "status": status,
        "last_payment_error": None, "canceled_at": None, "transfer_data": None, **fields})


def encode(made):
    return json.dumps(made, separators=(",", ":")).encode()


def sign(body, secret, at_s=None):
    """The Stripe-Signature header for these bytes."""
    stamp = int(time.time() if at_s is None else at_s)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return f"t={stamp},v1={digest.hexdigest()}"
