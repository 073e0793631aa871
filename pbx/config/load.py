"""Files and environment → a checked configuration, or all that is wrong with them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from pbx.config.check import check
from pbx.config.document import Document
from pbx.config.environment import overlay
from pbx.config.errors import ConfigErrors
from pbx.config.explain import explain, locate
from pbx.config.files import read
from pbx.config.model import Config
from pbx.config.secrets import read_secrets, resolve, with_secrets
from pbx.config.sounds import find_sounds

SECRETS_DEFAULT: Final = Config.model_fields["secrets"].default


def load(path: Path, env: Mapping[str, str]) -> Config:
    """Read, overlay, validate and check. Raises ConfigErrors, with every fault, and nothing else.

    Passwords that are neither given nor in the secrets file yet are left empty:
    `complete_secrets` makes them.
    """
    document = read(path)
    errors = overlay(document, env)
    if errors:
        raise ConfigErrors(errors)
    secrets = read_secrets(_secrets_path(document))
    resolve(document, env, secrets)
    return with_secrets(validate(document), secrets)


def validate(document: Document) -> Config:
    """Raises ConfigErrors and nothing else."""
    try:
        config = Config.model_validate(document.tree)
    except ValidationError as fault:
        raise ConfigErrors(explain(fault, document)) from None
    sounds = find_sounds(config.sounds)
    faults = check(config, sounds.prompts, sounds.music)
    if faults:
        raise ConfigErrors(locate(faults, document))
    return config


def _secrets_path(document: Document) -> Path:
    path = document.tree.get("secrets")
    return Path(path) if isinstance(path, str) and path.isprintable() and path else SECRETS_DEFAULT
