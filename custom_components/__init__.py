"""Makes the folder importable in tests: Home Assistant's test harness brings a package of this name along."""
