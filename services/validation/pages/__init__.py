from services.validation.pages import changes, domain, domains, evidence, expiring

# Addresses with words come before those with a number in their place.
routers = [evidence.router, expiring.router, domains.router, domain.router, changes.router]

__all__ = ["routers"]
