"""Faults of queues, tags and callers: each with its place and every word that is read about it."""

from pathlib import Path

import pytest

from pbx.config import ConfigErrors, load

PEOPLE = """\
extensions: {901: Anna, 902: Borys, 903: Vira}
agents:
  901: {name: Anna, tags: {sales: 80, french: 40}}
  902: {name: Borys, tags: [sales, english]}
  903: Vira
"""

FAULTS = {
    "no requirement": (
        'queues: {a: {members: [901], requires: "sales & & french"}}',
        '1:40: queues.a.requires: expected tags such as "sales & french >= 50",'
        " found \"sales & & french\" ('&' is not understood in 'sales & & french')",
    ),
    "nothing that could be heard": (
        "queues: {a: {members: [901], must_finish: true}}",
        "1:43: queues.a.must_finish: there is no greeting that could be heard",
    ),
    "unfinished requirement": (
        "queues: {a: {members: [901], requires: sales and (french}}",
        '1:40: queues.a.requires: expected tags such as "sales & french >= 50",'
        " found \"sales and (french\" (something is missing in 'sales and (french')",
    ),
    "level of a tag": (
        "queues: {a: {members: [901], requires: french >= 500}}",
        '1:40: queues.a.requires: expected tags such as "sales & french >= 50",'
        " found \"french >= 500\" (expected a level from 1 to 100, not '500')",
    ),
    "requirement without end": (
        f"queues: {{a: {{members: [901], requires: {'sales & ' * 40}}}}}",
        "1:40: queues.a.requires: expected at most 300 characters,"
        ' found "sales & sales & sales & sales & sales & …"',
    ),
    "unknown tag": (
        "queues: {a: {members: [901], requires: sales & frensh}}",
        '1:40: queues.a.requires: there is no tag "frensh" (did you mean "french"?)',
    ),
    "undeclared tag": (
        "tags: {language: [french], skill: [sales]}",
        '5:22: agents.902.tags.english: tag "english" is not declared under `tags`'
        " (known: french, sales)",
    ),
    "tag of a number": (
        "queues: {a: {members: [901]}}\nnumbers: {700: {to: 'queue:a', requires: germn}}",
        '2:42: numbers.700.requires: there is no tag "germn" (known: english, french, sales)',
    ),
    "tag of a caller": (
        "callers:\n  - {number: 1, requires: englsh}",
        '2:27: callers[0].requires: there is no tag "englsh" (did you mean "english"?)',
    ),
    "tag twice": (
        "tags: {language: [french, english], skill: [sales, french]}",
        '1:52: tags.skill[1]: tag "french" is in language already',
    ),
    "tag like a dimension": (
        "tags: {language: [french, english], skill: [sales, language]}",
        '1:52: tags.skill[1]: "language" is a dimension: a tag needs a name of its own',
    ),
    "tag with a meaning": (
        "tags: {language: [french, english], skill: [sales, All]}",
        '1:52: tags.skill[1]: "All" has a meaning of its own in requirements',
    ),
    "dimension with a meaning": (
        "tags: {all: [french, english, sales]}",
        '1:8: tags.all: "all" has a meaning of its own in requirements',
    ),
    "unknown drop": (
        "tags: {language: [french, english], skill: [sales]}\n"
        "queues: {a: {members: [901], relax: [{after: 20s, drop: langage}]}}",
        '2:57: queues.a.relax[0].drop: there is no tag or dimension "langage"'
        ' (did you mean "language"?)',
    ),
    "drop of nothing": (
        "queues: {a: {members: [901], relax: [{after: 20s}]}}",
        "1:38: queues.a.relax[0].drop: this setting is needed",
    ),
    "relax backwards": (
        "queues: {a: {members: [901], relax: [{after: 1m, drop: sales}, {after: 20s, drop: all}]}}",
        "1:72: queues.a.relax[1].after: expected at least 1m:"
        " steps stand in the order of their times",
    ),
    "relax too late": (
        "queues: {a: {members: [901], max_wait: 1m30s, relax: [{after: 90s, drop: all}]}}",
        "1:63: queues.a.relax[0].after: no call waits so long here: its max_wait is 1m30s",
    ),
    "impossible": (
        "queues: {a: {members: [901, 903], requires: sales & french >= 50}}",
        "1:45: queues.a.requires: nobody in this queue can ever meet this (901 lacks french >= 50)",
    ),
    "impossible for a number": (
        "queues: {a: {members: [903, 902], requires: sales}}\n"
        "numbers: {700: {to: 'queue:a', requires: french}}",
        "2:42: numbers.700.requires: nobody in this queue can ever meet this"
        " (903 lacks sales & french)",
    ),
    "impossible for a caller": (
        "queues: {a: {members: [902]}}\ncallers: [{number: 1, queue: a, requires: french}]",
        "2:43: callers[0].requires: nobody in this queue can ever meet this (902 lacks french)",
    ),
    "relaxed in vain": (
        "queues: {a: {members: [902], requires: french, relax: [{after: 20s, drop: english}]}}",
        "1:40: queues.a.requires: nobody in this queue can ever meet this (902 lacks french)",
    ),
    "unknown agent in a step": (
        "queues: {a: {steps: [[901, 902], [903, {agent: 909}]]}}",
        '1:48: queues.a.steps[1][1].agent: there is no agent "909" (did you mean "903"?)',
    ),
    "agent in two steps": (
        "queues: {a: {steps: [[901, 902], [903, 901]]}}",
        '1:40: queues.a.steps[1][1].agent: agent "901" is in step 1 already',
    ),
    "steps and members": (
        "queues: {a: {steps: [[901, 902]], members: [903]}}",
        "1:21: queues.a.steps: give either members or steps, not both",
    ),
    "order in a step": (
        "queues: {a: {steps: [[901, {agent: 902, order: 3}]]}}",
        "1:41: queues.a.steps[0][1].order: the step says the order already",
    ),
    "empty step": (
        "queues: {a: {steps: [[901], []]}}",
        "1:29: queues.a.steps[1]: expected at least 1 of them, found a list",
    ),
    "misspelt in a step": (
        "queues: {a: {steps: [[{agent: 901, ring_timout: 5}]]}}",
        "1:36: queues.a.steps[0][0].ring_timout: there is no such setting"
        ' (did you mean "ring_timeout"?)',
    ),
    "no steps": (
        "queues: {a: {steps: []}}",
        "1:10: queues.a.members: this queue has nobody to answer its calls: it needs members",
    ),
    "helper who comes too late": (
        "queues: {a: {members: [901, {agent: 902, delay: 5m}]}}",
        "1:49: queues.a.members[1].delay: no call waits so long here: its max_wait is 5m",
    ),
    "manual for ever": (
        "queues: {a: {members: [901], strategy: manual, then: manual}}",
        "1:54: queues.a.then: expected a strategy that rings somebody, found manual",
    ),
    "automatic too late": (
        "queues: {a: {members: [901], strategy: manual, auto_after: 10m}}",
        "1:60: queues.a.auto_after: no call waits so long here: its max_wait is 5m",
    ),
    "no weight": (
        "queues: {a: {strategy: weighted, members: [{agent: 901, weight: 0}]}}",
        "1:65: queues.a.members[0].weight: expected at least 1, found 0",
    ),
    "window": (
        "queues: {a: {members: [901], window: dya}}",
        "1:38: queues.a.window: expected day, hour, shift, or a time such as 90m,"
        ' found "dya" (did you mean "day"?)',
    ),
    "no window": (
        "queues: {a: {members: [901], window: 0s}}",
        '1:38: queues.a.window: expected more than 0s, found "0s"',
    ),
    "aligned day": (
        "queues: {a: {members: [901], align: clock}}",
        "1:37: queues.a.align: only an hour can be aligned, and the window is day (window: hour)",
    ),
    "aligned shift": (
        "queues: {a: {members: [901], align: clock, window: 30m}}",
        "1:37: queues.a.align: only an hour can be aligned, and the window is 30m (window: hour)",
    ),
    "recalculate": (
        "queues: {a: {members: [901], recalculate: every_hour}}",
        "1:43: queues.a.recalculate: expected a time such as 15s, 5m, 1h30m,"
        ' or a number of seconds, found "every_hour"',
    ),
    "recalculate all the time": (
        "queues: {a: {members: [901], recalculate: 500ms}}",
        "1:43: queues.a.recalculate: expected 0s, or at least 1s",
    ),
    "rising all the time": (
        "queues: {a: {members: [901], priority: {rise_every: 0.1}}}",
        "1:53: queues.a.priority.rise_every: expected 0s, or at least 0.5s",
    ),
    "newcomer": (
        "queues: {a: {members: [901], newcomer: maximum}}",
        '1:40: queues.a.newcomer: expected one of minimum or zero, found "maximum"'
        ' (did you mean "minimum"?)',
    ),
    "sticky for how long": (
        "queues: {a: {members: [901], sticky: {wait: 30s}}}",
        "1:30: queues.a.sticky.for: this setting is needed",
    ),
    "sticky for too long": (
        "queues: {a: {members: [901], sticky: 400d}}",
        '1:38: queues.a.sticky.for: expected a time from 0s to 366 days, found "400d"',
    ),
    "priority": (
        "queues: {a: {members: [901], priority: high}}",
        '1:40: queues.a.priority.start: expected a whole number, found "high"',
    ),
    "rising priority": (
        "queues: {a: {members: [901], priority: {start: 5, rises: 30s}}}",
        '1:51: queues.a.priority.rises: there is no such setting (did you mean "rise_max"?)',
    ),
    "round trip by a new way": (
        "queues:\n  a: {members: [901], on_no_agent: 'queue:b'}\n"
        "  b: {members: [901], on_timeout: hangup, on_all_missed: 'queue:a'}",
        "2:36: queues.a.on_no_agent: callers would go around for ever: a → b → a",
    ),
    "nowhere by a new way": (
        "queues: {a: {members: [901], on_all_missed: 'queue:b'}}",
        '1:45: queues.a.on_all_missed: there is no queue "b" (known: a)',
    ),
    "break that nobody can take": (
        "break_reasons: {lunch: {keep_at_work: 3}}",
        "1:39: break_reasons.lunch.keep_at_work: nobody could ever take this break:"
        " there are 3 agents",
    ),
    "break reasons": (
        "break_reasons: lunch",
        '1:16: break_reasons: expected a mapping: `key: value` lines, found "lunch"',
    ),
    "setting of a break": (
        "break_reasons: {lunch: {long: 1h}}",
        '1:25: break_reasons.lunch.long: there is no such setting (did you mean "longest"?)',
    ),
    "personal agent": (
        "queues: {a: {members: [901]}}\nnumbers: {700: {to: 'queue:a', agent: 909}}",
        '2:39: numbers.700.agent: there is no agent "909" (did you mean "903"?)',
    ),
    "wish of a number without a queue": (
        "numbers: {700: {to: 'extension:901', priority: 5}}",
        "1:38: numbers.700.priority: only a number that leads to a queue can have this",
    ),
    "nobody on the other side": (
        "callers: [{number: 1, agent: 909}]",
        '1:30: callers[0].agent: there is no agent "909" (did you mean "903"?)',
    ),
    "queue of a caller": (
        "queues: {vip: {members: [901]}}\ncallers: [{number: 1, queue: vpi}]",
        '2:30: callers[0].queue: there is no queue "vpi" (did you mean "vip"?)',
    ),
    "caller": (
        "callers: [{number: ['+38*044'], priority: 1}]",
        "1:21: callers[0].number[0]: expected a caller's number, how it begins (+38044*),"
        ' or anonymous, found "+38*044"',
    ),
    "no caller": (
        "callers: [{priority: 1}]",
        "1:11: callers[0].number: this setting is needed",
    ),
    "caller for nothing": (
        "callers: [{number: 0501234567}]",
        "1:11: callers[0]: this entry does nothing:"
        " it needs a queue, priority, requires, agent, language or blacklist",
    ),
    "caller who is refused and preferred": (
        "callers: [{number: '1', blacklist: true, priority: 7}]",
        "1:42: callers[0].priority: a caller on the blacklist gets nothing else",
    ),
    "caller who was met before": (
        "callers:\n- {number: '+38*', priority: 1}\n- {number: ['+1', '+38044*'], priority: 2}",
        '3:19: callers[1].number[1]: "+38044*" is never reached:'
        " entry 1 of callers fits it already",
    ),
    "same caller": (
        "callers:\n- {number: anonymous, priority: 1}\n- {number: anonymous, priority: 2}",
        '3:12: callers[1].number[0]: "anonymous" is never reached:'
        " entry 1 of callers fits it already",
    ),
    "blacklist": (
        "blacklist: ['+38 044']",
        "1:13: blacklist[0]: expected a caller's number, how it begins (+38044*), or anonymous,"
        ' found "+38 044"',
    ),
    "blacklisted to a queue": (
        "queues: {a: {members: [901]}}\non_blacklist: queue:a",
        "2:15: on_blacklist: callers on the blacklist can wait in no queue",
    ),
    "blacklisted to nowhere": (
        "on_blacklist: play:go-away",
        '1:15: on_blacklist: there is no sound "go-away"',
    ),
}


def faults_of(text: str, folder: Path) -> list[str]:
    path = folder / "pbx.yaml"
    _ = path.write_text(text)
    with pytest.raises(ConfigErrors) as raised:
        _ = load(path, {})
    return [str(error).removeprefix(f"{path}:") for error in raised.value.errors]


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, tmp_path: Path) -> None:
    text, expected = FAULTS[name]
    found = faults_of(f"{text}\n{PEOPLE}", tmp_path)
    assert found == [expected]
