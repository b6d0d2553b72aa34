"""StoreContract: the tests that every store adapter passes. Needs pytest.

from nudge_integrations.testing import StoreContract

class TestMyStore(StoreContract):
    def make(self, folder, metric, ids, vectors, texts, metadatas):
        return MyStore(...)  # holding these documents with exactly these vectors

    def adapt(self, store):
        return MyAdapter(store.client)

    def payloads(self, store):
        return {id: (text, metadata) for ...}  # of every document
"""

from nudge_integrations.testing.contract import StoreContract
from nudge_integrations.testing.searching import DIM, DOCS, Filled, same_bits, unit

__all__ = ["DIM", "DOCS", "Filled", "StoreContract", "same_bits", "unit"]
