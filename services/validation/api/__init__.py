from services.validation.api import bulk, caa, dcv, domains, evidence, options, report, switching

# Addresses with words come before those with a number in their place.
routers = [
    evidence.router,
    options.router,
    report.router,
    bulk.router,
    domains.router,
    dcv.router,
    caa.router,
    switching.router,
]

__all__ = ["routers"]
