"""See servers.py."""

from tests.training.servers import adapters_folder, models, processes, server_url

__all__ = ["adapters_folder", "models", "processes", "server_url"]
