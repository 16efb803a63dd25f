"""Who acts: the people and services that the audit log names."""

from headrace.identity.principals import local_principal, service

__all__ = ["local_principal", "service"]
