"""A partner's token is lost, and taken back."""

from adapters.demo.day import Day


def take_back(day: Day) -> None:
    """The second vendor takes back a token it has lost: from that moment it opens nothing, and another one does."""
    day.rival.authorize()
    slots = [("_summary", "count")]
    before = day.rival.search("Slot", slots).status
    revoked = day.rival.revoke()
    day.show_request(day.rival, revoked, "POST /oauth/revoke (its token)")
    after = day.rival.search("Slot", slots).status
    day.rival.authorize()
    again = day.rival.search("Slot", slots).status
    day.journal.stored("the token's number, until it would have expired")
    day.journal.promise("the token is good, then worthless, another one good", (200, 401, 200), (before, after, again))
