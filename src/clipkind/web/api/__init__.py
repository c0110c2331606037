"""The API for programs, version 1, and the documented system's endpoints."""

from clipkind.web.api.blueprint import blueprint

__all__ = ["blueprint"]
