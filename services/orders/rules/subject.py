"""The subject of a certificate, from the verified record alone: BR 7.1.2.7.4 and 7.1.2.7.5, EVG 9.2."""

from services.orders.rules.checklist import Level
from services.orders.rules.issuance import Subject
from services.orders.rules.vetting import Record


def subject_of(level: Level, record: Record) -> Subject:
    """What is EV's own stands in EV certificates only."""
    place = Subject(record.organization_name, record.country.upper(), record.state, record.city)
    if level == "ov":
        return place
    return Subject(
        place.organization,
        place.country,
        place.region,
        place.city,
        jurisdiction_country=record.jurisdiction_country.upper(),
        jurisdiction_region=record.jurisdiction_state,
        jurisdiction_city=record.jurisdiction_city,
        registration_number=record.registration_number,
        business_category=record.business_category,
    )
