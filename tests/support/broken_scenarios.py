"""A valid scenario, and ways to break it with the message that each must cause."""

from __future__ import annotations

#: A complete scenario; its line numbers appear in the messages.
BAKERY = """\
name: bakery
description: Two bakers and one oven.
ticks: 60
ticks_per_day: 30
map:
  width: 8
  height: 5
  walls:
    - {corner: [0, 0], opposite: [7, 0]}
objects:
  oven_1: {type: oven, at: [3, 2]}
affordances:
  bake:
    object: oven
    ticks: 3
    effects: {hunger: 0.2}
  work:
    object: oven
    ticks: 2
    work: true
jobs:
  baker: {workplace: oven_1, start: 5, end: 20, wage: 0.1}
people:
  anna: {at: [1, 2], needs: {hunger: 0.5}, job: baker}
  ben: {at: [6, 2]}
rules:
  needs:
    decay: {hunger: 0.01}
    start_jitter: 0.05
  queue:
    cooldown_ticks: 4
    ghost_step_after: 2
  employment:
    grace_ticks: 1
    absent_after: 8
  reward:
    need_weights: {hunger: 1.0}
schedule:
  anna:
    - {at: 0, do: use oven}
    - {at: 9, do: wait}
training:
  network:
    activation: tanh
telemetry:
  version: 1.1
  thresholds:
    kl: 0.2
"""

_NAME = "a name of lower-case letters, digits and _ that begins with a letter"

#: A text of the scenario, its replacement, the place that the error names, and the nearest valid key.
UNKNOWN_KEYS = [
    ("ticks_per_day: 30", "tick_per_day: 30", "tick_per_day (line 4)", "ticks_per_day"),
    ("cooldown_ticks: 4", "cooldown_tick: 4", "rules.queue.cooldown_tick (line 31)", "cooldown_ticks"),
    ("ben: {at: [6, 2]}", "ben: {at: [6, 2], jobb: x}", "people.ben.jobb (line 25)", "job"),
    ("opposite: [7, 0]}", "opposite: [7, 0], oposite: 1}", "map.walls.0.oposite (line 9)", "opposite"),
    ("do: wait}", "do: wait, doo: 1}", "schedule.anna.1.doo (line 41)", "do"),
    ("activation: tanh", "activatoin: tanh", "training.network.activatoin (line 44)", "activation"),
    ("kl: 0.2", "entropi: 0.2", "telemetry.thresholds.entropi (line 48)", "entropy"),
]

