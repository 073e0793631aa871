"""Registrations that outlive a restart."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.events import RegistrationChanged
from pbx.history.bindings import (
    binding_of,
    callable_address,
    lasting,
    row_of,
    usable_again,
)
from pbx.store import Store
from sip.flow import Address, Flow
from sip.registration import Binding
from tests.exchange.office import OPENS, SERVER, TICK, Office
from tests.sim.world import EPOCH

UDP = Flow("udp", SERVER, ("10.1.0.1", 5060))
TCP = Flow("tcp", SERVER, ("10.1.0.1", 40000), 7)
PHONE = Binding(
    "101", "sip:101@10.1.0.1", UDP, 600.0, "call", 3, 0.5, "<urn:uuid:1>", 1, ("<sip:p;lr>",), "UA"
)


def test_written_and_read() -> None:
    assert binding_of(row_of(PHONE)) == replace(PHONE, flow=Flow("udp", ("", 0), UDP.remote))


BINDINGS = st.builds(
    Binding,
    aor=st.text(max_size=9),
    contact=st.text(max_size=9),
    flow=st.just(UDP),
    expires_at=st.floats(0, 1e10),
    call_id=st.text(max_size=9),
    cseq=st.integers(0, 2**31),
    q=st.floats(0, 1),
    instance=st.none() | st.text(max_size=9),
    reg_id=st.none() | st.integers(0, 2**31),
    path=st.lists(st.text(max_size=9)).map(tuple),
    user_agent=st.text(max_size=9),
    updated_at=st.floats(0, 1e10),
)


@given(BINDINGS)
def test_any_binding_is_read_as_it_was_written(binding: Binding) -> None:
    row = json.loads(json.dumps(row_of(binding)))
    assert binding_of(row) == replace(binding, flow=Flow("udp", ("", 0), UDP.remote))


@pytest.mark.parametrize(
    ("column", "value"), [(4, "x"), (5, None), (12, "{"), (12, "[1]"), (8, "many")]
)
def test_a_row_that_was_tampered_with(column: int, value: object) -> None:
    row: list[object] = list(row_of(PHONE))
    row[column] = value
    with pytest.raises(ValueError, match=r".+"):
        _ = binding_of(row)


@pytest.mark.parametrize(
    ("flow", "contact", "path", "address"),
    [
        (TCP, "sip:101@10.1.0.1:5070;transport=tcp", (), ("10.1.0.1", 5070)),
        (TCP, "sip:101@10.1.0.1", (), ("10.1.0.1", 5060)),
        (TCP, "sip:101@192.168.1.9:5070;transport=tcp", (), None),  # Behind a NAT.
        (TCP, "sip:101@10.1.0.1;transport=udp", (), None),
        (TCP, "sip:101@10.1.0.1;transport=tcp", ("<sip:p;lr>",), None),
        (TCP, "nonsense", (), None),
        (TCP._replace(transport="tls"), "sip:101@10.1.0.1", (), None),
        (TCP._replace(transport="wss"), "sip:101@10.1.0.1", (), None),
    ],
)
def test_who_can_be_called_anew(
    flow: Flow, contact: str, path: tuple[str, ...], address: Address | None
) -> None:
    binding = replace(PHONE, flow=flow, contact=contact, path=path)
    assert callable_address(binding) == address
    assert (lasting(binding, 0.0) is None) is (address is None)


def test_after_the_restart() -> None:
    def flow_to(transport: str, remote: Address) -> Flow:
        if remote[0] == "10.1.0.3":
            raise OSError("no UDP socket for it")
        return Flow(transport, ("10.0.0.9", 5070), remote, 0 if transport == "udp" else -1)

    tcp = replace(PHONE, flow=TCP, contact="sip:101@10.1.0.1:5070", path=())
    other = replace(PHONE, flow=UDP._replace(remote=("10.1.0.3", 5060)))
    gone = replace(PHONE, aor="102")
    kept = [lasting(binding, EPOCH) for binding in (PHONE, tcp, other, gone)]
    again = usable_again([k for k in kept if k is not None], {"101"}, EPOCH + 100.0, flow_to)
    assert [(b.flow, b.expires_at) for b in again] == [
        (Flow("udp", ("10.0.0.9", 5070), UDP.remote), 500.0),
        (Flow("tcp", ("10.0.0.9", 5070), ("10.1.0.1", 5070), -1), 500.0),
    ]


def changed(kind: str, binding: Binding, *, kept: bool) -> RegistrationChanged:
    return RegistrationChanged(
        binding.aor, binding.contact, kind, 1, 0.0, binding if kept else None
    )


def test_the_store_holds_what_is_registered(tmp_path: Path) -> None:
    store = Store(tmp_path / "pbx.sqlite", lambda _: None)
    a, b, c = (replace(PHONE, contact=f"sip:{name}@h") for name in "abc")
    for event in (
        *(changed("added", binding, kept=True) for binding in (a, b, c)),
        changed("refreshed", replace(a, expires_at=900.0), kept=True),
        changed("unreachable", a, kept=False),
        changed("removed", b, kept=False),
        changed("expired", c, kept=False),
        changed("added", b, kept=False),  # Of a kind that does not last.
    ):
        store.put(event)
    assert store.flush(5.0)
    found = store.history.bindings(0.0)
    assert [(f.contact, f.expires_at) for f in found] == [("sip:a@h", 900.0)]
    assert store.history.bindings(900.0) == []
    _ = store.close()
    with closing(sqlite3.connect(tmp_path / "pbx.sqlite")) as connection:
        kinds = connection.execute("SELECT kind FROM registrations ORDER BY number").fetchall()
    assert [kind for (kind,) in kinds] == [
        *("added", "added", "added", "unreachable", "removed", "expired", "added")
    ]


def test_phones_can_be_called_right_after_a_restart(tmp_path: Path) -> None:
    """Killed: what is known is what the store has written."""
    before = Office()
    for user in before.devices:
        before.registers(user)
    before.run_for(1.0)
    store = Store(tmp_path / "pbx.sqlite", lambda _: None)
    for event in before.events:
        store.put(event)
    assert store.flush(5.0)
    after = Office()  # Another process: nobody has registered with it.
    for user in after.devices:
        after.registers(user, expires=0)
    after.run_for(1.0)
    assert not len(after.exchange.registrar)
    kept = store.history.bindings(after.now + EPOCH)
    _ = store.close()
    again = usable_again(
        kept, after.exchange.plan.extensions, EPOCH, lambda t, remote: Flow(t, SERVER, remote)
    )
    after.exchange.registrar.restore(again, after.now)
    after.configure(after.exchange.plan)
    after.dial("101", "102")
    after.run_for(1.0)
    assert after.state("102") == "ringing"
    assert after.now < OPENS + 1.0 + 1.0 + 2 * TICK
    after.close()
