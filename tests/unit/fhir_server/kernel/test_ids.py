"""Ids are new, in order, and FHIR's."""

from fhir_server.kernel.ids import is_id, new_id


def test_ids_are_new_and_shaped_as_fhir_wants() -> None:
    found = {new_id() for _ in range(1000)}

    assert len(found) == 1000
    assert all(len(one) == 26 and is_id(one) for one in found)


def test_a_later_id_sorts_after_an_earlier_one_of_another_millisecond() -> None:
    first = new_id()
    while (second := new_id())[:10] == first[:10]:
        pass

    assert first < second
