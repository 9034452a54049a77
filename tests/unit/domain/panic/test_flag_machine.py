"""Panic mode by machine: any sequence of trips, probes, operators and clock, held against a model."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.ending import disable, probe, resolve, tick
from lifeline.domain.panic.entering import enable, rearm, trip
from lifeline.domain.panic.flag import By, Flag, Kind, PanicChange, PanicRefused, Rules, State, set_shadow

RULES = Rules()
CAUSES = st.sampled_from(
    [
        Cause.UNREACHABLE,
        Cause.RATE_LIMIT,
        Cause.SPAM_LIMIT,
        Cause.AUTH,
        Cause.ACCOUNT,
        Cause.SILENT,
        Cause.ALARM,
        Cause.TEMPLATE_REJECTED,
    ]
)
SPANS = st.sampled_from([0.0, 1.0, 15.0, 60.0, 299.0, 600.0, 3600.0])


class PanicMachine(RuleBasedStateMachine):
    """One scope. The model counts successes and remembers holds by itself, apart from the flag."""

    def __init__(self) -> None:
        super().__init__()
        self.flag = Flag.normal("whatsapp")
        self.now = 1_800_000_000.0
        self.incidents = 0
        self.streak = 0
        """Successful probes of the present incident since the last failure, entry or stronger cause."""
        self.old_incidents: list[str] = []
        self.stated = 0.0
        """The latest regain time that Meta stated in this stay in panic."""

    @initialize(shadow=st.booleans())
    def start(self, shadow: bool) -> None:
        if shadow:
            self.apply(set_shadow(self.flag, By("op", "operator", "try out", self.now), on=True), "shadow")

    def next_id(self) -> str:
        self.incidents += 1
        return f"inc-{self.incidents}"

    def apply(self, change: PanicChange | None, by: str) -> None:
        """Check what holds for every change, whoever made it, and take it over."""
        if change is None:
            return
        old, new, event = self.flag, change.flag, change.event
        assert new.version == old.version + 1 == event.version
        assert (event.scope, event.at) == ("whatsapp", self.now)
        assert event.incident_id == new.incident_id
        if new.incident_id != old.incident_id:
            assert (old.state, new.state, event.kind) == (State.NORMAL, State.PANIC, Kind.ENTERED)
            assert new.incident_id not in self.old_incidents
            self.old_incidents.append(old.incident_id)
        if old.state is State.NORMAL:
            assert new.state in (State.NORMAL, State.PANIC), "normal leaves into panic only"
            assert (new.state is State.PANIC) == (new.incident_id != old.incident_id)
        if old.state is State.PANIC and new.state is not State.PANIC:
            self.check_exit(old, new, by)
        if new.state is State.PANIC and old.state is not State.PANIC:
            assert by in ("trip", "enable", "rearm")
            assert by == "enable" or not old.shadow, "shadow stops every entry but an operator's"
            assert new.successes == 0
            self.streak, self.stated = 0, 0.0
        if old.hold and old.state is State.PANIC and not new.hold:
            assert new.state is not State.PANIC, "a hold is not dropped within panic"
        if event.kind is Kind.CAUSE_CHANGED:
            self.streak = 0
        assert new.shadow == old.shadow or by == "shadow"
        self.flag = new

    def check_exit(self, old: Flag, new: Flag, by: str) -> None:
        if by == "disable":
            return
        assert new.state is State.RECOVERING
        if by == "tick":
            assert old.until is not None
            assert self.now >= old.until
        elif by == "resolve":
            assert old.cause == Cause.TEMPLATE_REJECTED
            assert not old.hold or (old.until is not None and self.now >= old.until)
            return
        else:
            assert by == "probe"
            assert self.streak >= 3, "three successes in a row and nothing less"
            assert not old.hold or (old.until is not None and self.now >= old.until)
        assert self.now >= self.stated, "no recovery before the stated regain time"
        assert self.now >= old.earliest_recovery

    @rule(span=SPANS)
    def time_passes(self, span: float) -> None:
        self.now += span

    @rule()
    def clock_ticks(self) -> None:
        old = self.flag
        change = tick(self.flag, now=self.now)
        self.apply(change, "tick")
        if old.state is State.RECOVERING and old.settle_until is not None and self.now >= old.settle_until:
            assert self.flag.state is State.NORMAL, "settling ends"
        if (
            old.state is State.PANIC
            and old.until is not None
            and self.now >= max(old.until, old.earliest_recovery)
        ):
            assert self.flag.state is State.RECOVERING, "until ends panic"

    @rule(cause=CAUSES, regain=st.one_of(st.none(), SPANS), seen_ago=st.one_of(st.none(), SPANS))
    def trips(self, cause: Cause, regain: float | None, seen_ago: float | None) -> None:
        old = self.flag
        earliest = None if regain is None else self.now + regain
        change = trip(
            self.flag,
            By("SenderFunction", "sender", "outcomes", self.now),
            cause=cause,
            evidence={},
            new_incident_id=self.next_id(),
            earliest=earliest,
            observed=None if seen_ago is None else self.now - seen_ago,
        )
        self.apply(change, "trip")
        if self.flag.state is State.PANIC and earliest is not None and (change or old.state is State.PANIC):
            self.stated = max(self.stated, earliest)
            assert self.flag.earliest_recovery >= earliest
        fresh = seen_ago is None or self.now - seen_ago >= old.left_panic_at
        if not old.shadow and fresh:
            assert self.flag.state is State.PANIC
        if old.state is State.RECOVERING and self.flag.state is State.PANIC:
            settled = old.settle_until is not None and self.now >= old.settle_until
            assert self.flag.trips == old.trips + (0 if settled else 1)
            if not settled:
                damping = min(RULES.flap_max_seconds, RULES.flap_base_seconds * 2 ** (self.flag.trips - 1))
                assert self.flag.earliest_recovery >= self.now + damping

    @rule(ok=st.booleans(), alarm_on=st.booleans())
    def probe_answers(self, ok: bool, alarm_on: bool) -> None:
        old = self.flag
        self.streak = self.streak + 1 if ok else 0
        change = probe(old, incident_id=old.incident_id, ok=ok, now=self.now, alarm_on=alarm_on)
        self.apply(change, "probe")
        if old.state is not State.PANIC:
            assert change is None
            self.streak = 0
        elif self.streak >= 3 and not old.hold and self.now >= old.earliest_recovery:
            assert self.flag.state is State.RECOVERING, "nothing more than three successes is needed"

    @precondition(lambda self: self.flag.state is State.PANIC)
    @rule()
    def three_probes_succeed(self) -> None:
        for _ in range(3):
            self.now += 15
            if self.flag.state is State.PANIC:
                self.probe_answers(ok=True, alarm_on=False)

    @precondition(lambda self: self.old_incidents)
    @rule(ok=st.booleans(), data=st.data())
    def late_probe_answers(self, ok: bool, data: st.DataObject) -> None:
        earlier = data.draw(st.sampled_from(self.old_incidents))
        assert probe(self.flag, incident_id=earlier, ok=ok, now=self.now) is None

    @rule(
        hold=st.booleans(), until=st.one_of(st.none(), SPANS), reason=st.sampled_from(["planned", "looking"])
    )
    def operator_enables(self, hold: bool, until: float | None, reason: str) -> None:
        old = self.flag
        when = None if until is None else self.now + until
        try:
            change = enable(
                old,
                By("op", "operator", reason, self.now),
                new_incident_id=self.next_id(),
                hold=hold,
                until=when,
            )
        except PanicRefused:
            assert until == 0.0
            return
        self.apply(change, "enable")
        assert self.flag.state is State.PANIC
        assert self.flag.hold == (hold or (old.state is State.PANIC and old.hold))
        if when is not None:
            assert self.flag.until == when

    @rule(ramp=st.booleans())
    def operator_disables(self, ramp: bool) -> None:
        old = self.flag
        try:
            change = disable(old, By("op", "operator", "seen to work", self.now), ramp=ramp)
        except PanicRefused:
            assert old.state is State.NORMAL or (ramp and old.state is State.RECOVERING)
            return
        self.apply(change, "disable")
        assert self.flag.state is (State.RECOVERING if ramp else State.NORMAL)

    @rule(seen_ago=st.one_of(st.none(), SPANS))
    def meta_approves(self, seen_ago: float | None) -> None:
        observed = None if seen_ago is None else self.now - seen_ago
        self.apply(resolve(self.flag, By("w", "webhook", "approved", self.now), observed=observed), "resolve")

    @rule(alarm_on=st.booleans())
    def prober_rearms(self, alarm_on: bool) -> None:
        change = rearm(self.flag, alarm_on=alarm_on, now=self.now, new_incident_id=self.next_id())
        assert change is None or alarm_on
        self.apply(change, "rearm")

    @rule(on=st.booleans())
    def operator_sets_shadow(self, on: bool) -> None:
        state = self.flag.state
        self.apply(set_shadow(self.flag, By("op", "operator", "try out", self.now), on=on), "shadow")
        assert (self.flag.shadow, self.flag.state) == (on, state)

    @invariant()
    def the_flag_makes_sense(self) -> None:
        flag = self.flag
        if flag.state is State.NORMAL:
            assert (flag.cause, flag.hold, flag.until, flag.successes, flag.trips) == ("", False, None, 0, 0)
        else:
            assert flag.incident_id
            assert flag.cause
        if flag.state is State.PANIC:
            assert flag.successes == self.streak
        else:
            assert not flag.hold
            assert flag.until is None
            assert flag.successes == 0
        assert (flag.recovering_since is not None) == (flag.state is State.RECOVERING)
        assert (flag.settle_until is not None) == (flag.state is State.RECOVERING)
        assert flag.blocks_sending == (flag.state is State.PANIC)


PanicMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPanicMachine = PanicMachine.TestCase
