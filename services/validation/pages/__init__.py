from services.validation.pages import changes, confirming, domain, domains, evidence, expiring

# Addresses with words come before those with a number in their place.
routers = [evidence.router, expiring.router, confirming.router, domains.router, domain.router, changes.router]

__all__ = ["routers"]
