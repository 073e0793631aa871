"""What is wrong with what was asked of the simulation, in one line for whoever asked."""


class SimulationError(ValueError):
    pass
