"""Time zones a phone number may lie in: only those of its own country, by libphonenumber and tzdata's zone.tab."""

from functools import lru_cache
from importlib import resources

from phonenumbers import PhoneNumber, timezone

NO_COUNTRY = ("UTC",)


def zones_of_number(number: PhoneNumber, country: str) -> tuple[str, ...]:
    """IANA names, sorted: what libphonenumber offers for the number, less the zones of other countries.

    libphonenumber lists every zone of a shared calling code (Jamaica's mobiles: 42 zones of North America). Where
    nothing of the number's own country remains, every zone of that country counts.
    """
    own = zones_of_country(country)
    offered = {_current_names().get(zone, zone) for zone in timezone.time_zones_for_number(number)}
    return tuple(zone for zone in own if zone in offered) or own


def zones_of_country(country: str) -> tuple[str, ...]:
    """All zones of an ISO country, sorted; UTC where there is none."""
    return _zones_by_country().get(country, NO_COUNTRY)


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    """{ISO country: zones} from zone.tab: country, coordinates, zone, comment, separated by tabs."""
    zones: dict[str, list[str]] = {}
    for line in _read("zone.tab"):
        if line and not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            zones.setdefault(country, []).append(zone)
    return {country: tuple(sorted(names)) for country, names in zones.items()}


@lru_cache(maxsize=1)
def _current_names() -> dict[str, str]:
    """{former name: name in zone.tab}, as Asia/Calcutta is Asia/Kolkata now."""
    listed = {zone for zones in _zones_by_country().values() for zone in zones}
    links = [line.split() for line in _read("tzdata.zi") if line.startswith("L ")]
    return {former: current for _, current, former in links if former not in listed}


def _read(name: str) -> list[str]:
    return (resources.files("tzdata") / "zoneinfo" / name).read_text().splitlines()
