"""The run's checks can fail: each kind of harm, done to what a good run leaves, is found and named."""

from collections.abc import Callable
from uuid import uuid5

import pytest

from chaos.checks import Fault, check, repeats
from chaos.found import Found
from chaos.plan import Plan
from chaos.strikes import Strike
from tests.chaos.makers import SPACE, TOPIC, a_plan, all_well

Harm = Callable[[Plan, Found], None]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return a_plan()


def names(faults: list[Fault]) -> set[str]:
    return {one.name for one in faults}


def busy(plan: Plan) -> int:
    return max(plan.accounts, key=lambda account: len(plan.of(account.id, "charge", "credit"))).id


def lose_an_event(plan: Plan, found: Found) -> None:
    found.heard["billing"].remove(next(iter(plan.labels)))


def lose_an_account(plan: Plan, found: Found) -> None:
    found.heard["billing"].remove(next(iter(plan.openings)))


def lose_a_charge(plan: Plan, found: Found) -> None:
    found.deeds[busy(plan)].pop()


def charge_twice(plan: Plan, found: Found) -> None:
    found.deeds[busy(plan)].append(found.deeds[busy(plan)][0])


def swap_two(plan: Plan, found: Found) -> None:
    there = found.deeds[busy(plan)]
    there[0], there[1] = there[1], there[0]


def charge_a_stranger(plan: Plan, found: Found) -> None:
    found.deeds[1].append(found.deeds[busy(plan)][0]._replace(order_id=999_999))


def let_one_wait(plan: Plan, found: Found) -> None:
    found.waiting.add(found.deeds[busy(plan)][0].order_id)


def unbalance_the_book(plan: Plan, found: Found) -> None:
    found.postings_sum = 1


def break_a_balance(plan: Plan, found: Found) -> None:
    found.broken_balances.append("account 1, posting 3")


def leave_a_gap(plan: Plan, found: Found) -> None:
    found.numbers[6, "invoice", 2026].remove(3)


def draw_a_number_too_many(plan: Plan, found: Found) -> None:
    found.counters[6, "invoice", 2026] += 1


def park_a_good_one(plan: Plan, found: Found) -> None:
    found.parked["validation"].append((b"{}", False))


def lose_a_poison(plan: Plan, found: Found) -> None:
    found.parked["billing"].pop()


def let_one_pass_its_poison(plan: Plan, found: Found) -> None:
    found.parked["billing"] = [entry for entry in found.parked["billing"] if not entry[1]]


def park_in_notifications(plan: Plan, found: Found) -> None:
    found.parked["notifications"].append((b"{}", False))


def count_a_need_twice(plan: Plan, found: Found) -> None:
    found.needs[next(place for place, count in plan.needs.items() if count)] += 1


def leave_one_unprinted(plan: Plan, found: Found) -> None:
    found.documents[0] = found.documents[0]._replace(printed=False)


def tell_a_document_twice(plan: Plan, found: Found) -> None:
    next(iter(found.wire[TOPIC].ready.values())).add(uuid5(SPACE, "again"))


def forget_a_message(plan: Plan, found: Found) -> None:
    found.messages.pop()


def leave_one_unsent(plan: Plan, found: Found) -> None:
    at = next(n for n, one in enumerate(found.messages) if one.sent)
    found.messages[at] = found.messages[at]._replace(sent=False)


def lose_a_mail(plan: Plan, found: Found) -> None:
    found.mails = found.mails[1:]


def send_it_to_another(plan: Plan, found: Found) -> None:
    found.mails = [found.mails[0]._replace(recipient="else@customer.example"), *found.mails[1:]]


def send_it_under_another_id(plan: Plan, found: Found) -> None:
    found.mails = [*found.mails, found.mails[0]._replace(message_id="<other@localhost>")]


def send_it_again_changed(plan: Plan, found: Found) -> None:
    found.mails = [*found.mails, found.mails[0]._replace(digest="other")]


def lose_a_fact(plan: Plan, found: Found) -> None:
    found.wire[TOPIC].ids[f"account/{busy(plan)}"].pop()


