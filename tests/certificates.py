"""Certificates for tests, made once."""

from functools import lru_cache
from pathlib import Path

from pbx.certificates import Pair, make_certificate

make = lru_cache(maxsize=None)(make_certificate)


def write_pair(directory: Path, *names: str, file: str = "one", days: int = 30) -> Pair:
    certificate, key = make(names, days)
    pair = Pair(directory / f"{file}.pem", directory / f"{file}-key.pem")
    _ = pair.certificate.write_bytes(certificate)
    _ = pair.key.write_bytes(key)
    return pair
