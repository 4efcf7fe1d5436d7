"""Power cuts at every step of a sale, and four tills at one meter, on a real database."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from gridtill.kernel.ids import new_id

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.faults


@pytest.fixture
def database_url(tmp_path):
    url = os.environ.get("DATABASE_URL", "sqlite://")
    if not url.startswith("postgres"):
        yield f"sqlite:///{tmp_path / 'arena.db'}"
        return
    name = f"arena_{new_id().hex}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    parts = urlsplit(url)
    yield parts._replace(path=f"/{name}").geturl()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def play(scenario: str, database_url: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.arena", scenario],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_kill_at_every_step_leaves_everything_consistent(database_url):
    found = play("kill", database_url)

    assert found["problems"] == []
    assert found["killed"] > 50


def test_kill_at_every_step_of_a_sale_with_a_key_change_leaves_the_meter_whole(database_url):
    found = play("kill-key-change", database_url)

    assert found["problems"] == []
    assert found["killed"] > 80


def test_four_tills_at_one_meter_split_the_blocks_right(database_url):
    found = play("race", database_url)

    assert found["problems"] == []
    # 24 × 30.00: the first 200.00 buy 20 kWh at 10.00, the other 520.00 buy 20.8 kWh at 25.00.
    assert (found["total_wh"], found["carry_minor"]) == (40_800, 0)