#: A text of the scenario, its replacement, the place that the error names, and the error's message.
WRONG_VALUES = [
    (
        "workplace: oven_1",
        "workplace: oven_2",
        "jobs.baker.workplace (line 22)",
        "found 'oven_2', expected one of oven_1; did you mean 'oven_1'?",
    ),
    (
        "  anna:\n    - {at: 0",
        "  ana:\n    - {at: 0",
        "schedule.ana (line 39)",
        "found 'ana', expected one of anna, ben; did you mean 'anna'?",
    ),
    (
        "do: use oven",
        "do: use ofen",
        "schedule.anna.0.do (line 40)",
        "found 'use ofen', expected use and an object type, one of oven; did you mean 'oven'?",
    ),
    (
        "do: use oven",
        "do: use",
        "schedule.anna.0.do (line 40)",
        "found 'use', expected use and an object type, one of oven",
    ),
    (
        "effects: {hunger: 0.2}",
        "effects: {hungr: 0.2}",
        "affordances.bake.effects.hungr (line 16)",
        "found 'hungr', expected 'hunger', 'hygiene' or 'energy'; did you mean 'hunger'?",
    ),
    (
        "activation: tanh",
        "activation: tan",
        "training.network.activation (line 44)",
        "found 'tan', expected 'tanh' or 'relu'; did you mean 'tanh'?",
    ),
    (
        "cooldown_ticks: 4",
        "cooldown_ticks: -4",
        "rules.queue.cooldown_ticks (line 31)",
        "found -4, expected greater than or equal to 0",
    ),
    (
        "{hunger: 0.5}",
        "{hunger: 1.5}",
        "people.anna.needs.hunger (line 24)",
        "found 1.5, expected less than or equal to 1",
    ),
    ("ticks: 60", "ticks: 0", "ticks (line 3)", "found 0, expected greater than or equal to 1"),
    (
        "start: 5, end: 20",
        "start: 5, end: 5",
        "jobs.baker.end (line 22)",
        "found 5, expected a tick after the start, 5",
    ),
    ("end: 20", "end: 31", "jobs.baker.end (line 22)", "found 31, expected at most ticks_per_day, 30"),
    (
        "absent_after: 8",
        "absent_after: 1",
        "rules.employment.absent_after (line 35)",
        "found 1, expected more than grace_ticks, 1",
    ),
    ("{at: 9,", "{at: 0,", "schedule.anna.1.at (line 41)", "found 0, expected a tick after 0 and before the end, 60"),
    ("{at: 9,", "{at: 60,", "schedule.anna.1.at (line 41)", "found 60, expected a tick after 0 and before the end, 60"),
    ("version: 1.1", "version: 1.2", "telemetry.version (line 46)", "found 1.2, expected 1.1 or 1.0"),
    (
        "effects: {hunger: 0.2}",
        "effects: {}",
        "affordances.bake.effects (line 16)",
        "found no effect, expected an effect on a need, or work: true",
    ),
    (
        "start_jitter: 0.05",
        "start_jitter: .nan",
        "rules.needs.start_jitter (line 29)",
        "found .nan, expected a finite number",
    ),
    ("wage: 0.1", "wage: .inf", "jobs.baker.wage (line 22)", "found .inf, expected a finite number"),
    (
        "cooldown_ticks: 4",
        "cooldown_ticks: four",
        "rules.queue.cooldown_ticks (line 31)",
        "found 'four', expected a whole number",
    ),
    (
        "cooldown_ticks: 4",
        'cooldown_ticks: "4"',
        "rules.queue.cooldown_ticks (line 31)",
        "found '4', expected a whole number",
    ),
    (
        "cooldown_ticks: 4",
        "cooldown_ticks: 4.5",
        "rules.queue.cooldown_ticks (line 31)",
        "found 4.5, expected a whole number",
    ),
    (
        "cooldown_ticks: 4",
        "cooldown_ticks: true",
        "rules.queue.cooldown_ticks (line 31)",
        "found true, expected a whole number",
    ),
    (
        "cooldown_ticks: 4",
        "cooldown_ticks: 2020-01-01",
        "rules.queue.cooldown_ticks (line 31)",
        "found '2020-01-01', expected a whole number",
    ),
    ("wage: 0.1", "wage: yes", "jobs.baker.wage (line 22)", "found 'yes', expected a number"),
    ("work: true", "work: 1", "affordances.work.work (line 20)", "found 1, expected true or false"),
    ("decay: {hunger: 0.01}", "decay:", "rules.needs.decay (line 28)", "found null, expected a mapping"),
    ("{hunger: 0.5}", "[hunger]", "people.anna.needs (line 24)", "found ['hunger'], expected a mapping"),
    (
        "description: Two bakers and one oven.",
        "description: 5",
        "description (line 2)",
        "found 5, expected text, which needs quotes here",
    ),
    (
        "description: Two bakers and one oven.",
        "description: ''",
        "description (line 2)",
        "found '', expected text that is not empty",
    ),
    ("at: [6, 2]", "at: 6", "people.ben.at (line 25)", "found 6, expected a list"),
    ("at: [6, 2]", "at: [6, 2, 0]", "people.ben.at (line 25)", "found [6, 2, 0], expected at most 2 entries"),
    ("at: [6, 2]", "at: [6]", "people.ben.at.1 (line 25)", "found nothing, expected a value"),
    ("at: [6, 2]", "at: [6, '2']", "people.ben.at.1 (line 25)", "found '2', expected a whole number"),
    ("  ben: {at", "  Ben: {at", "people.Ben (line 25)", f"found 'Ben', expected {_NAME}"),
    ("  ben: {at", "  7: {at", "people.7 (line 25)", f"found '7', expected {_NAME}"),
    (
        "at: [6, 2]",
        "at: [8, 2]",
        "people.ben.at (line 25)",
        "found [8, 2], expected a tile inside the 8×5 map, [0, 0] to [7, 4]",
    ),
    (
        "at: [6, 2]",
        "at: [1, 2]",
        "people.ben.at (line 25)",
        "found [1, 2], expected a tile that people.anna does not occupy",
    ),
    (
        "at: [6, 2]",
        "at: [3, 2]",
        "people.ben.at (line 25)",
        "found [3, 2], expected a tile that objects.oven_1 does not occupy",
    ),
    (
        "at: [6, 2]",
        "at: [4, 0]",
        "people.ben.at (line 25)",
        "found [4, 0], expected a tile that map.walls.0 does not occupy",
    ),
    ("ticks: 60", "ticks: 60\nticks: 70", "ticks (line 4)", "found a second time, expected once"),
    ("  ben: {at", "  anna: {at", "people.anna (line 25)", "found a second time, expected once"),
    ("{at: 9,", "{at: 9, at: 10,", "schedule.anna.1.at (line 41)", "found a second time, expected once"),
    ("name: bakery", "", "name", "found nothing, expected a value"),
    ("name: bakery", "name: butcher", "name (line 1)", "found 'butcher', expected the file's name, 'bakery'"),
    ("name: bakery", "name: The Bakery", "name (line 1)", f"found 'The Bakery', expected {_NAME}"),
]

#: A file's content, and the error's message.
NOT_A_MAPPING: list[tuple[str | bytes, str]] = [
    ("", "found an empty file, expected a mapping of scenario keys such as name, ticks, map, people"),
    ("# nothing here\n", "found an empty file, expected a mapping of scenario keys such as name, ticks, map, people"),
    ("- a\n", "found ['a'], expected a mapping of scenario keys such as name, ticks, map, people"),
    ("hello", "found 'hello', expected a mapping of scenario keys such as name, ticks, map, people"),
    (
        "a: [1, 2\nb: 3\n",
        "line 2 column 2, while parsing a flow sequence that begins in line 1: found ':', expected ',' or ']'",
    ),
    ("a: 1\n\tb: 2\n", "line 2 column 1: found character '\\t' that cannot start any token, expected valid YAML"),
    ("a:\n  b: 1\n   c: 2\n", "line 3 column 5: found mapping values are not allowed here, expected valid YAML"),
    (
        "a:\n  - b: 1\n    c: 1\n   d: 2\n",
        "line 4 column 4, while parsing a block collection that begins in line 2: "
        "found a key at another indentation, expected the end of the block",
    ),
    ("a: 1\n---\na: 2\n", "line 2 column 1: found another document, expected valid YAML"),
    (
        "a: !!python/object:os.system x\n",
        "line 1 column 4: found the tag 'tag:yaml.org,2002:python/object:os.system', "
        "expected no tag, or one of YAML's core schema",
    ),
    (
        b"name: caf\xe9\n",
        "found unacceptable character #x00e9: invalid continuation byte, expected valid YAML in UTF-8",
    ),
]
