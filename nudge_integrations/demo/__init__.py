"""`nudge demo`: a real job on this machine's own documentation, without a download."""

from nudge_integrations.demo.run import run_demo

__all__ = ["run_demo"]
