"""Certificates for DTLS: made once, kept, renewed in time, and a disk that does not want them."""

import asyncio
from pathlib import Path

import pytest
from cryptography import x509

from pbx.identities import DAYS, DAYS_LEFT_MIN, Identities

DAY = 86_400.0


class Told:
    def __init__(self, directory: Path) -> None:
        self.times = 0
        self.loop = asyncio.new_event_loop()
        self.identities = Identities(directory, self.loop, self._on_new)
        self.identities.start()

    def _on_new(self, new: Identities) -> None:
        self.times += 1

    def close(self) -> tuple[str, ...]:
        self.identities.stop()
        self.loop.close()
        return self.identities.fingerprints


def ends_at(told: Told) -> float:
    pem = told.identities.identities[0].certificate_pem.encode()
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()


def test_they_are_kept(tmp_path: Path) -> None:
    first = Told(tmp_path / "dtls").close()
    assert len(set(first)) == 2
    assert all(text.startswith("sha-256 ") for text in first)
    assert Told(tmp_path / "dtls").close() == first
    keys = list((tmp_path / "dtls").glob("*-key.pem"))
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600, 0o600]


def test_they_are_renewed_before_they_end(tmp_path: Path) -> None:
    told = Told(tmp_path)
    before, end = told.identities.fingerprints, ends_at(told)
    told.identities.renew(end - (DAYS_LEFT_MIN + 1) * DAY)
    assert (told.times, told.identities.fingerprints) == (1, before)
    told.identities.renew(end - (DAYS_LEFT_MIN - 1) * DAY)
    assert told.times == 2
    assert not set(told.identities.fingerprints) & set(before)
    assert DAYS == 30
    assert told.close() == Told(tmp_path).close()


@pytest.mark.parametrize("broken", ["", "-----BEGIN CERTIFICATE-----\nAA==\n", "\u00e9"])
def test_broken_files_are_replaced(tmp_path: Path, broken: str) -> None:
    before = Told(tmp_path).close()
    _ = (tmp_path / "one.pem").write_text(broken, "utf-8")
    after = Told(tmp_path).close()
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_disk_that_does_not_take_them(tmp_path: Path) -> None:
    _ = (tmp_path / "file").write_text("")
    assert len(Told(tmp_path / "file").close()) == 2
