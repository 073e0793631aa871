"""Certificates from files, and one of our own."""

import os
import stat
import time
from pathlib import Path

import pytest

from pbx.certificates import CertificateError, Certificates, Pair, own_certificate
from tests.certificates import write_pair


def test_which_one_for_which_name(tmp_path: Path) -> None:
    first = write_pair(tmp_path, "pbx.example.com", "192.0.2.1", file="first")
    wild = write_pair(tmp_path, "*.example.com", file="wild")
    certificates = Certificates([first, wild])
    one, two = certificates.named("pbx.example.com"), certificates.named("other.example.com")
    assert one != two
    assert one.names == {"pbx.example.com", "192.0.2.1"}
    assert two.names == {"*.example.com"}
    assert certificates.named("") == certificates.named("x.y.example.com") == one
    assert certificates.named("192.0.2.1") == one
    assert 29 < (certificates.expires_at - time.time()) / 86_400 <= 30


def test_files_that_change(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "a.example")
    certificates = Certificates([pair])
    before = certificates.named("")
    assert (certificates.reload(), certificates.named("")) == ([], before)
    _ = write_pair(tmp_path, "b.example")
    assert certificates.reload() == []
    assert certificates.named("").names == {"b.example"}


def test_a_file_that_is_no_good_changes_nothing(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "a.example")
    certificates = Certificates([pair])
    before = certificates.named("")
    key = pair.key.read_bytes()
    _ = pair.key.write_bytes(write_pair(tmp_path, "b.example", file="b").key.read_bytes())
    assert certificates.reload() == [f"certificate {pair.certificate}: KEY_VALUES_MISMATCH"]
    assert certificates.named("") == before
    pair.key.unlink()
    assert certificates.reload() == [f"cannot read {pair.key}: No such file or directory"]
    _ = pair.key.write_bytes(key)
    assert certificates.reload() == []


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (b"", "Unable to load PEM file"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "error parsing asn1"),
    ],
)
def test_what_is_no_certificate(tmp_path: Path, certificate: bytes, why: str) -> None:
    pair = write_pair(tmp_path, "a.example")
    _ = pair.certificate.write_bytes(certificate)
    with pytest.raises(CertificateError, match=f"^certificate {pair.certificate}: {why}"):
        _ = Certificates([pair])


def test_other_files(tmp_path: Path) -> None:
    first, other = (write_pair(tmp_path, name, file=name) for name in ("a.example", "b.example"))
    certificates = Certificates([first])
    certificates.use([first, other])
    assert certificates.named("b.example").names == {"b.example"}
    with pytest.raises(CertificateError, match="No such file"):
        certificates.use([Pair(tmp_path / "none", tmp_path / "none")])
    assert certificates.named("b.example").names == {"b.example"}


def test_both_in_one_file(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "a.example")
    both = tmp_path / "both.pem"
    _ = both.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    assert Certificates([Pair(both, both)]).named("").names == {"a.example"}


def test_our_own(tmp_path: Path) -> None:
    names = ["pbx.example.com", "localhost", "127.0.0.1", "::1"]
    pair = own_certificate(tmp_path / "var/tls", names)
    assert Certificates([pair]).named("").names == set(names)
    assert stat.S_IMODE(pair.key.stat().st_mode) == 0o600
    before = pair.certificate.read_bytes()
    assert own_certificate(tmp_path / "var/tls", ["other"]) == pair
    assert pair.certificate.read_bytes() == before


def test_our_own_is_made_again_before_it_ends(tmp_path: Path) -> None:
    old = write_pair(tmp_path, "a.example", file="own", days=10)
    assert old == own_certificate(tmp_path, ["b.example"])
    assert Certificates([old]).named("").names == {"b.example"}


def test_no_place_to_write(tmp_path: Path) -> None:
    _ = (tmp_path / "file").write_text("")
    with pytest.raises(CertificateError, match=r"Not a directory$"):
        _ = own_certificate(tmp_path / "file/tls", ["a"])


def test_a_replaced_file_is_seen_whatever_its_time(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "a.example")
    certificates = Certificates([pair])
    times = pair.certificate.stat().st_mtime_ns
    new = write_pair(tmp_path, "b.example", file="new")
    for fresh, old in zip(new, pair, strict=True):
        os.utime(fresh, ns=(times, times))
        _ = fresh.replace(old)
    assert certificates.reload() == []
    assert certificates.named("").names == {"b.example"}
