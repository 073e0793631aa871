"""Lines to the outside: providers that we register with, providers by address, other PBXs."""
