"""What is heard lasts a little longer than the sound, and never for ever."""

from __future__ import annotations

from crime_detect_engine.sources.frigate_sounds import FrigateSounds


def test_a_sound_is_heard_until_some_seconds_after_its_end() -> None:
    sounds = FrigateSounds()
    sounds.hear("yard", "scream", True, 0.0)
    sounds.hear("yard", "glass", True, 2.0)
    assert sounds.of("yard", 60.0) == ("glass", "scream")
    sounds.hear("yard", "scream", False, 60.0)
    assert sounds.of("yard", 69.0) == ("glass", "scream")
    assert sounds.of("yard", 71.0) == ("glass",)
    assert sounds.of("door", 5.0) == ()


def test_an_end_that_was_missed_and_an_end_without_a_beginning() -> None:
    sounds = FrigateSounds()
    sounds.hear("yard", "scream", True, 0.0)
    sounds.hear("yard", "bark", False, 0.0)
    assert sounds.of("yard", 1.0) == ("scream",)
    assert sounds.of("yard", 3600.0) == ()


def test_a_list_says_all_that_is_heard_now() -> None:
    sounds = FrigateSounds()
    sounds.hear_only("yard", ["scream"], 0.0)
    sounds.hear_only("yard", ["bark"], 5.0)
    assert sounds.of("yard", 6.0) == ("bark", "scream")
    assert sounds.of("yard", 16.0) == ("bark",)
    sounds.clear()
    assert sounds.of("yard", 6.0) == ()


def test_a_flood_of_sounds_is_not_kept() -> None:
    sounds = FrigateSounds()
    for number in range(1000):
        sounds.hear("yard", f"sound {number}", True, float(number) / 1000)
    assert len(sounds.of("yard", 1.0)) <= 50
    assert "sound 999" in sounds.of("yard", 1.0)
