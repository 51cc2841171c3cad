"""The journal of the day: readable, and honest about what did not hold."""

from io import StringIO

from adapters.demo.journal import Journal, summary


def test_a_step_reads_as_text() -> None:
    out = StringIO()
    journal = Journal(out)
    journal.heading("The hospital admits a patient")
    journal.sent("to 127.0.0.1:2575", "MSH|^~\\&|GAM")
    journal.answered("MSA|AA|1")
    journal.promise("it is acknowledged", "AA", "AA")

    expected = (
        "\n1. The hospital admits a patient\n"
        "   sent      to 127.0.0.1:2575\n"
        "             MSH|^~\\&|GAM\n"
        "   answered  MSA|AA|1\n"
        "   kept      it is acknowledged\n"
    )

    assert expected == out.getvalue()
    assert (1, 0) == (journal.kept, journal.broken)


def test_a_broken_promise_says_what_was_expected_and_found() -> None:
    out = StringIO()
    journal = Journal(out)
    journal.promise("it is acknowledged", "AA", "AE")

    assert "   BROKEN    it is acknowledged: expected 'AA', found 'AE'\n" == out.getvalue()
    assert (0, 1) == (journal.kept, journal.broken)


def test_long_lines_are_cut() -> None:
    out = StringIO()
    Journal(out).sent("x" * 500)

    assert "   sent      " + "x" * 107 + "…\n" == out.getvalue()


def test_a_resource_in_one_line() -> None:
    resource = {"resourceType": "Slot", "id": "a", "meta": {"versionId": "2"}, "status": "busy"}

    assert "Slot/a version 2: status busy" == summary(resource, "status", "comment")
