"""The label database of a project. A method is a transaction; rows stay inside; no Qt."""

from avvp_studio.store.errors import StoreError
from avvp_studio.store.rows import EditStatus, HistoryRow
from avvp_studio.store.standing import Standing
from avvp_studio.store.store import Store

__all__ = ["EditStatus", "HistoryRow", "Standing", "Store", "StoreError"]
