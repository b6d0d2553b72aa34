"""Vector stores whose vectors can be moved in place: one file a store."""

from nudge_integrations.stores.base import Metric, StoreAdapter
from nudge_integrations.stores.registry import adapter_of, register_adapter
from nudge_integrations.stores.saving import save_folder, saved_folder

__all__ = ["Metric", "StoreAdapter", "adapter_of", "register_adapter", "save_folder", "saved_folder"]
