from collections.abc import Sequence
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation import queries
from services.validation.actions import accounts, certificates, commands, orders, questions
from services.validation.models import IssuanceQuestion, IssuedCertificate
from services.validation.rules.policy import Policy
from shared.db import lock_all, utcnow
from shared.door import Door
from shared.events.orders import (
    AboutOrder,
    AccountChanged,
    AccountOpened,
    CertificateIssued,
    DivisionAdded,
    DivisionChanged,
    OrderCancelled,
    OrderPlaced,
    OrderRejected,
    OrganizationAdded,
    OrganizationValidated,
    ReissueCancelled,
    RequestDecided,
    RequestSubmitted,
)
from shared.events.validation import (
    AuthorizeIssuance,
    ChangeDcvMethod,
    CheckDomain,
    DomainCommand,
    ReplaceRandomValue,
    ResendDcvEmails,
    SubmitDomain,
    ValidationCommandRefused,
)

EndOfRequest = CertificateIssued | RequestDecided | ReissueCancelled


def make_door(policy: Policy) -> Door:
    """Orders of any source are served; a foreign account needs no `account_opened`."""
    door = Door("validation", refused=ValidationCommandRefused)

    @door.on(OrderPlaced, prefetch=partial(queries.lock_for_placed, policy=policy))
    async def on_order_placed(event: OrderPlaced, tx: AsyncSession) -> None:
        accounts.know_account(tx, event.account, announced=False)
        accounts.know_division(tx, event.account_id, event.division, announced=False)
        await orders.prove_names(tx, policy, event, utcnow())

    @door.on(RequestSubmitted, prefetch=partial(queries.lock_for_placed, policy=policy))
    async def on_request_submitted(event: RequestSubmitted, tx: AsyncSession) -> None:
        await orders.prove_names(tx, policy, event, utcnow())

    @door.on(OrderCancelled, prefetch=lock_for_ended_orders)
    async def on_order_cancelled(event: OrderCancelled, tx: AsyncSession) -> None:
        await orders.end_needs(tx, event.order, utcnow())

    @door.on(OrderRejected, prefetch=lock_for_ended_orders)
    async def on_order_rejected(event: OrderRejected, tx: AsyncSession) -> None:
        await orders.end_needs(tx, event.order, utcnow())

    @door.on(RequestDecided, prefetch=lock_for_ended)
    async def on_request_decided(event: RequestDecided, tx: AsyncSession) -> None:
        if event.decision == "rejected":
            await orders.end_need(tx, event.order, event.request_id, utcnow())

    @door.on(ReissueCancelled, prefetch=lock_for_ended)
    async def on_reissue_cancelled(event: ReissueCancelled, tx: AsyncSession) -> None:
        await orders.end_need(tx, event.order, event.request_id, utcnow())

    @door.on(CertificateIssued, prefetch=lock_for_issued)
    async def on_certificate_issued(event: CertificateIssued, tx: AsyncSession) -> None:
        await certificates.note_issued(tx, event, utcnow())

    @door.on(AuthorizeIssuance, prefetch=lock_questions)
    async def on_authorize_issuance(command: AuthorizeIssuance, tx: AsyncSession) -> None:
        await questions.note_question(tx, command, utcnow())

    _hear_of_accounts(door)
    _hear_commands(door, policy)
    return door


def _hear_of_accounts(door: Door) -> None:
    @door.on(AccountOpened)
    async def on_account_opened(event: AccountOpened, tx: AsyncSession) -> None:
        accounts.know_account(tx, event.account, announced=True)
        accounts.know_division(tx, event.account_id, event.division, announced=True)

    @door.on(AccountChanged)
    async def on_account_changed(event: AccountChanged, tx: AsyncSession) -> None:
        accounts.know_account(tx, event.account, announced=True)

    @door.on(DivisionAdded)
    async def on_division_added(event: DivisionAdded, tx: AsyncSession) -> None:
        accounts.know_division(tx, event.account_id, event.division, announced=True)

    @door.on(DivisionChanged)
    async def on_division_changed(event: DivisionChanged, tx: AsyncSession) -> None:
        accounts.know_division(tx, event.account_id, event.division, announced=True)

    @door.on(OrganizationAdded)
    async def on_organization_added(event: OrganizationAdded, tx: AsyncSession) -> None:
        accounts.know_organization(tx, event.account_id, event.organization)

    @door.on(OrganizationValidated)
    async def on_organization_validated(event: OrganizationValidated, tx: AsyncSession) -> None:
        accounts.know_organization(tx, event.account_id, event.organization)


