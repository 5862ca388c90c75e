"""What a camera's watch makes of what a detector finds: incidents of zones, tamper, weights, what people see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from crime_detect_engine.config import CameraConfig
from crime_detect_engine.config.settings import DetectorOptions, LineConfig, ZoneConfig
from crime_detect_engine.decision.fusion import FusionOptions
from crime_detect_engine.decision.patterns import PatternOptions
from crime_detect_engine.decision.policy import step
from crime_detect_engine.decision.schedule import ScheduleWindow
from crime_detect_engine.decision.state import ARMED
from crime_detect_engine.domain.scene import Box, Detection, Look
from crime_detect_engine.domain.types import (
    Alert,
    ChangeType,
    Frame,
    IncidentSource,
    ModelRef,
    Rules,
    Score,
    Severity,
)
from crime_detect_engine.rule_judge import RuleJudge
from crime_detect_engine.scene_watch import SceneOptions, SceneWatch
from crime_detect_engine.tracking.places import CrossingLine, Zone
from crime_detect_engine.tracking.tamper import TamperOptions

from tests.fakes import NOON, FakePicture, told_frame

YARD = Zone("yard", ((0.0, 0.3), (0.6, 0.3), (0.6, 1.0), (0.0, 1.0)), intrusion_s=1.0, loitering_s=20.0)
PERSON = Detection("person", 0.8, Box(0.25, 0.4, 0.35, 0.9))
AWAY = Detection("person", 0.8, Box(0.8, 0.4, 0.9, 0.9))
UTC = ZoneInfo("UTC")
EVERYTHING = np.ones((117, 208), np.bool_)


def camera(**given: Any) -> CameraConfig:
    values = {"zones": (ZoneConfig(YARD),), "rules": Rules(cooldown_s=0.0), "tamper": TamperOptions(enabled=False)}
    return CameraConfig("cam", "rtsp://10.0.0.5/s", "Cam", **{**values, **given})


class Play:
    """A watch, its looks half a second apart, and what its judges decided."""

    def __init__(self, config: CameraConfig | None = None, options: SceneOptions | None = None) -> None:
        self.watch = SceneWatch(config or camera(), options or SceneOptions(), UTC)
        self.tick_s = 0.0
        self.alerts: list[Alert] = []
        self.judges: list[RuleJudge] = []

    def see(self, seconds: float, found: Sequence[Detection] | None = (), *, still: bool = False) -> Play:
        for _ in range(round(seconds * 2)):
            self.tick_s += 0.5
            image = None if still else np.zeros((234, 416, 3), np.uint8)
            at = NOON + timedelta(seconds=self.tick_s)
            look = Look("cam", at, self.tick_s, image, FakePicture(), foreground=EVERYTHING)
            for judge, score in self.watch.see(look, found):
                rules = self.watch.rules_of(judge.rules, judge.label, score.tick_s, act=True)
                judge.state, alerts = step(rules, judge.state, score, ARMED)
                self.alerts += alerts
                self.judges += [judge] * len(alerts)
        return self

    def told(self) -> list[tuple[str, str]]:
        return [(alert.label, str(alert.type)) for alert in self.alerts if alert.type is not ChangeType.UPDATE]

    def view(self) -> dict[str, Any]:
        return dict(self.watch.view(self.tick_s))


def test_somebody_in_the_zone_is_one_incident_from_new_to_end() -> None:
    play = Play().see(2).see(10, [PERSON]).see(20)
    assert play.told() == [("trespassing", "new"), ("trespassing", "end")]
    grounds = play.judges[0].grounds(play.alerts[0])
    assert (grounds.source, grounds.zone, grounds.rule, grounds.draw) == (
        IncidentSource.ZONE,
        "yard",
        "intrusion",
        True,
    )
    assert grounds.boxes == [{"label": "person", "box": [0.25, 0.4, 0.1, 0.5], "score": 0.8, "track": 1}]
    assert grounds.picture is not None
    assert [reason.reason for reason in grounds.why] == ["intrusion"]


def test_who_stays_also_loiters_and_that_is_an_incident_of_its_own() -> None:
    play = Play().see(30, [PERSON])
    assert play.told() == [("trespassing", "new"), ("loitering", "new")]
    assert len({alert.incident_id for alert in play.alerts}) == 2


def test_who_stands_still_goes_on_being_there_though_nothing_moves() -> None:
    play = Play().see(3, [PERSON]).see(30, still=True)
    assert play.told() == [("trespassing", "new"), ("loitering", "new")]
    assert play.view()["persons"] == 1


def test_outside_the_zone_or_its_hours_nothing_is_told_but_people_are_counted() -> None:
    assert Play().see(10, [AWAY]).told() == []
    night = ScheduleWindow(start=22 * 60, end=6 * 60)
    play = Play(camera(zones=(ZoneConfig(YARD, (night,)),))).see(10, [PERSON])
    assert play.told() == []
    assert play.view()["zones"] == {"yard": {"persons": 1, "objects": {"person": 1}, "occupied": True}}


def test_a_detector_that_is_away_says_nothing_of_who_is_there() -> None:
    play = Play().see(5, [PERSON]).see(10, None)
    assert play.view()["persons"] is None
    assert play.view()["zones"] == {}
    assert play.watch.objects_json(play.tick_s) == []


def test_stillness_is_no_news_of_an_empty_place_while_the_detector_is_away() -> None:
    play = Play().see(1, None).see(10, still=True)
    assert play.view()["persons"] is None
    play.see(1, []).see(5, still=True)
    assert play.view()["persons"] == 0
    play.see(1, None).see(10, still=True)
    assert play.view()["persons"] is None


def test_after_a_gap_who_was_in_the_zone_counts_from_new() -> None:
    play = Play().see(15, [PERSON]).see(6, None).see(15, [PERSON])
    assert ("loitering", "new") not in play.told()


def test_a_line_crossed_is_an_incident_that_ends_by_itself() -> None:
    line = LineConfig(CrossingLine("gate", (0.5, 0.0), (0.5, 1.0)))
    play = Play(camera(zones=(), lines=(line,)))
    for x in (0.2, 0.3, 0.4, 0.55, 0.65):
        play.see(0.5, [Detection("person", 0.8, Box(x - 0.05, 0.4, x + 0.05, 0.9))])
    play.see(10)
    assert play.told() == [("line_crossing", "new"), ("line_crossing", "end")]


def test_a_zone_that_is_taken_away_leaves_its_open_incident_to_be_closed() -> None:
    play = Play().see(5, [PERSON])
    gone = play.watch.configure(camera(zones=()))
    assert [(judge.place, judge.label) for judge in gone] == [("yard", "trespassing")]
    assert gone[0].state.open_incidents
    assert play.watch.judges == ()


def test_other_rules_of_the_same_zone_keep_who_is_in_it() -> None:
    play = Play().see(15, [PERSON])
    play.watch.configure(camera(rules=Rules(cooldown_s=5.0)))
    assert play.see(8, [PERSON]).told()[-1] == ("loitering", "new")


def test_only_what_somebody_asks_for_is_followed() -> None:
    bird, car = Detection("bird", 0.9, PERSON.box), Detection("car", 0.9, AWAY.box)
    assert Play().see(4, [bird, car]).view()["objects"] == {"car": 1}
    zone = Zone("nest", YARD.polygon, objects=("bird",), intrusion_s=1.0)
    play = Play(camera(zones=(ZoneConfig(zone),))).see(4, [bird])
    assert play.told() == [("trespassing", "new")]


def test_a_threshold_of_the_class_holds_back_who_is_not_sure_enough() -> None:
    assert Play(camera(rules=Rules(per_class={"trespassing": 0.9}))).see(10, [PERSON]).told() == []
    severe = Play(camera(rules=Rules(severity={"trespassing": Severity.CRITICAL}))).see(5, [PERSON])
    assert severe.alerts[0].severity is Severity.CRITICAL


def test_what_somebody_carries_rides_along_and_is_no_alarm() -> None:
    knife = Detection("knife", 0.7, Box(0.3, 0.6, 0.33, 0.66))
    far = Detection("baseball bat", 0.9, Box(0.8, 0.6, 0.9, 0.66))
    unsure = Detection("backpack", 0.3, Box(0.3, 0.5, 0.33, 0.6))
    for wanted, told in ((True, {"carried": [{"label": "knife", "confidence": 0.7}]}), (False, {})):
        options = SceneOptions(detector=DetectorOptions(carried=wanted))
        play = Play(options=options).see(4, [PERSON, knife, far, unsure])
        assert play.told() == [("trespassing", "new")]
        assert play.judges[0].grounds(play.alerts[0]).attributes == told


def test_privacy_forgets_who_was_there() -> None:
    play = Play().see(5, [PERSON])
    play.watch.clear()
    assert play.view()["persons"] is None
    assert all(judge.picture is None for judge in play.watch.judges)


# --- what weighs on the model ----------------------------------------------------------------------------------------

FUSED = SceneOptions(fusion=FusionOptions(enabled=True))


def fight(tick_s: float) -> Score:
    return Score("cam", NOON, tick_s, {"normal": 0.15, "fighting": 0.85}, "m", 1.0)


def test_by_default_a_score_is_not_touched() -> None:
    play = Play().see(10)
    assert play.watch.weigh(fight(play.tick_s)) == fight(play.tick_s)


def test_with_fusion_a_fight_without_anybody_is_held_back_and_the_incident_says_why() -> None:
    play = Play(options=FUSED).see(10)
    score = play.watch.weigh(fight(play.tick_s))
    assert score.probabilities["fighting"] < 0.5
    alert = Alert("i", "cam", ChangeType.NEW, "fighting", 0.8, 0.8, Severity.ALERT, True, None, NOON, NOON, (score,))
    (reason,) = play.watch.grounds_of_model(alert, ModelRef("m", "1")).why
    assert (reason.reason, reason.detail) == ("no_person", "nobody yet")


def test_with_fusion_persons_where_the_model_looks_make_it_surer_and_their_boxes_are_kept() -> None:
    play = Play(options=FUSED).see(10, [PERSON])
    score = play.watch.weigh(fight(play.tick_s))
    assert score.probabilities["fighting"] > 0.85
    alert = Alert("i", "cam", ChangeType.NEW, "fighting", 0.9, 0.8, Severity.ALERT, True, None, NOON, NOON, (score,))
    grounds = play.watch.grounds_of_model(alert, ModelRef("m", "1"))
    assert [box["label"] for box in grounds.boxes] == ["person"]
    assert not grounds.draw


def test_a_detector_that_is_away_holds_nothing_back() -> None:
    play = Play(options=FUSED).see(10).see(10, None)
    assert play.watch.weigh(fight(play.tick_s)) == fight(play.tick_s)


def test_an_act_after_somebody_lingered_is_graver_and_says_why() -> None:
    options = SceneOptions(patterns=PatternOptions(enabled=True, linger_s=10.0, within_s=60.0))
    plain = Zone("yard", YARD.polygon, intrusion_s=1.0)
    play = Play(camera(zones=(ZoneConfig(plain),)), options).see(15, [AWAY]).see(6).see(4, [PERSON])
    assert play.alerts[0].severity is Severity.CRITICAL
    reasons = [reason.reason for reason in play.judges[0].grounds(play.alerts[0]).why]
    assert reasons == ["intrusion", "lingered"]
    assert Play(camera(zones=(ZoneConfig(plain),))).see(15, [AWAY]).see(6).see(4, [PERSON]).alerts[0].severity == 1


# --- capture thread --------------------------------------------------------------------------------------------------


def frames(seconds: float, *, moving: bool = True, start_s: float = 0.0) -> list[Frame]:
    made = [told_frame("cam", start_s + n / 8, 0.1, seq=n) for n in range(round(seconds * 8))]
    return [
        Frame(one.camera, one.seq, one.at, one.tick_s, one.image, one.previous, FakePicture(), moving) for one in made
    ]


@pytest.mark.parametrize("rate", [1.0, 2.0, 4.0])
def test_looks_come_at_their_own_rate(rate: float) -> None:
    watch = SceneWatch(camera(), SceneOptions(detector=DetectorOptions(rate=rate)), UTC)
    looks = [look for frame in frames(10) if (look := watch.look(frame))]
    assert len(looks) == pytest.approx(10 * rate, abs=1)
    for number in range(4):  # nobody is there
        watch.see(looks[number], [])
    later = [look for frame in frames(10, start_s=10.0) if (look := watch.look(frame))]
    assert len(later) == pytest.approx(5 * rate, abs=1)
    assert all(look.image is not None and look.image.shape == (216, 384, 3) for look in looks)


def test_where_nothing_moves_pictures_are_looked_at_seldom_and_looks_go_on() -> None:
    watch = SceneWatch(camera(), SceneOptions(), UTC)
    looks = [look for frame in frames(20, moving=False) if (look := watch.look(frame))]
    assert len(looks) == pytest.approx(40, abs=1)
    assert sum(look.image is not None for look in looks) == 4


def test_a_camera_that_watches_for_nothing_is_not_looked_at() -> None:
    watch = SceneWatch(camera(zones=()), SceneOptions(), UTC)
    assert not [look for frame in frames(3) if (look := watch.look(frame))]
    assert not watch.wants_detector
    always = SceneWatch(camera(zones=(), detector="on"), SceneOptions(), UTC)
    assert [look for frame in frames(3) if (look := always.look(frame))]
    never = SceneWatch(camera(detector="off"), SceneOptions(), UTC)
    assert not never.wants_detector


# --- tampering -------------------------------------------------------------------------------------------------------


class Room(FakePicture):
    """A room with clear edges, or what a hand over the lens leaves of it."""

    def __init__(self, tick_s: float, *, covered: bool = False) -> None:
        super().__init__()
        random = np.random.default_rng(round(tick_s * 8))
        image = np.kron(np.random.default_rng(1).integers(40, 220, (18, 32)), np.ones((40, 40)))[..., None].repeat(3, 2)
        image = np.full_like(image, 25) if covered else image
        self._image = (image + random.integers(-3, 4, image.shape)).clip(0, 255).astype(np.uint8)

    def rgb(self, max_height: int | None = None) -> np.ndarray:
        step = self.height // (max_height or self.height)
        return np.ascontiguousarray(self._image[::step, ::step][:, :, :])


def test_a_hand_over_the_lens_is_an_incident_and_a_person_may_say_that_all_is_well() -> None:
    config = camera(zones=(), tamper=TamperOptions())
    watch, told, kinds = SceneWatch(config, SceneOptions(), UTC), [], []
    for n in range(60 * 8):
        tick_s = n / 8
        frame = told_frame("cam", tick_s, 0.1, seq=n)
        picture = Room(tick_s, covered=tick_s >= 40.0) if n % 4 == 0 else FakePicture()
        frame = Frame(frame.camera, n, frame.at, tick_s, frame.image, frame.previous, picture)
        look = watch.look(frame)
        if look is None:
            continue
        for judge, score in watch.see(look, None):
            judge.state, alerts = step(judge.rules, judge.state, score, ARMED)
            told += [(alert.label, str(alert.type), judge.grounds(alert).zone) for alert in alerts]
        kinds.append(watch.view(tick_s)["tamper"])
    assert told[0] == ("tampering", "new", None)
    assert kinds[0] is None
    assert kinds[-1] == "covered"
    assert watch.view(60.0)["tampered"]
    watch.accept_view()
    assert not watch.view(60.0)["tampered"]
