import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.kernel.chain import LINE_MAXIMUM, genesis, link, verify


def chain(till: str, count: int) -> list[dict]:
    before, documents = genesis(till), []
    for sequence in range(1, count + 1):
        number = f"{till}-{sequence}"
        payload = json.dumps({"number": number, "sequence": sequence, "money": sequence * 100})
        after = link(before, payload)
        documents.append(
            {
                "till": till,
                "sequence": sequence,
                "number": number,
                "previous_hash": before,
                "payload": payload,
                "hash": after,
            }
        )
        before = after
    return documents


def seal(
    documents: list[dict], *, number: int = 1, before: str | None = None, first: int = 1, day: str = "2026-11-05"
) -> dict:
    last = documents[-1]
    head = {"first": first, "last": last["sequence"], "hash": last["hash"]}
    payload = json.dumps({"number": number, "business_day": day, "heads": {last["till"]: head}})
    before = before or genesis("B1")
    return {"seal": "B1", "previous_hash": before, "payload": payload, "hash": link(before, payload)}


def verdict_of(*records: dict):
    return verify(json.dumps(record) + "\n" for record in records)


def test_unbroken_chains_and_seals_hold():
    first, second = chain("T01", 3), chain("T02", 2)

    verdict = verdict_of(*first, *second, seal(first))

    assert (verdict.broken, verdict.documents, verdict.seals) == (None, 5, 1)
    assert verdict.chains == {"T01": 3, "T02": 2}


@given(st.integers(0, 4), st.integers(1, 99999))
def test_changing_any_payload_is_named(index, money):
    documents = chain("T01", 5)
    changed = json.loads(documents[index]["payload"]) | {"money": -money}
    documents[index]["payload"] = json.dumps(changed)

    verdict = verdict_of(*documents)

    assert verdict.broken == (
        f"line {index + 1}: document T01-{index + 1} (till T01, sequence {index + 1}) was changed after it was written"
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda d: d.pop(1), "line 2: document T01-3 (till T01, sequence 3) follows sequence 1; documents are missing"),
        (
            lambda d: d.insert(1, d[0]),
            "line 2: document T01-1 (till T01, sequence 1) follows sequence 1; it repeats or is out of order",
        ),
        (
            lambda d: d[1].update(previous_hash="0" * 64),
            "line 2: document T01-2 (till T01, sequence 2) does not name the hash of the document before it",
        ),
    ],
)
def test_missing_repeated_and_unlinked_documents_are_named(damage, words):
    documents = chain("T01", 3)
    damage(documents)

    assert verdict_of(*documents).broken == words


def test_document_with_another_number_inside_is_named():
    payload = json.dumps({"number": "X", "sequence": 1})
    record = {
        "till": "T01",
        "sequence": 1,
        "number": "T01-1",
        "previous_hash": genesis("T01"),
        "payload": payload,
        "hash": link(genesis("T01"), payload),
    }

    assert verdict_of(record).broken == "line 1: document T01-1 (till T01, sequence 1) carries another number inside"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"previous_hash": "0" * 64}, "seal 1 of bureau B1 does not name the hash of the seal before it"),
        ({"hash": "0" * 64}, "seal 1 of bureau B1 was changed after it was written"),
    ],
)
def test_damaged_seals_are_named(damage, words):
    documents = chain("T01", 1)

    assert verdict_of(*documents, seal(documents) | damage).broken == f"line 2: {words}"


def test_chain_rewritten_after_its_seal_is_named():
    documents = chain("T01", 2)
    sealed = seal(documents)
    rewritten = chain("T01", 1)
    payload = json.dumps({"number": "T01-2", "sequence": 2, "money": 1})
    rewritten.append(
        documents[1] | {"payload": payload, "hash": link(rewritten[0]["hash"], payload)},
    )

    verdict = verdict_of(*rewritten, sealed)

    assert verdict.broken == "line 3: seal 1 of bureau B1 sealed till T01 at sequence 2 with another hash"


def test_seal_of_a_till_without_documents_holds():
    empty = {"first": 1, "last": 0, "hash": genesis("T09")}
    payload = json.dumps({"number": 1, "business_day": "2026-11-05", "heads": {"T09": empty}})
    record = {
        "seal": "B1",
        "previous_hash": genesis("B1"),
        "payload": payload,
        "hash": link(genesis("B1"), payload),
    }

    assert verdict_of(record).broken is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"first": 2}, "begins till T01 at sequence 2, and the last one ended at 2"),
        ({"first": 4}, "begins till T01 at sequence 4, and the last one ended at 2"),
        ({"number": 3}, "does not follow seal 1"),
        ({"day": "2026-11-05"}, "does not follow seal 1 of 2026-11-05"),
    ],
)
def test_closed_days_must_join(changes, problem):
    documents = chain("T01", 3)
    first = seal(documents[:2])
    joined = {"number": 2, "before": first["hash"], "first": 3, "day": "2026-11-06"}

    assert verdict_of(*documents, first, seal(documents, **joined)).broken is None
    assert problem in verdict_of(*documents, first, seal(documents, **(joined | changes))).broken


@pytest.mark.parametrize("line", ["{", "[]", '{"till": "T01"}', '{"seal": "B", "payload": "1"}', "null"])
def test_lines_that_are_no_documents_are_named(line):
    assert verify([line]).broken.startswith("line 1: it is not a document or a seal (")


def test_overlong_line_is_named_and_blank_lines_are_skipped():
    assert verify(["\n", "x" * (LINE_MAXIMUM + 1)]).broken == "line 2: the line is longer than any document"
