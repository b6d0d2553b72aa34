"""Vector stores whose vectors can be moved in place: one file a store."""

from nudge_integrations.stores.base import Metric, StoreAdapter
from nudge_integrations.stores.registry import adapter_of, register_adapter

__all__ = ["Metric", "StoreAdapter", "adapter_of", "register_adapter"]
