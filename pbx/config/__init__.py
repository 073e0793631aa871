"""Configuration: YAML files → typed models, with faults named by file, line and column."""

from pbx.config.compile import to_distribution
from pbx.config.errors import ConfigError, ConfigErrors
from pbx.config.load import load
from pbx.config.model import (
    AgentSettings,
    CallerSettings,
    Config,
    ExtensionSettings,
    NumberSettings,
    SignedIn,
)
from pbx.config.queues import QueueSettings
from pbx.config.schema import json_schema
from pbx.config.secrets import complete_secrets
from pbx.config.sounds import Sounds, find_sounds
from pbx.config.values import Destination, DestinationKind

__all__ = [
    "AgentSettings",
    "CallerSettings",
    "Config",
    "ConfigError",
    "ConfigErrors",
    "Destination",
    "DestinationKind",
    "ExtensionSettings",
    "NumberSettings",
    "QueueSettings",
    "SignedIn",
    "Sounds",
    "complete_secrets",
    "find_sounds",
    "json_schema",
    "load",
    "to_distribution",
]
