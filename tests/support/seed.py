# SPDX-License-Identifier: MIT
"""The demo amicale and its people, made with the operator's own command line."""

POMPIER_EMAIL = "pompier@demo.tocsin.test"
ADMIN_EMAIL = "admin@demo.tocsin.test"
OPERATOR_EMAIL = "operator@demo.tocsin.test"
DEMO_ACCOUNT = "acct_demo"


def seed_demo(stack):
    """An amicale that is onboarded and may charge, with a pompier, an admin and an
    operator. Safe to repeat. Returns their ids."""
    found = stack.sql("SELECT id FROM amicales ORDER BY id LIMIT 1")
    if not found:
        amicale = stack.tocsin(
            "amicale", "add", "--name", "Amicale de démonstration",
            "--email", "amicale@demo.tocsin.test", "--adresse1", "1 place de la Caserne",
            "--code-postal", "35000", "--ville", "Rennes", json_output=True)["amicale"]
        stack.tocsin("amicale", "account", amicale, DEMO_ACCOUNT, "--onboarded")
        for role, address, of in (("pompier", POMPIER_EMAIL, ("--amicale", amicale)),
                                  ("admin", ADMIN_EMAIL, ("--amicale", amicale)),
                                  ("operator", OPERATOR_EMAIL, ())):
            stack.tocsin("user", "add", "--role", role, "--email", address,
                         "--name", f"Camille ({role})", "--password-file",
                         stack.secrets / "demo_password", *of)
    return {"amicale_id": stack.sql_one("SELECT MIN(id) FROM amicales"),
            "pompier_id": stack.sql_one(
                "SELECT MIN(id) FROM users WHERE role = 'pompier'")}


def meet_stripe(stack):
    """The simulator, which forgets everything when it stops, knows the demo account."""
    stack.stripesim.control("accounts", {"id": DEMO_ACCOUNT})