def _hear_commands(door: Door, policy: Policy) -> None:
    @door.on(SubmitDomain, prefetch=partial(lock_for_commands, policy=policy))
    async def on_submit_domain(command: SubmitDomain, tx: AsyncSession) -> None:
        await commands.submit_domain(tx, policy, command, utcnow())

    @door.on(ChangeDcvMethod, prefetch=partial(lock_for_commands, policy=policy))
    async def on_change_dcv_method(command: ChangeDcvMethod, tx: AsyncSession) -> None:
        await commands.change_dcv_method(tx, policy, command, utcnow())

    @door.on(CheckDomain, prefetch=partial(lock_for_commands, policy=policy))
    async def on_check_domain(command: CheckDomain, tx: AsyncSession) -> None:
        await commands.check_domain(tx, policy, command, utcnow())

    @door.on(ResendDcvEmails, prefetch=partial(lock_for_resending, policy=policy))
    async def on_resend_dcv_emails(command: ResendDcvEmails, tx: AsyncSession) -> None:
        await commands.resend_dcv_emails(tx, policy, command, utcnow())

    @door.on(ReplaceRandomValue, prefetch=lock_for_replacing)
    async def on_replace_random_value(command: ReplaceRandomValue, tx: AsyncSession) -> None:
        await commands.replace_random_value(tx, policy, command, utcnow())


async def lock_for_replacing(tx: AsyncSession, given: Sequence[ReplaceRandomValue]) -> None:
    told = {queries.need_key(one.order, one.request_id): (one.dcv_random_value, one.value_before) for one in given}
    needs = await queries.lock_for_ended(tx, told)
    keyed = [(need, told[need.source, need.order_id, need.request_id]) for need in needs]
    await queries.lock_values(
        tx, {(need.account_id, name, v) for need, values in keyed for name in need.names for v in values if v}
    )


async def lock_for_resending(tx: AsyncSession, given: Sequence[DomainCommand], policy: Policy) -> None:
    await lock_for_commands(tx, given, policy)
    await queries.lock_mails(tx, {(one.account_id, name) for one in given if (name := commands.name_of(one, policy))})


async def lock_for_commands(tx: AsyncSession, given: Sequence[DomainCommand], policy: Policy) -> None:
    keys = {(command.account_id, name) for command in given if (name := commands.name_of(command, policy))}
    added = [command for command in given if isinstance(command, SubmitDomain)]
    names = {(command.account_id, name) for command in added if (name := commands.name_of(command, policy))}
    await queries.have_domains(tx, names)
    await queries.lock_domains(tx, keys)


async def lock_for_issued(tx: AsyncSession, events: Sequence[CertificateIssued]) -> None:
    await lock_all(tx, IssuedCertificate, [(event.source, event.certificate_id) for event in events])
    await lock_for_ended(tx, events)


async def lock_questions(tx: AsyncSession, commands: Sequence[AuthorizeIssuance]) -> None:
    await lock_all(tx, IssuanceQuestion, [command.id for command in commands])


async def lock_for_ended(tx: AsyncSession, events: Sequence[EndOfRequest]) -> None:
    await queries.lock_for_ended(tx, {queries.need_key(event.order, event.request_id) for event in events})


async def lock_for_ended_orders(tx: AsyncSession, events: Sequence[AboutOrder]) -> None:
    await queries.lock_for_ended_orders(tx, [event.order for event in events])