def say_what_was_never_committed(plan: Plan, found: Found) -> None:
    found.wire[TOPIC].ids[f"account/{busy(plan)}"].append(uuid5(SPACE, "never"))


def swap_two_facts(plan: Plan, found: Found) -> None:
    ids = found.wire[TOPIC].ids[f"account/{busy(plan)}"]
    ids[0], ids[1] = ids[1], ids[0]


def tell_of_a_charge_under_two_ids(plan: Plan, found: Found) -> None:
    told = found.wire[TOPIC].told[busy(plan)]
    told[uuid5(SPACE, "again")] = next(iter(told.values()))


def tell_the_credit_first(plan: Plan, found: Found) -> None:
    found.wire[TOPIC].told = {
        account: dict(reversed(list(facts.items()))) for account, facts in found.wire[TOPIC].told.items()
    }


def not_listen(plan: Plan, found: Found) -> None:
    found.unheard["notifications"] = {uuid5(SPACE, "unheard")}


HARMS: dict[Harm, str] = {
    lose_an_event: "lost", lose_an_account: "lost", lose_a_charge: "lost", charge_twice: "twice", swap_two: "swapped",
    charge_a_stranger: "extra", let_one_wait: "lost", unbalance_the_book: "book", break_a_balance: "book",
    leave_a_gap: "numbers", draw_a_number_too_many: "numbers", park_a_good_one: "parked", lose_a_poison: "parked",
    let_one_pass_its_poison: "parked", park_in_notifications: "parked", count_a_need_twice: "lost",
    leave_one_unprinted: "documents", tell_a_document_twice: "documents", forget_a_message: "mail",
    leave_one_unsent: "mail", lose_a_mail: "mail", send_it_to_another: "mail", send_it_under_another_id: "mail",
    send_it_again_changed: "mail", lose_a_fact: "wire", say_what_was_never_committed: "wire",
    swap_two_facts: "swapped", tell_of_a_charge_under_two_ids: "twice", tell_the_credit_first: "swapped",
    not_listen: "lost",
}  # fmt: skip


def test_a_run_that_went_well_has_no_faults(plan: Plan) -> None:
    assert check(plan, all_well(plan), []) == []


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_each_harm_is_found_and_named(plan: Plan, harm: Harm) -> None:
    found = all_well(plan)
    harm(plan, found)

    assert HARMS[harm] in names(check(plan, found, []))


def test_a_lost_event_is_called_by_its_name(plan: Plan) -> None:
    found = all_well(plan)
    lose_an_event(plan, found)

    assert [one.examples for one in check(plan, found, [])] == [[next(iter(plan.labels.values()))]]


@pytest.mark.parametrize(
    ("kind", "target", "at", "faults"),
    [
        ("service", "notifications-1", 1001.0, set()),
        ("database", "postgres", 1001.0, set()),
        ("mailer", "notifications-1", 999.0, set()),
        ("service", "notifications-2", 1100.0, {"mail"}),
        ("service", "billing-1", 1001.0, {"mail"}),
        ("broker", "kafka-1", 1001.0, {"mail"}),
        ("freeze", "billing-1", 1001.0, {"mail"}),
    ],
)
def test_a_mail_may_come_again_only_after_a_kill_that_can_explain_it(
    plan: Plan, kind: str, target: str, at: float, faults: set[str]
) -> None:
    found = all_well(plan)
    mails = [*found.mails, found.mails[0]._replace(at=1900.0)]

    assert names(repeats(mails, [Strike(kind, target, at, at + 3)])) == faults


def test_a_frozen_member_must_have_been_given_up_by_its_group(plan: Plan) -> None:
    stayed, left = (Strike("freeze", "billing-1", 1.0, 20.0, expelled) for expelled in (False, True))

    assert names(check(plan, all_well(plan), [stayed])) == {"frozen"}
    assert check(plan, all_well(plan), [left]) == []


def test_bytes_and_order_of_a_plan_come_from_its_seed(plan: Plan) -> None:
    assert [one.label for one in a_plan().said] == [one.label for one in plan.said]
    assert len(plan.said) == 400 + 4 + 28 + plan.behind
    assert len(plan.labels) == 400
