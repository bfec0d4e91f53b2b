"""Products to show in a notice: those of a list, or what goes with what the customer last bought or viewed.

listed               the list
`bought_together`    what was bought together most with the products that the customer saw or bought last, without
                     what the customer has bought already; where nothing is known of that, as `last_seen`
`last_seen`          what the customer saw or bought last
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chalicelib.customers.activity import Activity
from chalicelib.customers.profile import Profile
from chalicelib.customers.together import most_together
from chalicelib.customers.together_store import MAX_ASKED
from chalicelib.customers.traces import trace_of
from chalicelib.notices.model import Recommend
from chalicelib.notices.saying import MAX_PRODUCTS
from chalicelib.store.signals import Unread

Together = Callable[[Sequence[str]], Mapping[str, int]]
"""How often each product was bought together with these; see `customers.together_store`."""


def products_for(profile: Profile, listed: Sequence[str], recommend: Recommend, together: Together) -> list[str]:
    """Up to MAX_PRODUCTS product ids, the best first. `together` is asked at most once, of MAX_ASKED products; what it
    cannot read it does not know, since no notice waits for what it recommends."""
    if listed:
        return list(listed[:MAX_PRODUCTS])
    seen = _last_seen(profile.activity)
    if recommend is Recommend.BOUGHT_TOGETHER and seen:
        return _with(seen[:MAX_ASKED], profile.activity, together) or seen[:MAX_PRODUCTS]
    return seen[:MAX_PRODUCTS]


def _last_seen(activity: Activity) -> list[str]:
    """What was viewed or bought last, the newest first, each once."""
    newest = sorted((*activity.recently_viewed, *activity.recently_bought), key=lambda each: each.at, reverse=True)
    return list(dict.fromkeys(each.id for each in newest))


def _with(seen: Sequence[str], activity: Activity, together: Together) -> list[str]:
    try:
        counts = together(seen)
    except Unread:
        return []
    lately = {each.id for each in activity.recently_bought}
    return most_together(counts, MAX_PRODUCTS, known=lambda each: each in lately or activity.bought.has(trace_of(each)))
