"""Products to show in a notice: those that the campaign lists, or what goes with what the customer last bought."""

from __future__ import annotations

from chalicelib.customers.profile import Profile
from chalicelib.notices.saying import MAX_PRODUCTS


def products_for(profile: Profile, listed: tuple[str, ...]) -> list[str]:
    """Up to MAX_PRODUCTS product ids: the list, or what the customer viewed or bought last, the newest first."""
    if listed:
        return list(listed[:MAX_PRODUCTS])
    seen = (*profile.activity.recently_viewed, *profile.activity.recently_bought)
    newest = sorted(seen, key=lambda each: each.at, reverse=True)
    return list(dict.fromkeys(each.id for each in newest))[:MAX_PRODUCTS]
