"""What can go wrong before the core is fed."""


class ParseError(ValueError):
    """A journal line that is not one."""


class ConfigError(ValueError):
    """A configuration that contradicts itself; the core keeps the one it has."""
