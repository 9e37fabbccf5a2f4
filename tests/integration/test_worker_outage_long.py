# SPDX-License-Identifier: MIT
"""The outage that takes minutes; only ./dev test all has the patience."""

import pytest

from test_worker_outage import mariadb_away, own_room

__all__ = ["own_room"]


@pytest.mark.slow
def test_mariadb_away_for_two_minutes_costs_no_job_and_no_attempt(own_room):
    mariadb_away(own_room, 120)
