"""An office that is what its configuration says, down to the last setting."""

from pbx.config.document import parse
from pbx.config.load import validate
from pbx.config.secrets import extension_secret, with_secrets
from pbx.planning import make_plan
from tests.exchange.office import TICK, Office
from tests.exchange.trunk import PLAIN, Trunk
from tests.sim.plans import password
from tests.sim.world import Network, World


class Company(Office):
    """Every extension has one phone, and it is registered."""

    def __init__(self, text: str, *, seed: int = 1) -> None:
        config = validate(parse(text, "company.yaml"))
        users = config.extensions
        self.trunk_calls = 0
        config = with_secrets(config, {extension_secret(user): password(user) for user in users})
        World.__init__(self, make_plan(config, {}), seed, Network(delay=(TICK, TICK)))
        self.checker.alike = False
        self._open(users, {})

    def call_from(self, number: str, dialled: str) -> Trunk:
        """From outside, over a trunk."""
        self.trunk_calls += 1
        trunk = Trunk(self, number, f"trunk-call-{self.trunk_calls}")
        trunk.invite(dialled, PLAIN)
        return trunk

    def waiting_in(self, queue: str) -> list[str]:
        """The numbers of those who wait there, the first one first."""
        return [place.number for place in self.exchange.distribution.queue(queue).waiting]
