"""The API for programs, version 1."""

from clipkind.web.api.blueprint import blueprint

__all__ = ["blueprint"]
